"""Which pairs are run, and in which order: data, made before anything runs.

Where time is limited the scenarios of the shortest pairs come first: they bring the most answers.
What does not fit is said, with what the data will not be able to carry.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from baseimages.measure.scenario import COLD, Reset, Scenario
from baseimages.measure.statistics import MIN_PAIRS

# Start and stop of an engine and the way of a base into it, which no run's duration holds.
ENGINE_S = 15.0
NO_CLAIM = f"fewer than {MIN_PAIRS} pairs: raw points, no claim"
APART = "one arm after the other, one engine at a time: no claim depends on their order"
NO_OTHER = "one image against itself: its noise, no verdict"
# Names of the arms in which a run can be.
BASELINE, CANDIDATE = "baseline", "candidate"
# Wall seconds of a run by arm and scenario.
Known = Mapping[tuple[str, str], float]


@dataclass(frozen=True, kw_only=True)
class Portion:
    """The pairs of one scenario: `noise` of the baseline against itself, then `pairs`.

    `estimate_s` is what they take, None where no duration is known; `cannot` what they will not tell.
    """

    scenario: Scenario
    pairs: int
    noise: int
    estimate_s: float | None = None
    cannot: str = ""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """All portions, in the order in which they run. With one arm the noise is all there is."""

    portions: tuple[Portion, ...]
    arms: tuple[str, ...]
    seed: int
    budget_s: float | None = None

    @property
    def estimate_s(self) -> float | None:
        """What is known of the time that it takes."""
        known = [portion.estimate_s for portion in self.portions]
        return None if None in known else sum(each for each in known if each is not None)

    @property
    def is_apart(self) -> bool:
        """Whether all runs of an arm come before those of the other: where each scenario has one pair,
        nothing is gained by an order that keeps two engines, each with a build in it, on the disk.
        Within a budget of time it is: what does not fit is left out of both.
        """
        single = all(portion.pairs <= 1 and not portion.noise for portion in self.portions)
        return len(self.arms) > 1 and self.budget_s is None and single

    def orders(self, portion: Portion, count: int, kind: str) -> list[bool]:
        """Of each of `count` pairs whether the second arm runs first, from the recorded seed."""
        source = random.Random(f"{self.seed}/{portion.scenario.name}/{kind}")
        return [source.random() < 0.5 for _ in range(count)]


def make_schedule(
    wishes: Sequence[tuple[Scenario, int]],
    *,
    arms: tuple[str, ...],
    known: Known,
    seed: int,
    budget_s: float | None,
) -> Schedule:
    """What fits of the wished (scenario, pairs).

    Where a claim is possible at all, as many A/A pairs come first as a claim needs. Runs that need a
    build of their arm stand on the last cold pair: without one in the wishes, one is added.
    """
    wished, portions = _sort(_add_cold(wishes), known, arms), []
    cold_s = _pair_s(COLD, known, arms) or 0.0 if any(scenario == COLD for scenario, _ in wished) else 0.0
    rest_s = None if budget_s is None else budget_s - cold_s
    for scenario, count in wished:
        kept_s = cold_s if scenario == COLD else 0.0
        portion = _fit(scenario, count, known, arms, None if rest_s is None else rest_s + kept_s)
        if rest_s is not None:
            rest_s -= (portion.estimate_s or 0.0) - kept_s
        portions.append(portion)
    # Cold runs first: the others stand on the last of them.
    portions.sort(key=lambda portion: portion.scenario.name != COLD.name)
    return Schedule(portions=tuple(portions), arms=arms, seed=seed, budget_s=budget_s)


def describe_schedule(schedule: Schedule) -> str:
    """A line for each portion, for `--dry-run`."""
    way = f"; {APART}" if schedule.is_apart else ""
    lines = [f"{' against '.join(reversed(schedule.arms))}, seed {schedule.seed}{way}\n"]
    for portion in schedule.portions:
        time = "of unknown duration" if portion.estimate_s is None else f"about {portion.estimate_s:.0f} s"
        lines.append(
            f"{portion.scenario.name:<16} {portion.noise} A/A pairs, {portion.pairs} pairs, {time}"
            f"{'; ' if portion.cannot else ''}{portion.cannot}\n"
        )
    return "".join(lines)


def _add_cold(wishes: Sequence[tuple[Scenario, int]]) -> list[tuple[Scenario, int]]:
    has_cold = any(scenario.name == COLD.name for scenario, _ in wishes)
    needs_build = any(
        scenario.reset in (Reset.NOTHING, Reset.LAYERS) or scenario.imports_cache for scenario, _ in wishes
    )
    return [*([(COLD, 1)] if needs_build and not has_cold else []), *wishes]


def _sort(
    wishes: list[tuple[Scenario, int]], known: Known, arms: tuple[str, ...]
) -> list[tuple[Scenario, int]]:
    """By the time of a pair; what is not known comes last."""

    def key(wish: tuple[Scenario, int]) -> tuple[bool, float]:
        time_s = _pair_s(wish[0], known, arms)
        return time_s is None, time_s or 0.0

    return sorted(wishes, key=key)


def _pair_s(scenario: Scenario, known: Known, arms: tuple[str, ...]) -> float | None:
    runs = [known.get((arm, scenario.name)) for arm in (arms[0], arms[-1])]
    around_s = 2 * ENGINE_S if scenario.reset in (Reset.ENGINE, Reset.BASE) else 0.0
    return None if None in runs else around_s + sum(run for run in runs if run is not None)


def _fit(
    scenario: Scenario, count: int, known: Known, arms: tuple[str, ...], rest_s: float | None
) -> Portion:
    wished = _share(Portion(scenario=scenario, pairs=count, noise=0), arms)
    pair_s, noise_s = _pair_s(scenario, known, arms), _pair_s(scenario, known, arms[:1])
    if pair_s is None or noise_s is None:
        return wished

    def add_estimate(portion: Portion) -> Portion:
        return replace(portion, estimate_s=portion.pairs * pair_s + portion.noise * noise_s)

    for fewer in range(count, 0, -1):
        portion = add_estimate(_share(replace(wished, pairs=fewer), arms))
        if rest_s is None or (portion.estimate_s or 0.0) <= rest_s:
            left_out = f"{fewer} of {count} pairs fit the budget" if fewer < count else ""
            return replace(portion, cannot="; ".join(filter(None, (left_out, portion.cannot))))
    # The first cold pair is what all other runs stand on.
    least = 1 if scenario.name == COLD.name else 0
    none = add_estimate(_share(replace(wished, pairs=least), arms))
    return replace(none, cannot=f"{none.pairs or 'none'} of {count} pairs fit the budget; {NO_CLAIM}")


def _share(portion: Portion, arms: tuple[str, ...]) -> Portion:
    """With its A/A pairs: as many as a claim needs, none below that; with one arm they are the pairs."""
    if len(arms) == 1:
        return replace(portion, noise=portion.pairs, pairs=0, cannot=NO_OTHER)
    if portion.pairs < MIN_PAIRS:
        return replace(portion, noise=0, cannot=NO_CLAIM)
    return replace(portion, noise=MIN_PAIRS)

"""What a session of interleaved pairs leaves: every raw run, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.build import BaseFacts, EngineFacts, HostFacts
from baseimages.measure.record import RunRecord
from baseimages.measure.scenario import Scenario
from baseimages.measure.statistics import Pair, PairedResult, judge_pairs
from baseimages.records import Record

OTHER_DAY = "its runs are of two days, between which an archive moves"


class Part(BaseModel):
    """Base of the parts of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFacts(Part):
    """What went into the builds of one arm.

    `lock_sha256` is over the names and bytes of the lock files beside its Dockerfile, empty where it
    has none. `sources` are the values of build arguments that choose an index, a mirror or a day of
    an archive.
    """

    base: BaseFacts
    platform: str
    target: str
    lock_sha256: str
    sources: dict[str, str]


class ArmRecord(Part):
    """One side: `variant` of images.toml at the revision of the checkout."""

    variant: str
    image_name: str
    revision: str
    inputs: InputFacts


class PairRecord(Part):
    """Two runs back to back, `first` the one that ran first; of a session whose arms ran apart, with
    all the others of the first arm between them.

    In an A/A pair both are runs of the baseline.
    """

    first: Literal["baseline", "candidate"]
    baseline: RunRecord
    candidate: RunRecord

    @property
    def fault(self) -> str:
        """Why it says nothing, empty when it does."""
        for run in (self.baseline, self.candidate):
            if not run.valid or run.duration_s is None:
                return run.note or "a run failed"
        days = {run.started_at[:10] for run in (self.baseline, self.candidate)}
        return OTHER_DAY if len(days) > 1 else ""


class ScenarioRecord(Part):
    """The pairs of one scenario; `noise` are A/A pairs, `cannot` what was left undone and why.

    The steps of its runs are kept for the first valid pair alone. `wall` and `processor` follow from
    the pairs: `judge_scenario` makes them again.
    """

    name: str
    reset: str
    hits: str
    edits: tuple[str, ...]
    noise: tuple[PairRecord, ...]
    pairs: tuple[PairRecord, ...]
    wall: PairedResult
    processor: PairedResult
    cannot: str = ""

    @property
    def failed(self) -> int:
        """Pairs, of either kind, in which a run failed or measured something else."""
        return sum(bool(pair.fault) for pair in (*self.noise, *self.pairs))


class PrivateEngineFacts(Part):
    """The engines that ran it all, each alike and gone now; `settings` is what they were told."""

    kind: str
    engine: EngineFacts
    settings: str


class PairsRecord(Record):
    """A session: the arms, what was asked for, and the scenarios in the order in which they ran.

    `manifest_digest` is the candidate's image. Without a `baseline` the candidate ran against itself,
    and each scenario has A/A pairs alone. `disk_bytes` is the most that the session held.
    `apart` says that one arm ran after the other.
    """

    manifest_digest: str
    baseline: ArmRecord | None
    candidate: ArmRecord
    host: HostFacts
    engine: PrivateEngineFacts | None
    seed: int
    started_at: str
    duration_s: float
    budget_s: float | None
    disk_budget_bytes: int | None
    disk_bytes: int
    scenarios: tuple[ScenarioRecord, ...]
    apart: bool = False

    def scenario(self, name: str) -> ScenarioRecord | None:
        """The scenario of that name."""
        return next((each for each in self.scenarios if each.name == name), None)


def judge_scenario(
    scenario: Scenario, noise: Sequence[PairRecord], pairs: Sequence[PairRecord], cannot: str
) -> ScenarioRecord:
    """The record of a scenario with what its pairs say of wall and of processor seconds."""
    return ScenarioRecord(
        name=scenario.name,
        reset=scenario.reset.value,
        hits=scenario.hits.value,
        edits=tuple(edit.file for edit in scenario.edits),
        noise=_keep_first_steps(noise),
        pairs=_keep_first_steps(pairs),
        wall=judge_quantity(noise, pairs, "duration_s"),
        processor=judge_quantity(noise, pairs, "cpu_s"),
        cannot=cannot,
    )


def judge_quantity(
    noise: Sequence[PairRecord], pairs: Sequence[PairRecord], quantity: Literal["duration_s", "cpu_s"]
) -> PairedResult:
    """What the valid pairs say of that quantity of their runs."""
    values = _values(pairs, quantity)
    result = judge_pairs(values, _values(noise, quantity))
    if values or not pairs:
        return result
    faults = {pair.fault for pair in pairs}
    if faults == {OTHER_DAY}:
        return result.model_copy(update={"verdict": "not comparable", "reason": OTHER_DAY})
    return result.model_copy(update={"reason": "; ".join(sorted(faults - {""})) or "no run told it"})


def describe_pairs(record: PairsRecord) -> str:
    """What each scenario says, for a terminal."""
    other = record.baseline.variant if record.baseline else "itself"
    lines = [f"{record.candidate.variant} against {other}, seed {record.seed}\n"]
    for scenario in record.scenarios:
        lines.append(f"{scenario.name:<16} {describe_scenario(scenario)}\n")
        lines += [f"{'':<16} {scenario.failed} pairs failed\n"] if scenario.failed else []
        lines += [f"{'':<16} {scenario.cannot}\n"] if scenario.cannot else []
    return "".join(lines)


def describe_scenario(scenario: ScenarioRecord) -> str:
    """What its pairs say of wall time, in a sentence."""
    result = scenario.wall
    parts = [f"{result.verdict}: {result.reason}"]
    if result.ratio is not None:
        bounds = "" if result.low is None else f", {result.low:.3f} to {result.high:.3f}"
        medians = f"{result.baseline_median:.4g} s and {result.candidate_median:.4g} s"
        parts.append(f"ratio {result.ratio:.3f}{bounds}, {result.n} pairs, medians {medians}")
    if result.noise_floor is not None:
        parts.append(f"equal runs differ by {result.noise_floor:.1%}")
    if result.smallest_change is not None:
        parts.append(f"a change of {result.smallest_change:.1%} would have been found")
    return "; ".join(parts)


def _values(pairs: Iterable[PairRecord], quantity: str) -> list[Pair]:
    """(baseline, candidate) of the valid pairs whose runs both tell a positive value."""
    found = []
    for pair in pairs:
        baseline, candidate = getattr(pair.baseline, quantity), getattr(pair.candidate, quantity)
        if not pair.fault and baseline and candidate:
            found.append((baseline, candidate))
    return found


def _keep_first_steps(pairs: Sequence[PairRecord]) -> tuple[PairRecord, ...]:
    first = next((number for number, pair in enumerate(pairs) if not pair.fault), None)
    return tuple(pair if number == first else _drop_steps(pair) for number, pair in enumerate(pairs))


def _drop_steps(pair: PairRecord) -> PairRecord:
    runs = {name: getattr(pair, name).model_copy(update={"steps": ()}) for name in ("baseline", "candidate")}
    return pair.model_copy(update=runs)

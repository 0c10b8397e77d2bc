"""What is measured beside what: the plan of a stored build, another plan beside it, and a session of pairs.

Enters what a person typed; leaves plans, arms and a schedule, or a UsageError with the nearest word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rich.console import Console

from baseimages.build import BuildRecord, Engine, choose_base
from baseimages.command import Runner
from baseimages.declare import Platform, baseline_of
from baseimages.errors import RecordError, UsageError
from baseimages.measure import (
    BASELINE,
    CANDIDATE,
    EMULATED,
    Arm,
    Scenario,
    Schedule,
    choose_scenario,
    emulate,
    list_scenarios,
    load_known,
    make_schedule,
    parse_duration_s,
    parse_size_bytes,
)
from baseimages.plan import BaseImage, BuildPlan
from baseimages.records import WorkFolder
from baseimages.selection import (
    BuildInputs,
    Selection,
    find_build,
    plan_selection,
    work_folder,
)

# A cold pair is what the others stand on; more of them are asked for by name.
DEFAULT_SCENARIOS = ("cold=1", "no-op", "edit-entrypoint", "edit-pin")
DEFAULT_PAIRS = 6
MOST_PAIRS = 1000
LIKE_A_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class PairsWish:
    """A session of pairs as a person wants it.

    `against` is a variant, or `baseline` for the one of the same image; None is the image against
    itself. `scenarios` are names, each with a number of pairs of its own after a `=`.
    """

    against: str | None
    scenarios: tuple[str, ...]
    pairs: int
    budget_s: float | None
    disk_budget_bytes: int | None
    seed: int

    def name_other(self, variant: str) -> str | None:
        """The variant that is measured against."""
        return baseline_of(variant) if self.against == BASELINE else self.against


def wish_pairs(
    against: tuple[str, ...],
    scenarios: tuple[str, ...],
    pairs: str,
    budget: str,
    disk_budget: str,
    seed: str,
    *,
    stage: str,
) -> PairsWish | None:
    """What a person typed as a session of pairs; None where nothing asks for pairs.

    Raises UsageError for words that do not go together.
    """
    if not (pairs or scenarios or budget or disk_budget or BASELINE in against):
        return None
    if stage or len(against) > 1 or EMULATED in against:
        raise UsageError(
            "pairs are of one target of two images, each built on its own platform",
            next_step="leave --stage, emulated and a second --against to a comparison without pairs",
        )
    return PairsWish(
        against=against[0] if against else None,
        scenarios=scenarios,
        pairs=_read_number("pairs", pairs) if pairs else DEFAULT_PAIRS,
        budget_s=parse_duration_s(budget) if budget else None,
        disk_budget_bytes=parse_size_bytes(disk_budget) if disk_budget else None,
        seed=_read_number("seed", seed),
    )


def refuse_beside_others(is_asked: bool, *, in_place: bool, rebuild: bool) -> None:
    """Raises UsageError where a comparison or pairs are asked for with an option of one image's own."""
    options = {"--in-place": in_place, "--rebuild": rebuild}
    words = [option for option, is_given in options.items() if is_given]
    if is_asked and words:
        raise UsageError(
            f"{' and '.join(words)}: of one image alone; pairs and comparisons have engines of their own",
            next_step=f"leave {' and '.join(words)} out, or every option of pairs and --against",
        )


def plan_again(selection: Selection, inputs: BuildInputs, record: BuildRecord, runner: Runner) -> BuildPlan:
    """The plan of a stored build: its base, its arguments, its revision. Raises RecordError."""
    built = replace(selection, target=record.target)
    host = Platform.of_machine(record.engine.architecture)
    plan = plan_selection(built, inputs, BaseImage(**record.base.model_dump()), host, runner)
    if plan.revision.label != record.revision:
        raise RecordError(
            f"{record.tags[0]} was built from {record.revision}, the checkout is at another",
            next_step=f"run `invoke build --variant {selection.variant} --target {record.target}`",
        )
    return replace(plan, build_args=tuple(record.build_args.items()))


def plan_beside(
    selection: Selection,
    inputs: BuildInputs,
    name: str,
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BuildPlan:
    """The plan to build beside `plan`: the same one emulated, or the same target of another variant.

    It stands on the very base of `plan` where both are for one platform.
    """
    if name == EMULATED:
        return emulate(plan)
    other = replace(selection, variant=name, target=plan.target, base=plan.base.family)
    base = plan.base
    if other.image.platform != plan.platform:
        base = choose_base(other.family, other.image, other.base, engine, runner, console)
    same = tuple(f"{arg}={value}" for arg, value in plan.build_args if arg in other.image.optional)
    return plan_selection(other, replace(inputs, build_args=same), base, engine.platform, runner)


def refuse_unknown(selection: Selection, wish: PairsWish) -> None:
    """Raises UsageError for a scenario, a number or a variant that nothing is known of."""
    target = selection.image.target(selection.target)
    _read_scenarios(selection, wish, target)
    if other := wish.name_other(selection.variant):
        selection.family.image(other).target(target)


def schedule_pairs(selection: Selection, wish: PairsWish, record: BuildRecord) -> Schedule:
    """Which pairs are run; asks records and no engine. Raises UsageError for unknown words."""
    wishes = _read_scenarios(selection, wish, record.target)
    folders = {CANDIDATE: work_folder(selection, record.base.family, record.target)}
    other = wish.name_other(selection.variant)
    if other:
        beside = replace(selection, variant=other, target=record.target, base=record.base.family)
        folders[BASELINE] = work_folder(beside, record.base.family, record.target)
    return make_schedule(
        wishes,
        arms=(BASELINE, CANDIDATE) if other else (CANDIDATE,),
        known=load_known(folders, other or CANDIDATE),
        seed=wish.seed,
        budget_s=wish.budget_s,
    )


def find_baseline_work(selection: Selection, other: BuildPlan) -> WorkFolder | None:
    """Where the build of a baseline belongs, unless it lies there already or `other` is no baseline."""
    if other.variant not in map(baseline_of, selection.family.baselines):
        return None
    beside = replace(selection, variant=other.variant, target=other.target, base=other.base.family)
    try:
        built = find_build(beside)[1]
    except RecordError:
        built = None
    same = built and (built.revision, built.dirty, built.base.digest, built.build_args) == (
        other.revision.label, False, other.base.digest, dict(other.build_args),
    )  # fmt: skip
    return None if same else work_folder(beside, other.base.family, other.target)


def make_arms(selection: Selection, plan: BuildPlan, other: BuildPlan | None) -> dict[str, Arm]:
    """The arms by name, each with the scenarios that its image declares."""
    plans = {CANDIDATE: plan} | ({BASELINE: other} if other else {})
    return {
        name: Arm(
            name=name,
            plan=each,
            scenarios=list_scenarios(selection.family.image(each.variant), each.target),
        )
        for name, each in plans.items()
    }


def _read_scenarios(selection: Selection, wish: PairsWish, target: str) -> list[tuple[Scenario, int]]:
    """Each wished scenario with its number of pairs."""
    scenarios = list_scenarios(selection.image, target)
    return [_split_wish(word, scenarios, wish.pairs) for word in wish.scenarios or DEFAULT_SCENARIOS]


def _read_number(option: str, word: str) -> int:
    if not LIKE_A_NUMBER.fullmatch(word):
        raise UsageError(f"--{option} {word[:80]!a} is no number", next_step=f"write --{option} 6")
    return int(word)


def _split_wish(word: str, scenarios: dict[str, Scenario], pairs: int) -> tuple[Scenario, int]:
    name, sign, number = word.partition("=")
    count = pairs if not sign else int(number) if LIKE_A_NUMBER.fullmatch(number) else 0
    if not 1 <= count <= MOST_PAIRS:
        raise UsageError(
            f"{word[:80]!a} asks for no number of pairs from 1 to {MOST_PAIRS}",
            next_step="write --pairs 6, or --scenario cold=1 for one scenario",
        )
    return choose_scenario(scenarios, name), count

"""Cold, no-op and edit builds of one plan: single runs, labelled as single runs.

cold   into an empty store, the base image present: a private engine, or the build itself where it
       found its store empty.
no-op  the same plan again, into the cache that its build left.
edit   one comment line more in the entrypoint, in a copy of the context.

The last two run in the private engine of the cold run. In place they run in the user's engine, whose
cache holds the build: seconds instead of a second cold build, and a few records more in that cache.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from baseimages.build import (
    BuildRecord,
    Engine,
    run_build,
    run_solve,
    solve_argv,
)
from baseimages.command import Runner
from baseimages.errors import MeasurementError
from baseimages.inspect import find_differing_layers
from baseimages.measure.bench import Arm, Bench, export_image
from baseimages.measure.isolated import remove_leftovers
from baseimages.measure.record import BenchmarkRecord, RunRecord
from baseimages.measure.scenario import COLD, EDIT, NO_OP, Scenario
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder

PLAIN_S = 600.0
REBUILT = "rebuilt"


def run_benchmark(
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    built: BuildRecord,
    console: Console,
    *,
    measured: RunRecord | None = None,
    rebuild: bool = False,
    in_place: bool = False,
    edit: Scenario = EDIT,
) -> BenchmarkRecord:
    """Run the scenarios on what `built` built; with `rebuild` the cold build's image is compared.

    `measured` is a cold run of that image which has been measured already, side by side with others.
    A run that is impossible here is recorded as not measured, a run that hit or missed otherwise than
    its scenario says as invalid. Raises MeasurementError when the plan is another one than was built.
    """
    _refuse_other_plan(plan, built)
    remove_leftovers(runner, work.path)
    arm = Arm(name=plan.variant, plan=plan)
    known = None if rebuild else _reuse_cold(built) or measured
    with _scratch(work) as scratch, Bench(engine, runner, scratch, console) as bench:
        cold = known if known and in_place else bench.run(arm, COLD, keep=True)
        rebuilt = export_image(bench, arm, runner, scratch / REBUILT, console) if rebuild else None
        differing = _compare(work.layout, scratch, built, rebuilt)
        if in_place:
            bench.adopt(arm, engine)
        console.print("no-op: the same plan again")
        no_op = bench.run(arm, NO_OP)
        overhead_s = _measure_overhead(plan, engine, bench.engine_of(arm), runner, work, scratch, console)
        console.print(f"edit: {', '.join(each.file for each in edit.edits)}")
        edited = bench.run(arm, edit)
    return BenchmarkRecord(
        manifest_digest=built.manifest_digest,
        rebuilt_digest=rebuilt,
        differing_layers=differing,
        runs=(cold if cold.valid else known or cold, no_op, edited),
        overhead_s=overhead_s if no_op.valid else None,
        in_place=in_place,
    )


def _refuse_other_plan(plan: BuildPlan, built: BuildRecord) -> None:
    planned = (plan.revision.label, dict(plan.build_args))
    if planned != (built.revision, built.build_args):
        raise MeasurementError(
            f"the checkout stands at {plan.revision.label} and the image was built from "
            f"{built.revision}, or with other arguments: a no-op build would be none",
            next_step=f"run `invoke build --variant {plan.variant} --target {plan.target}` again",
        )


@contextmanager
def _scratch(work: WorkFolder) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=work.path, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _reuse_cold(built: BuildRecord) -> RunRecord | None:
    if not built.cold:
        return None
    base = "base image present" if built.base_present else "base image pulled within it"
    return RunRecord(
        scenario=COLD.name,
        duration_s=built.duration_s,
        misses=sum(step.is_instruction for step in built.steps),
        valid=True,
        note=f"single run: the build itself; {built.cold_reason}, {base}",
        steps=built.steps,
    )


def _compare(layout: Path, scratch: Path, built: BuildRecord, rebuilt: str | None) -> tuple[int, ...] | None:
    if rebuilt is None:
        return None
    return () if rebuilt == built.manifest_digest else find_differing_layers(layout, scratch / REBUILT)


def _measure_overhead(
    plan: BuildPlan,
    users: Engine,
    holder: Engine | None,
    runner: Runner,
    work: WorkFolder,
    scratch: Path,
    console: Console,
) -> float | None:
    """Seconds that this tool's build takes longer than buildx alone, nothing to do.

    In the user's engine it is the whole build; a private engine has no tags to compare, so there it
    is the solve, whose progress is read and stored.
    """
    if holder is None:
        return None
    plain = solve_argv(plan, holder, scratch / "metadata.json")
    began = time.monotonic()
    runner.run(plain, deadline_s=PLAIN_S, keep_output=False, echo=False)
    plain_s = time.monotonic() - began
    if holder is users:
        run_build(plan, users, runner, work, console)
    else:
        run_solve(plan, holder, runner, scratch, console)
    return round(time.monotonic() - began - 2 * plain_s, 3)

"""Cold, no-op and edit builds of one plan: single runs, labelled as single runs.

cold   into an empty store, the base image present. A build that found its store empty is itself
       this run; otherwise it happens in a private engine.
no-op  the same plan again, into the cache that its build left.
edit   one comment line more in the entrypoint, in a copy of the context.
"""

from __future__ import annotations

import dataclasses
import shutil
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
from baseimages.measure.cold import judge_run, load_average, run_cold
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
) -> BenchmarkRecord:
    """Run the scenarios on what `built` built; with `rebuild` a second cold build even if that was one.

    `measured` is a cold run of that image which has been measured already, side by side with others.
    A cold run that is impossible here is recorded as not measured, a run that hit or missed
    otherwise than its scenario says as invalid. Raises MeasurementError when the plan is another
    one than was built, and the errors of a build.
    """
    _refuse_other_plan(plan, built)
    remove_leftovers(runner, work.path)
    with _scratch(work) as scratch:
        cold, rebuilt = None if rebuild else _reuse_cold(built) or measured, None
        if cold is None:
            cold, rebuilt = run_cold(plan, engine, runner, scratch, scratch / REBUILT, console)
        differing = _compare(work.layout, scratch, built, rebuilt)
        console.print("no-op: the same plan again")
        no_op = _run_warm(NO_OP, plan, engine, runner, scratch, console)
        overhead_s = _measure_overhead(plan, engine, runner, work, scratch, console)
        console.print(f"edit: one line more in {EDIT.edited}")
        edited = dataclasses.replace(plan, root=_copy_context(plan, scratch))
        edit = _run_warm(EDIT, edited, engine, runner, scratch, console)
    return BenchmarkRecord(
        manifest_digest=built.manifest_digest,
        rebuilt_digest=rebuilt,
        differing_layers=differing,
        runs=(cold, no_op, edit),
        overhead_s=overhead_s if no_op.valid else None,
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


def _run_warm(
    scenario: Scenario,
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    scratch: Path,
    console: Console,
) -> RunRecord:
    load = load_average()
    return judge_run(scenario, run_solve(plan, engine, runner, scratch, console), load, "")


def _measure_overhead(
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    scratch: Path,
    console: Console,
) -> float:
    """Seconds that the whole of this tool's build takes longer than buildx alone, nothing to do."""
    plain = solve_argv(plan, engine, scratch / "metadata.json")
    began = time.monotonic()
    runner.run(plain, deadline_s=PLAIN_S, keep_output=False, echo=False)
    plain_s = time.monotonic() - began
    run_build(plan, engine, runner, work, console)
    return round(time.monotonic() - began - 2 * plain_s, 3)


def _copy_context(plan: BuildPlan, scratch: Path) -> Path:
    """A copy of what the build reads, with one comment line more in the edited file."""
    copy = scratch / "edited"
    for name in (Path(EDIT.edited).parent, Path(plan.dockerfile).parent):
        shutil.copytree(plan.root / name, copy / name, symlinks=True)
    shutil.copy2(plan.root / ".dockerignore", copy / ".dockerignore")
    with (copy / EDIT.edited).open("a", encoding="utf-8") as script:
        # The clock makes the line new to a cache that saw an earlier benchmark.
        script.write(f"# edited {time.time_ns()}\n")
    return copy

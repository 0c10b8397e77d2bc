"""Cold, no-op and edit builds of one plan: single runs, labelled as single runs.

cold   into an empty store, the base image present. A build that found its store empty is itself
       this run; otherwise it happens in a private engine.
no-op  the same plan again, into the cache that its build left.
edit   one comment line more in the entrypoint, in a copy of the context.
"""

from __future__ import annotations

import dataclasses
import os
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
    Outcome,
    StepRecord,
    find_digests,
    fold_groups,
    probe_cache,
    run_build,
    run_export,
    run_solve,
    solve_argv,
)
from baseimages.command import Runner
from baseimages.errors import BaseImagesError, MeasurementError
from baseimages.inspect import find_differing_layers
from baseimages.measure.isolated import isolated_engine, remove_leftovers
from baseimages.measure.record import BenchmarkRecord, RunRecord
from baseimages.measure.scenario import COLD, EDIT, NO_OP, Scenario, find_fault
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder

TRANSFER_S = 600.0
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
    rebuild: bool = False,
) -> BenchmarkRecord:
    """Run the scenarios on what `built` built; with `rebuild` a second cold build even if that was one.

    A cold run that is impossible here is recorded as not measured, a run that hit or missed
    otherwise than its scenario says as invalid. Raises MeasurementError when the plan is another
    one than was built, and the errors of a build.
    """
    _refuse_other_plan(plan, built)
    remove_leftovers(runner, work.path)
    with _scratch(work) as scratch:
        reused = None if rebuild else _reuse_cold(built)
        cold, rebuilt = (reused, None) if reused else _run_cold(plan, engine, runner, scratch, console)
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


def _run_cold(
    plan: BuildPlan, engine: Engine, runner: Runner, scratch: Path, console: Console
) -> tuple[RunRecord, str | None]:
    """The run and, as a second cold build of the same plan, the digest of the image it gives."""
    console.print("cold: a private engine with an empty store; the build starts from nothing")
    try:
        with isolated_engine(runner, scratch) as private:
            base = _bring_base(plan, engine, private, runner, scratch)
            is_empty, reason = probe_cache(private, runner)
            if not is_empty:
                raise MeasurementError(reason, next_step="run the benchmark again")
            load = _load_average()
            outcome = run_solve(plan, private, runner, scratch, console)
            rebuilt = run_export(plan, private, runner, scratch / REBUILT, console).digest
    except BaseImagesError as error:
        console.print(f"cold: not measured: {error}", markup=False)
        unmeasured = RunRecord(scenario=COLD.name, duration_s=None, valid=False, note=error.message[:300])
        return unmeasured, None
    return _judge(COLD, outcome, load, f"private engine, empty store, {base}"), rebuilt


def _compare(layout: Path, scratch: Path, built: BuildRecord, rebuilt: str | None) -> tuple[int, ...] | None:
    if rebuilt is None:
        return None
    return () if rebuilt == built.manifest_digest else find_differing_layers(layout, scratch / REBUILT)


def _bring_base(plan: BuildPlan, engine: Engine, private: Engine, runner: Runner, scratch: Path) -> str:
    """Hand the base over before the clock starts; tells where the build finds it."""
    # By tag: what is saved by digest is loaded without a name.
    if find_digests(engine, runner, [plan.base.reference]):
        archive = scratch / "base.tar"
        runner.run(engine.argv("save", "-o", str(archive), plan.base.reference), deadline_s=TRANSFER_S)
        runner.run(private.argv("load", "-i", str(archive)), deadline_s=TRANSFER_S)
        archive.unlink()
    is_there = bool(find_digests(private, runner, [plan.base.build_argument]))
    return "base image present" if is_there else "base image pulled within it"


def _run_warm(
    scenario: Scenario,
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    scratch: Path,
    console: Console,
) -> RunRecord:
    load = _load_average()
    return _judge(scenario, run_solve(plan, engine, runner, scratch, console), load, "")


def _judge(scenario: Scenario, outcome: Outcome, load: float | None, note: str) -> RunRecord:
    steps = fold_groups(outcome.steps)
    cached = [step.cached for step in steps if step.is_instruction]
    fault = find_fault(scenario, outcome.steps)
    return RunRecord(
        scenario=scenario.name,
        duration_s=round(outcome.duration_s, 3),
        hits=sum(cached),
        misses=len(cached) - sum(cached),
        valid=fault is None,
        note="; ".join(part for part in ("single run", note, fault) if part),
        load_before=load,
        steps=tuple(StepRecord.of(step) for step in steps),
    )


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


def _load_average() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None

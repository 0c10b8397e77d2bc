"""A cold build of one plan: in a private engine whose store is empty, its base handed over before."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from baseimages.build import (
    Engine,
    Outcome,
    StepRecord,
    find_digests,
    fold_groups,
    probe_cache,
    run_export,
    run_solve,
)
from baseimages.command import Runner
from baseimages.errors import BaseImagesError, MeasurementError
from baseimages.measure.isolated import isolated_engine
from baseimages.measure.record import RunRecord
from baseimages.measure.scenario import COLD, Scenario, find_fault
from baseimages.plan import BuildPlan

TRANSFER_S = 600.0


def run_cold(
    plan: BuildPlan, engine: Engine, runner: Runner, scratch: Path, layout: Path | None, console: Console
) -> tuple[RunRecord, str | None]:
    """The run and, where a `layout` is to be written, the digest of the image in it.

    `engine` has the base. What cannot be run here is a run that is not measured and says why.
    """
    console.print("cold: a private engine with an empty store; the build starts from nothing")
    digest = None
    try:
        with isolated_engine(runner, scratch) as private:
            base = _bring_base(plan, engine, private, runner, scratch)
            is_empty, reason = probe_cache(private, runner)
            if not is_empty:
                raise MeasurementError(reason, next_step="run the benchmark again")
            load, before_s = load_average(), private.cpu_s()
            outcome = run_solve(plan, private, runner, scratch, console)
            cpu_s = round(private.cpu_s() - before_s, 1)
            if layout:
                digest = run_export(plan, private, runner, layout, console).digest
    except BaseImagesError as error:
        console.print(f"cold: not measured: {error}", markup=False)
        unmeasured = RunRecord(scenario=COLD.name, duration_s=None, valid=False, note=error.message[:300])
        return unmeasured, None
    run = judge_run(COLD, outcome, load, f"private engine, empty store, {base}")
    return run.model_copy(update={"cpu_s": cpu_s}), digest


def judge_run(scenario: Scenario, outcome: Outcome, load: float | None, note: str) -> RunRecord:
    """A run of the scenario, or one that is invalid and says why."""
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


def load_average() -> float | None:
    """The host's load average of the last minute, None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _bring_base(plan: BuildPlan, engine: Engine, private: Engine, runner: Runner, scratch: Path) -> str:
    """Hand the base over before the clock starts; tells where the build finds it."""
    # By tag: what is saved by digest is loaded without a name.
    names = [name for name in (plan.base.reference, dict(plan.build_args).get("BUILD_IMAGE")) if name]
    if find_digests(engine, runner, names):
        archive = scratch / "base.tar"
        runner.run(engine.argv("save", "-o", str(archive), *names), deadline_s=TRANSFER_S)
        runner.run(private.argv("load", "-i", str(archive)), deadline_s=TRANSFER_S)
        archive.unlink()
    is_there = bool(find_digests(private, runner, [plan.base.build_argument]))
    return "base image present" if is_there else "base image pulled within it"

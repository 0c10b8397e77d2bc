"""One run of one scenario: the solve between two looks at the clock, and what it may be called."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from baseimages.build import Before, Engine, Outcome, StepRecord, fold_groups, run_solve
from baseimages.command import Runner
from baseimages.errors import BaseImagesError, MeasurementError
from baseimages.measure.isolated import PrivateEngine
from baseimages.measure.record import RunRecord
from baseimages.measure.scenario import Scenario, find_fault
from baseimages.plan import BuildPlan


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A judged run, and what buildx did in it."""

    run: RunRecord
    outcome: Outcome


def measure_run(
    scenario: Scenario,
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    folder: Path,
    console: Console,
    *,
    note: str = "",
) -> Measured:
    """Solve the plan and judge it; processor seconds are those of a private engine.

    Raises BuildError, DeadlineError.
    """
    started_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    load, before_s = load_average(), _cpu_s(engine)
    outcome = run_solve(plan, engine, runner, folder, console)
    after_s = _cpu_s(engine)
    cpu_s = round(after_s - before_s, 2) if before_s is not None and after_s is not None else None
    run = judge_run(scenario, outcome, load, note)
    return Measured(run=run.model_copy(update={"cpu_s": cpu_s, "started_at": started_at}), outcome=outcome)


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


def refuse_warm(before: Before) -> None:
    """Raises MeasurementError for an engine whose build cache was not provably empty."""
    if not before.cold:
        raise MeasurementError(before.cold_reason, next_step="run the benchmark again")


def load_average() -> float | None:
    """The host's load average of the last minute, None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _cpu_s(engine: Engine) -> float | None:
    return engine.cpu_s() if isinstance(engine, PrivateEngine) else None


def not_measured(scenario: Scenario, error: BaseImagesError, console: Console) -> RunRecord:
    """A run that failed, or that cannot be run here, with its reason."""
    console.print(f"{scenario.name}: not measured: {error}", markup=False)
    return RunRecord(scenario=scenario.name, duration_s=None, valid=False, note=error.message[:300])

"""Cold, no-op and edit builds of one plan: single runs, labelled as single runs.

cold  - into an empty store, the base image present. A build that found its store empty is itself
        this run; otherwise it happens in a private engine.
no-op - the same plan again; every instruction has to be a hit, or the run is invalid.
edit  - one comment line more in the entrypoint; the rest has to be hits.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from baseimages.build import BuildRecord, Engine, Step, StepRecord, build_argv
from baseimages.build.buildx import execute
from baseimages.command import Runner
from baseimages.errors import BaseImagesError
from baseimages.measure.isolated import isolated_engine
from baseimages.plan import BuildPlan
from baseimages.records import Record, WorkFolder

EDITED = Path("scripts/entrypoint.sh")
CONTEXT = ("scripts",)
TRANSFER_S = 600.0
PLAIN_S = 600.0


class RunRecord(BaseModel):
    """One run; `duration_s` is None when it was not measured, `note` then says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    scenario: str
    duration_s: float | None
    hits: int = 0
    misses: int = 0
    valid: bool
    note: str
    steps: tuple[StepRecord, ...] = ()


class BenchmarkRecord(Record):
    """Raw values of single runs, and what the tool itself adds to a no-op build."""

    manifest_digest: str
    runs: tuple[RunRecord, ...]
    overhead_s: float | None

    def run(self, scenario: str) -> RunRecord | None:
        """The run of that scenario."""
        return next((run for run in self.runs if run.scenario == scenario), None)


def run_benchmark(
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    built: BuildRecord,
    console: Console,
) -> BenchmarkRecord:
    """Run the scenarios. A cold run that is impossible here is recorded as not measured."""
    cold = _reuse_cold(built) or _run_cold(plan, engine, runner, work, console)
    console.print("no-op: the same plan again")
    no_op = _run_warm("no-op", plan, engine, runner, work, console, plan.root)
    plain_s = _run_plain(plan, engine, runner, work)
    console.print(f"edit: one line more in {EDITED}")
    edited = _copy_context(plan, work)
    edit = _run_warm("edit", plan, engine, runner, work, console, edited)
    shutil.rmtree(edited)
    overhead = None if no_op.duration_s is None else round(no_op.duration_s - plain_s, 3)
    return BenchmarkRecord(
        manifest_digest=built.manifest_digest, runs=(cold, no_op, edit), overhead_s=overhead
    )


def describe_benchmark(record: BenchmarkRecord) -> str:
    """One line a run."""
    lines = []
    for run in record.runs:
        value = "not measured" if run.duration_s is None else f"{run.duration_s:.2f} s"
        mark = "" if run.valid else "  INVALID"
        lines.append(f"{run.scenario:<6} {value:>13}  {run.hits} hits, {run.misses} misses{mark}  {run.note}")
    return "\n".join(lines) + "\n"


def _reuse_cold(built: BuildRecord) -> RunRecord | None:
    if not built.cold:
        return None
    return RunRecord(
        scenario="cold",
        duration_s=built.duration_s,
        hits=0,
        misses=len(built.steps),
        valid=True,
        note=f"single run: the build itself; {built.cold_reason}",
        steps=built.steps,
    )


def _run_cold(
    plan: BuildPlan, engine: Engine, runner: Runner, work: WorkFolder, console: Console
) -> RunRecord:
    console.print("cold: a private engine with an empty store; the build starts from nothing")
    folder = _folder(work, "cold")
    try:
        with isolated_engine(runner, folder) as private:
            _bring_base(plan, engine, private, runner, folder)
            steps, seconds, _ = execute(plan, private, runner, folder, console, private=True)
    except BaseImagesError as error:
        return RunRecord(scenario="cold", duration_s=None, valid=False, note=error.message[:300])
    shutil.rmtree(folder)
    hits, misses = _count(steps)
    return RunRecord(
        scenario="cold",
        duration_s=round(seconds, 3),
        hits=hits,
        misses=misses,
        valid=hits == 0,
        note="single run: private engine, empty store, base image present",
        steps=tuple(StepRecord.of(step) for step in steps),
    )


def _bring_base(plan: BuildPlan, engine: Engine, private: Engine, runner: Runner, folder: Path) -> None:
    """Hand the base over before the clock starts."""
    archive = folder / "base.tar"
    runner.run(engine.argv("save", "-o", str(archive), plan.base.build_argument), deadline_s=TRANSFER_S)
    runner.run(private.argv("load", "-i", str(archive)), deadline_s=TRANSFER_S)
    archive.unlink()


def _run_warm(
    scenario: str,
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    console: Console,
    context: Path,
) -> RunRecord:
    folder = _folder(work, scenario)
    steps, seconds, _ = execute(plan, engine, runner, folder, console, context=context)
    shutil.rmtree(folder)
    hits, misses = _count(steps)
    missed = [step.name for step in steps if step.is_instruction and not step.cached]
    valid = all("entrypoint.sh" in name for name in missed) and (scenario != "no-op" or not missed)
    note = "single run" if valid else f"missed: {'; '.join(missed)[:200]}"
    return RunRecord(
        scenario=scenario,
        duration_s=round(seconds, 3),
        hits=hits,
        misses=misses,
        valid=valid,
        note=note,
        steps=tuple(StepRecord.of(step) for step in steps),
    )


def _run_plain(plan: BuildPlan, engine: Engine, runner: Runner, work: WorkFolder) -> float:
    """Seconds of the same no-op build without this tool reading along."""
    folder = _folder(work, "plain")
    argv = build_argv(plan, metadata=folder / "metadata.json", layout=folder / "layout")
    began = time.monotonic()
    runner.run(engine.argv(*argv), deadline_s=PLAIN_S, keep_output=False, echo=False)
    seconds = time.monotonic() - began
    shutil.rmtree(folder)
    return seconds


def _copy_context(plan: BuildPlan, work: WorkFolder) -> Path:
    """A copy of what the build reads, with one comment line more."""
    copy = work.path / "edited"
    shutil.rmtree(copy, ignore_errors=True)
    for name in (*CONTEXT, plan.image_name):
        shutil.copytree(plan.root / name, copy / name)
    shutil.copy2(plan.root / ".dockerignore", copy / ".dockerignore")
    with (copy / EDITED).open("a", encoding="utf-8") as script:
        # The clock makes the line new to a cache that saw an earlier benchmark.
        script.write(f"# edited {time.time_ns()}\n")
    return copy


def _count(steps: tuple[Step, ...]) -> tuple[int, int]:
    own = [step for step in steps if step.is_instruction]
    hits = sum(step.cached for step in own)
    return hits, len(own) - hits


def _folder(work: WorkFolder, name: str) -> Path:
    folder = work.path / name
    folder.mkdir(exist_ok=True)
    return folder

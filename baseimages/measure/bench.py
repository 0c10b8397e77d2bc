"""Where scenarios run: private engines, each with the build of one arm in it or with nothing.

A scenario that throws its engine away gets a new one for the run. The others need one that holds a
build of their arm: a cold run whose engine was kept, or an engine that was adopted.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from baseimages.build import (
    BuildRecord,
    Engine,
    Solve,
    look_before,
    run_export,
    run_solve,
    store_solve,
)
from baseimages.command import Runner
from baseimages.errors import BaseImagesError, MeasurementError, tell_error
from baseimages.measure.builder import PRESENT, PULLED, bring_base, private_engine
from baseimages.measure.context import edit_plan
from baseimages.measure.disk import DiskWatch
from baseimages.measure.isolated import PrivateEngine
from baseimages.measure.record import RunRecord
from baseimages.measure.runs import measure_run, not_measured, refuse_warm
from baseimages.measure.scenario import COLD, Reset, Scenario
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder

PRUNE_S = 600.0
NO_CACHE_MOUNTS = "type!=exec.cachemount"
NEXT_STEP = "mend its cold build; `--in-place` measures in your own engine, whose cache holds the build"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a comparison: a plan, and the scenarios that are declared for its image."""

    name: str
    plan: BuildPlan
    scenarios: dict[str, Scenario] = field(default_factory=dict)


class Bench:
    """Runs scenarios; as a context manager it leaves no engine, folder or bridge behind.

    `engine` is the user's: it gives the base and is asked for nothing else. `folder` takes the data.
    """

    def __init__(
        self,
        engine: Engine,
        runner: Runner,
        folder: Path,
        console: Console,
        disk: DiskWatch | None = None,
    ) -> None:
        self._user, self._runner, self._console = engine, runner, console
        self._parent, self._disk = folder, disk or DiskWatch(folder, None)
        self._stack = ExitStack()
        self._warm: dict[str, Engine] = {}
        self._kept: dict[str, ExitStack] = {}
        self._solves: dict[str, Solve] = {}
        self._caches: dict[str, Path] = {}
        self._failed: dict[str, str] = {}
        self.engines: list[PrivateEngine] = []

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(_folder(self._parent)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def adopt(self, arm: Arm, engine: Engine) -> None:
        """Take an engine that holds a build of the arm: whoever calls says that its cache may be used."""
        self._warm[arm.name] = engine

    def engine_of(self, arm: Arm) -> Engine | None:
        """The engine that holds a build of the arm."""
        return self._warm.get(arm.name)

    def run(self, arm: Arm, scenario: Scenario, *, keep: bool = False) -> RunRecord:
        """One run; with `keep` its engine stays for the runs that need the arm's build.

        What fails, or cannot be run here, is a run that is not measured and says why.
        """
        try:
            if not scenario.starts_engine:
                return self._run_warm(arm, scenario)
            run = self._run_new(arm, scenario, keep)
        except (BaseImagesError, OSError) as error:  # a disk that is full is one of them
            run = not_measured(scenario, tell_error(error), self._console)
        if keep and not run.valid:
            self._failed[arm.name] = run.note
        return run

    def store_build(self, arm: Arm, work: WorkFolder) -> BuildRecord | None:
        """Leave of the arm's kept cold run what `invoke build` leaves, but the image in the user's
        engine: layers are read in the layout, and who starts a container of it loads it.

        None where none was kept, or it is stored already. Raises as `store_solve` does.
        """
        solve = self._solves.pop(arm.name, None)
        return store_solve(solve, None, self._runner, work, self._console) if solve else None

    def release(self, arm: Arm) -> None:
        """End the engine that was kept for the arm, and drop what it exported, for their room."""
        self._warm.pop(arm.name, None)
        self._solves.pop(arm.name, None)
        if cache := self._caches.pop(arm.name, None):
            shutil.rmtree(cache)
        if kept := self._kept.pop(arm.name, None):
            kept.close()

    def _run_new(self, arm: Arm, scenario: Scenario, keep: bool) -> RunRecord:
        _refuse_without_registry(arm.plan, scenario)
        cache = self._export_cache(arm) if scenario.imports_cache else None
        free_bytes = self._disk.free_bytes
        with ExitStack() as stack:
            folder = Path(stack.enter_context(_folder(self._folder)))
            private = stack.enter_context(private_engine(self._user, self._runner, folder))
            self.engines.append(private)
            # Before the base comes: a builder in a container pulls it by a build.
            before = look_before(arm.plan, private, self._runner)
            refuse_warm(before)
            base = PULLED
            if scenario.reset is Reset.ENGINE:
                private, base = bring_base(arm.plan, self._user, private, self._runner, folder)
            note = f"private engine, empty store, {base}"
            used = _add_option(private, f"--cache-from=type=local,src={cache}") if cache else private
            done = measure_run(scenario, arm.plan, used, self._runner, folder, self._console, note=note)
            self._disk.look(free_bytes)
            if keep and done.run.valid and arm.name not in self._warm:
                self._warm[arm.name] = private
                before = dataclasses.replace(before, base_present=base == PRESENT)
                self._solves[arm.name] = Solve(
                    plan=arm.plan, engine=private, before=before, outcome=done.outcome, folder=folder
                )
                self._kept[arm.name] = self._stack.enter_context(stack.pop_all())
        return done.run

    def _run_warm(self, arm: Arm, scenario: Scenario) -> RunRecord:
        engine = self._holder(arm)
        if scenario.reset is Reset.LAYERS:
            self._runner.run(prune_argv(engine), deadline_s=PRUNE_S, keep_output=False)
        with _folder(self._folder) as name:
            # The clock makes the word new to a cache that saw an earlier benchmark.
            plan = edit_plan(arm.plan, scenario, Path(name) / "context", str(time.time_ns()))
            return measure_run(scenario, plan, engine, self._runner, Path(name), self._console).run

    def _export_cache(self, arm: Arm) -> Path:
        """A folder with the cache of the arm's build, as a CI job would store it."""
        if arm.name not in self._caches:
            target = self._folder / f"cache-{arm.name}"
            engine = _add_option(self._holder(arm), f"--cache-to=type=local,dest={target},mode=max")
            with _folder(self._folder) as name:
                run_solve(arm.plan, engine, self._runner, Path(name), self._console)
            self._caches[arm.name] = target
        return self._caches[arm.name]

    def _holder(self, arm: Arm) -> Engine:
        engine = self._warm.get(arm.name)
        if engine is None:
            why = self._failed.get(arm.name, "none was made")
            raise MeasurementError(f"no engine holds a build of {arm.name}: {why}", next_step=NEXT_STEP)
        return engine


def prune_argv(engine: Engine) -> list[str]:
    """The command line that throws every layer away and keeps the cache mounts; no build flag does that."""
    return engine.buildx("prune", "--all", "--force", f"--filter={NO_CACHE_MOUNTS}")


def run_cold(
    plan: BuildPlan, engine: Engine, runner: Runner, scratch: Path, layout: Path | None, console: Console
) -> tuple[RunRecord, str | None]:
    """A cold run and, where a `layout` is to be written, the digest of the image in it."""
    arm = Arm(name=plan.image_name, plan=plan)
    with Bench(engine, runner, scratch, console) as bench:
        run = bench.run(arm, COLD, keep=layout is not None)
        return run, export_image(bench, arm, runner, layout, console) if layout else None


def export_image(bench: Bench, arm: Arm, runner: Runner, layout: Path, console: Console) -> str | None:
    """The digest of the arm's image, written to `layout`; None where that failed, or nothing is built."""
    engine = bench.engine_of(arm)
    if engine is None:
        return None
    try:
        return run_export(arm.plan, engine, runner, layout, console).digest
    except BaseImagesError as error:
        console.print(f"the second image was not exported: {error}", markup=False)
        return None


def _refuse_without_registry(plan: BuildPlan, scenario: Scenario) -> None:
    if scenario.reset is Reset.BASE and plan.base.origin != "registry":
        raise MeasurementError(
            f"no registry has the base {plan.base.reference}: it was made here, so it cannot be pulled",
            next_step="measure it where the base can be pulled",
        )


def _add_option(engine: Engine, option: str) -> Engine:
    return dataclasses.replace(engine, build_options=(*engine.build_options, option))


def _folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="run-", dir=parent, ignore_cleanup_errors=True)

"""Interleaved pairs: baseline and candidate back to back, in private engines, order by a seed.

First pairs of the baseline with itself (A/A), whose spread is the noise floor; then the pairs. A run
that failed or hit otherwise than its scenario says is counted and not repeated. Single pairs, of
which nothing is claimed, are run arm by arm: images of many gigabytes then need one engine at a time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from baseimages.build import BuildRecord, Engine, EngineFacts, host_facts
from baseimages.command import Runner
from baseimages.errors import MAKE_ROOM, BaseImagesError, StorageError
from baseimages.measure.bench import Arm, Bench
from baseimages.measure.context import check_edits
from baseimages.measure.disk import DiskWatch
from baseimages.measure.inputs import describe_arm, refuse_other_inputs
from baseimages.measure.isolated import remove_leftovers
from baseimages.measure.pairs_record import (
    PairRecord,
    PairsRecord,
    PrivateEngineFacts,
    ScenarioRecord,
    judge_scenario,
)
from baseimages.measure.record import RunRecord
from baseimages.measure.runs import not_measured
from baseimages.measure.scenario import COLD, Scenario
from baseimages.measure.schedule import BASELINE, CANDIDATE, Portion, Schedule
from baseimages.records import WorkFolder

BROKEN_OFF = "not run: the session was broken off before"


def run_pairs(
    schedule: Schedule,
    arms: Mapping[str, Arm],
    built: BuildRecord,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    console: Console,
    *,
    disk_budget_bytes: int | None,
    store: Callable[[PairsRecord], None],
    baseline_work: WorkFolder | None = None,
) -> PairsRecord:
    """Run the schedule on the arms by name; `built` is the record of the candidate's image.

    The record is given to `store` after each scenario that both arms have run, so that a session which
    is broken off leaves what it measured. The baseline's cold run is stored as a build in
    `baseline_work`, where that is given.
    Raises MeasurementError for arms of other inputs, before anything runs.
    """
    session = _Session(schedule, arms, built, console, baseline_work)
    remove_leftovers(runner, work.path)
    with tempfile.TemporaryDirectory(
        prefix="benchmark-", dir=work.path, ignore_cleanup_errors=True
    ) as folder:
        disk = DiskWatch(Path(folder), disk_budget_bytes)
        with Bench(engine, runner, Path(folder), console, disk) as bench:
            for record in session.run(bench, disk, disk_budget_bytes):
                store(record)
    return record


class _Session:
    """One pass over a schedule."""

    def __init__(
        self,
        schedule: Schedule,
        arms: Mapping[str, Arm],
        built: BuildRecord,
        console: Console,
        baseline_work: WorkFolder | None,
    ) -> None:
        self._schedule, self._arms, self._built, self._console = schedule, arms, built, console
        self._baseline_work, self._storing_s = baseline_work, 0.0
        self._began, self._started_at = time.monotonic(), datetime.now(UTC)
        self._longest_s = 0.0
        self._described = {name: describe_arm(arm.plan) for name, arm in arms.items()}
        if BASELINE in arms:
            refuse_other_inputs(self._described[BASELINE], self._described[CANDIDATE])

    def run(self, bench: Bench, disk: DiskWatch, disk_budget_bytes: int | None) -> Iterator[PairsRecord]:
        """The record so far, after each portion."""
        done: list[ScenarioRecord] = []
        way = self._run_apart if self._schedule.is_apart else self._run_portions
        for record in way(bench, disk):
            done.append(record)
            rest = self._schedule.portions[len(done) :]
            left = [judge_scenario(portion.scenario, (), (), BROKEN_OFF) for portion in rest]
            yield self._describe(bench, disk, disk_budget_bytes, (*done, *left))

    def _run_portions(self, bench: Bench, disk: DiskWatch) -> Iterator[ScenarioRecord]:
        """Scenario after scenario, both arms in each."""
        for portion in self._schedule.portions:
            yield self._run_portion(portion, bench, disk)
            if portion.scenario.name == COLD.name:
                self._store_baseline(bench)

    def _run_apart(self, bench: Bench, disk: DiskWatch) -> Iterator[ScenarioRecord]:
        """Arm after arm; a scenario is told when the second arm has run it."""
        runs = {}
        for portion in self._schedule.portions:
            runs[portion.scenario.name] = self._run_single(BASELINE, portion, bench, disk)
            if portion.scenario.name == COLD.name:
                self._store_baseline(bench)
        bench.release(self._arms[BASELINE])
        for portion in self._schedule.portions:
            yield self._complete(runs[portion.scenario.name], portion, bench, disk)

    def _complete(
        self, baseline: RunRecord | str, portion: Portion, bench: Bench, disk: DiskWatch
    ) -> ScenarioRecord:
        """A scenario of which the baseline has run, or has not for that reason, with the candidate's run."""
        if isinstance(baseline, str):
            return judge_scenario(portion.scenario, (), (), _join(portion.cannot, baseline))
        candidate = self._run_single(CANDIDATE, portion, bench, disk)
        if isinstance(candidate, str):
            candidate = self._leave_out(portion.scenario, candidate)
        pair = PairRecord(first=BASELINE, baseline=baseline, candidate=candidate)
        return judge_scenario(portion.scenario, (), (pair,), portion.cannot)

    def _run_single(self, role: str, portion: Portion, bench: Bench, disk: DiskWatch) -> RunRecord | str:
        """One arm's run of a scenario, or why there is none."""
        arm, scenario = self._arms[role], portion.scenario
        stop = self._find_obstacle(scenario) or disk.find_obstacle(starts_engine=scenario.starts_engine)
        if stop:
            return stop
        self._console.print(f"{scenario.name}: {role}")
        return bench.run(arm, arm.scenarios[scenario.name], keep=scenario.name == COLD.name)

    def _store_baseline(self, bench: Bench) -> None:
        """While its engine is there; what it takes is nobody's run, so the budget leaves it out."""
        began = time.monotonic()
        try:
            if self._baseline_work and bench.store_build(self._arms[BASELINE], self._baseline_work) is None:
                self._console.print("the baseline's build is not stored: no cold run of it was kept")
        except (BaseImagesError, OSError) as error:  # the pairs are worth more than that image
            self._console.print(f"the baseline's build is not stored: {error}", markup=False)
        self._storing_s += time.monotonic() - began

    def _run_portion(self, portion: Portion, bench: Bench, disk: DiskWatch) -> ScenarioRecord:
        scenario, first = portion.scenario, self._schedule.arms[0]
        self._longest_s = 0.0
        noise: list[PairRecord] = []
        pairs: list[PairRecord] = []
        left_out = [portion.cannot, self._find_obstacle(scenario) or self._find_unbuilt(scenario, bench)]
        if not left_out[1]:
            left_out.append(self._fill(noise, portion, "noise", (first, first), bench, disk))
            left_out.append(self._fill(pairs, portion, "pairs", (first, CANDIDATE), bench, disk))
        return judge_scenario(scenario, noise, pairs, _join(*left_out))

    def _find_obstacle(self, scenario: Scenario) -> str:
        """Why an arm cannot run the scenario at all."""
        for name, arm in self._arms.items():
            own = arm.scenarios.get(scenario.name)
            reason = check_edits(arm.plan, own) if own else f"{arm.name} declares no such scenario"
            if reason:
                return f"not run, {name}: {reason}"
        return ""

    def _find_unbuilt(self, scenario: Scenario, bench: Bench) -> str:
        """Why no pair of a scenario that needs a build can have both runs."""
        if scenario.starts_engine:
            return ""
        names = [name for name, arm in self._arms.items() if bench.engine_of(arm) is None]
        return f"not run: no cold run left a build of {' and '.join(names)}" if names else ""

    def _fill(
        self,
        found: list[PairRecord],
        portion: Portion,
        kind: str,
        names: tuple[str, str],
        bench: Bench,
        disk: DiskWatch,
    ) -> str:
        """Run the pairs of one kind; why some of them were left out, empty when none was."""
        count, kind_name = (portion.noise, "A/A pair") if kind == "noise" else (portion.pairs, "pair")
        for number, swapped in enumerate(self._schedule.orders(portion, count, kind), 1):
            # What the runs after it stand on is built whatever the budget says.
            is_needed = portion.scenario.name == COLD.name and kind == "pairs" and not found
            starts_engine = portion.scenario.starts_engine
            stop = disk.find_obstacle(starts_engine=starts_engine) or ("" if is_needed else self._find_end())
            if stop:
                return f"{number - 1} of {count} {kind_name}s run: {stop}"
            self._console.print(f"{portion.scenario.name}: {kind_name} {number} of {count}")
            began = time.monotonic()
            found.append(self._run_pair(portion, names, swapped, bench, disk))
            self._longest_s = max(self._longest_s, time.monotonic() - began)
        return ""

    def _find_end(self) -> str:
        """Why no further pair of this scenario fits the budget, empty when one does."""
        budget_s = self._schedule.budget_s
        spent_s = time.monotonic() - self._began - self._storing_s
        if budget_s is None or spent_s + self._longest_s <= budget_s:
            return ""
        return f"the budget of {budget_s:.0f} s is spent"

    def _run_pair(
        self, portion: Portion, names: tuple[str, str], swapped: bool, bench: Bench, disk: DiskWatch
    ) -> PairRecord:
        """Both runs; the second is none where there is no room for it: only the first tells how much."""
        runs: dict[str, RunRecord] = {}
        roles = dict(zip((BASELINE, CANDIDATE), names, strict=True))
        order = (CANDIDATE, BASELINE) if swapped else (BASELINE, CANDIDATE)
        for role in order:
            arm = self._arms[roles[role]]
            scenario = arm.scenarios[portion.scenario.name]
            if runs and (stop := disk.find_obstacle(starts_engine=scenario.starts_engine)):
                runs[role] = self._leave_out(scenario, stop)
            else:
                runs[role] = bench.run(arm, scenario, keep=scenario.name == COLD.name)
        return PairRecord(first=order[0], baseline=runs[BASELINE], candidate=runs[CANDIDATE])

    def _leave_out(self, scenario: Scenario, stop: str) -> RunRecord:
        """The run that there is no room for."""
        return not_measured(scenario, StorageError(stop, next_step=MAKE_ROOM), self._console)

    def _describe(
        self,
        bench: Bench,
        disk: DiskWatch,
        disk_budget_bytes: int | None,
        scenarios: tuple[ScenarioRecord, ...],
    ) -> PairsRecord:
        disk.look()
        first = bench.engines[0] if bench.engines else None
        return PairsRecord(
            manifest_digest=self._built.manifest_digest,
            baseline=self._described.get(BASELINE),
            candidate=self._described[CANDIDATE],
            host=host_facts(),
            engine=PrivateEngineFacts(kind=first.kind, engine=EngineFacts.of(first), settings=first.settings)
            if first
            else None,
            seed=self._schedule.seed,
            apart=self._schedule.is_apart,
            started_at=self._started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_s=round(time.monotonic() - self._began, 1),
            budget_s=self._schedule.budget_s,
            disk_budget_bytes=disk_budget_bytes,
            disk_bytes=disk.most_bytes,
            scenarios=scenarios,
        )


def _join(*reasons: str) -> str:
    return "; ".join(dict.fromkeys(filter(None, reasons)))

"""Three runs and what they may be called: reused, invalid, not measured."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from baseimages.build import BuildRecord, Engine, Outcome
from baseimages.errors import BuildError, CommandError, MeasurementError
from baseimages.measure import BenchmarkRecord, RunRecord, bench, benchmark, run_benchmark, runs
from baseimages.measure.isolated import PrivateEngine
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder
from tests.build.conftest import BUILDX, ENGINE, INSPECT, read_steps, said
from tests.conftest import FakeRunner
from tests.measure.conftest import DIGEST

PRIVATE_ENGINE = dataclasses.replace(
    ENGINE, command=("docker", "--host", "unix:///p.sock"), builder="private"
)
PRIVATE = PrivateEngine(**dataclasses.asdict(PRIVATE_ENGINE), pid=os.getpid())
PRIVATE_INSPECT = (*PRIVATE.command, *INSPECT[1:])
Run = Callable[..., BenchmarkRecord]


class World:
    """What each run does, by scenario; keeps the plans that were built and the engine's life."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.streams = {"cold": "cold", "no-op": "no-op", "edit": "edit"}
        self.error: Exception | None = None
        self.rebuilt = DIGEST
        self.is_empty = False
        self.solved: list[tuple[str, Engine]] = []
        self.edited = ""
        self.scratch: list[str] = []
        self.events: list[str] = []

    @contextmanager
    def private_engine(self, user: Engine, runner: FakeRunner, folder: Path) -> Iterator[Engine]:
        if self.error:
            raise self.error
        assert folder.is_dir()
        assert user is ENGINE
        self.events.append("started")
        self.is_empty = True
        try:
            yield PRIVATE
        finally:
            self.events.append("stopped")

    def run_solve(self, plan: BuildPlan, engine: Engine, _: object, folder: Path, __: object) -> Outcome:
        scenario = "edit" if plan.root != self.root else "cold" if self.is_empty else "no-op"
        self.is_empty = False
        self.solved.append((scenario, engine))
        self.scratch += [path.name for path in folder.iterdir()]
        if scenario == "edit":
            self.edited = (plan.root / "scripts" / "entrypoint.sh").read_text(encoding="utf-8")
            self.events += sorted(str(p.relative_to(plan.root)) for p in plan.root.rglob("*") if p.is_file())
        return Outcome(digest=DIGEST, duration_s=1.23456, steps=read_steps(self.streams[scenario]))

    def find_differing_layers(self, first: Path, second: Path) -> tuple[int, ...]:
        assert (first.name, second.name) == ("layout", "rebuilt")
        return (3,)

    def run_export(self, *_: object) -> Outcome:
        return Outcome(digest=self.rebuilt, duration_s=1.0, steps=())

    def run_build(self, *_: object) -> None:
        self.events.append("built")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, plan: BuildPlan) -> World:
    world = World(plan.root)
    for name in ("run_build", "find_differing_layers"):
        monkeypatch.setattr(benchmark, name, getattr(world, name))
    for name in ("private_engine", "run_export"):
        monkeypatch.setattr(bench, name, getattr(world, name))
    monkeypatch.setattr(runs, "run_solve", world.run_solve)
    monkeypatch.setattr(benchmark, "run_solve", lambda *_: world.events.append("solved"))
    monkeypatch.setattr(benchmark, "remove_leftovers", lambda *_: world.events.append("swept"))
    return world


@pytest.fixture
def run(
    world: World,
    runner: FakeRunner,
    plan: BuildPlan,
    work: WorkFolder,
    built: BuildRecord,
    console: Console,
) -> Run:
    runner.script(*BUILDX, "build")
    runner.script(*PRIVATE.buildx("build"))
    runner.script(*INSPECT, stdout="sha256:1\n")
    runner.script(*PRIVATE_INSPECT, stdout="sha256:1\n")
    runner.script("docker", "save", action=lambda call: Path(call[3]).touch())
    runner.script(*PRIVATE.command, "load")
    runner.script(*PRIVATE.buildx("du"), stdout="Total: 0B\n")

    def call(*, rebuild: bool = False, in_place: bool = False, **changes: object) -> BenchmarkRecord:
        record = built.model_copy(update=changes)
        return run_benchmark(plan, ENGINE, runner, work, record, console, rebuild=rebuild, in_place=in_place)

    return call


def get(record: BenchmarkRecord, scenario: str) -> RunRecord:
    found = record.run(scenario)
    assert found is not None
    return found


def test_a_benchmark_has_one_run_of_each_scenario(run: Run) -> None:
    assert [one.scenario for one in run().runs] == ["cold", "no-op", "edit"]


def test_every_run_is_in_the_private_engine_of_the_cold_one(run: Run, world: World) -> None:
    record = run()
    assert world.solved == [("cold", PRIVATE), ("no-op", PRIVATE), ("edit", PRIVATE)]
    assert (world.events[0], world.events[-1], record.in_place) == ("swept", "stopped", False)
    assert world.events.count("started") == 1


def test_in_place_the_runs_after_the_cold_one_use_the_users_engine(run: Run, world: World) -> None:
    record = run(in_place=True)
    assert world.solved == [("no-op", ENGINE), ("edit", ENGINE)]
    assert record.in_place


def test_in_place_a_build_that_found_its_cache_empty_is_the_cold_run(run: Run, world: World) -> None:
    cold = get(run(in_place=True), "cold")
    assert (cold.duration_s, cold.misses, cold.hits, cold.valid) == (100.0, 5, 0, True)
    assert "held no record before this build, base image present" in cold.note
    assert "started" not in world.events


def test_a_cold_build_that_pulled_its_base_says_so(run: Run) -> None:
    assert "base image pulled within it" in get(run(in_place=True, base_present=False), "cold").note


def test_in_place_a_build_that_was_not_cold_is_measured_in_a_private_engine(run: Run, world: World) -> None:
    cold = get(run(in_place=True, cold=False), "cold")
    assert (cold.duration_s, cold.misses, cold.valid) == (1.235, 5, True)
    assert cold.note == "single run; private engine, empty store, base image present"
    assert world.solved == [("cold", PRIVATE), ("no-op", ENGINE), ("edit", ENGINE)]


def test_a_cold_run_that_was_measured_already_is_taken(
    plan: BuildPlan, runner: FakeRunner, work: WorkFolder, built: BuildRecord, console: Console, run: Run,
    world: World,
) -> None:  # fmt: skip
    measured = RunRecord(scenario="cold", duration_s=77.0, cpu_s=66.0, valid=True, note="side by side")
    warm = built.model_copy(update={"cold": False})
    record = run_benchmark(plan, ENGINE, runner, work, warm, console, measured=measured, in_place=True)
    assert get(record, "cold") == measured
    assert "started" not in world.events


def test_a_second_cold_build_is_run_when_it_is_asked_for(run: Run, world: World) -> None:
    world.rebuilt = "sha256:" + "9" * 64
    record = run(rebuild=True)
    assert (record.rebuilt_digest, record.differing_layers) == (world.rebuilt, (3,))
    assert get(record, "cold").duration_s == 1.235


def test_the_same_image_again_has_no_layer_that_differs(run: Run) -> None:
    record = run(rebuild=True)
    assert (record.rebuilt_digest, record.differing_layers) == (DIGEST, ())


def test_a_reused_cold_run_compares_no_image(run: Run) -> None:
    record = run()
    assert (record.rebuilt_digest, record.differing_layers) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [{"revision": "f" * 40}, {"revision": "0123" * 10 + "-dirty"}, {"build_args": {"GREETING": "other"}}],
    ids=["another commit", "a changed checkout", "other arguments"],
)
def test_a_plan_that_differs_from_what_was_built_is_refused_before_anything_runs(
    run: Run, world: World, runner: FakeRunner, changes: dict[str, object]
) -> None:
    with pytest.raises(MeasurementError, match="a no-op build would be none") as caught:
        run(**changes)
    assert "invoke build --variant one --target core" in caught.value.next_step
    assert not world.solved
    assert not runner.calls


def test_where_no_private_engine_runs_nothing_is_measured_and_each_run_says_why(
    run: Run, world: World, console: Console
) -> None:
    world.error = MeasurementError("no private engine can run here: it needs root", next_step="x")
    record = run(cold=False)
    assert [(one.duration_s, one.valid) for one in record.runs] == [(None, False)] * 3
    assert all("it needs root" in one.note for one in record.runs)
    assert "--in-place" in said(console)
    assert (record.overhead_s, record.rebuilt_digest) == (None, None)


def test_where_no_private_engine_runs_a_build_that_was_cold_is_the_cold_run(run: Run, world: World) -> None:
    world.error = MeasurementError("no private engine", next_step="x")
    record = run()
    assert [one.valid for one in record.runs] == [True, False, False]
    assert get(record, "cold").duration_s == 100.0


def test_in_place_the_others_are_measured_without_a_cold_run(run: Run, world: World) -> None:
    world.error = MeasurementError("no private engine", next_step="x")
    record = run(in_place=True, cold=False)
    assert [one.valid for one in record.runs] == [False, True, True]
    assert record.overhead_s is not None
    assert record.rebuilt_digest is None


def test_a_long_reason_is_cut(run: Run, world: World) -> None:
    world.error = CommandError("x" * 5000, next_step="x")
    assert len(get(run(cold=False), "cold").note) == 300


def test_a_private_engine_whose_store_is_not_empty_measures_nothing(
    run: Run, runner: FakeRunner, world: World
) -> None:
    runner.script(*PRIVATE.buildx("du"), stdout="ID: 1\n")
    cold = get(run(cold=False), "cold")
    assert (cold.duration_s, cold.note) == (None, "the build cache held 1 records")
    assert world.solved == []
    assert world.events[:3] == ["swept", "started", "stopped"]


def test_a_cold_run_with_hits_is_recorded_as_invalid(run: Run, world: World) -> None:
    world.streams["cold"] = "relinked"
    record = run(cold=False)
    cold = get(record, "cold")
    assert (cold.hits, cold.misses, cold.valid) == (3, 2, False)
    assert "3 cached:" in cold.note
    assert "3 cached:" in get(record, "no-op").note, "what follows stands on nothing that is known"


def test_the_base_is_handed_to_the_private_engine_by_its_tag_and_not_kept(
    run: Run, runner: FakeRunner, world: World
) -> None:
    run(cold=False)
    (save,) = [call for call in runner.calls if call[1] == "save"]
    (load,) = [call for call in runner.calls if "load" in call]
    assert save[-1] == "tiny:1"
    assert load == (*PRIVATE.command, "load", "-i", save[3])
    assert Path(save[3]).name not in world.scratch


def test_a_base_that_the_private_engine_does_not_know_by_its_digest_is_pulled(
    run: Run, runner: FakeRunner
) -> None:
    runner.script(*PRIVATE_INSPECT, returncode=1)
    assert "base image pulled within it" in get(run(cold=False), "cold").note


def test_a_base_that_the_engine_lacks_is_pulled(run: Run, runner: FakeRunner) -> None:
    runner.script(*INSPECT, returncode=1)
    runner.script(*PRIVATE_INSPECT, returncode=1)
    assert "base image pulled within it" in get(run(cold=False), "cold").note
    assert not [call for call in runner.calls if "save" in call]


def test_a_base_that_the_engine_holds_by_its_digest_alone_is_pulled(run: Run, runner: FakeRunner) -> None:
    runner.script(*INSPECT, "tiny:1", returncode=1, stderr="No such image: tiny:1")
    runner.script("docker", "save", returncode=1, stderr="No such image: tiny:1")
    runner.script(*PRIVATE_INSPECT, returncode=1)
    cold = get(run(cold=False), "cold")
    assert cold.valid
    assert "base image pulled within it" in cold.note


def test_a_no_op_run_counts_its_hits(run: Run) -> None:
    no_op = get(run(), "no-op")
    assert (no_op.hits, no_op.misses, no_op.valid, no_op.note) == (5, 0, True, "single run")


def test_a_no_op_run_that_missed_is_invalid_and_leaves_no_overhead(run: Run, world: World) -> None:
    world.streams["no-op"] = "edit"
    record = run()
    assert not get(record, "no-op").valid
    assert "2 missed:" in get(record, "no-op").note
    assert record.overhead_s is None


def test_the_overhead_is_the_whole_tool_minus_plain_buildx(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.chain([100.0, 103.0, 110.5])  # plain buildx: 3 s, then the tool: 7.5 s
    monkeypatch.setattr(benchmark.time, "monotonic", lambda: next(clock))
    assert run(in_place=True).overhead_s == 4.5
    assert "built" in world.events


def test_in_a_private_engine_the_overhead_is_that_of_the_solve(run: Run, world: World) -> None:
    assert run().overhead_s is not None
    assert "solved" in world.events
    assert "built" not in world.events


def test_plain_buildx_builds_what_the_tool_builds(run: Run, runner: FakeRunner) -> None:
    run(in_place=True)
    (plain,) = [call for call in runner.calls if call[: len(BUILDX) + 1] == (*BUILDX, "build")]
    assert "--build-arg=GREETING=hello" in plain
    assert "--output=type=image,store=false" in plain


def test_the_edit_is_one_comment_line_more_in_a_copy(run: Run, world: World, plan: BuildPlan) -> None:
    run()
    original, added = world.edited.splitlines()
    assert original == "# scripts/entrypoint.sh"
    assert added.startswith("# edited ")
    assert (plan.root / "scripts" / "entrypoint.sh").read_text(encoding="utf-8") == f"{original}\n"


def test_each_edit_is_new_to_a_cache_that_saw_the_one_before(run: Run, world: World) -> None:
    run()
    first = world.edited
    run()
    assert world.edited != first


def test_the_copy_holds_what_a_build_reads_and_no_more(run: Run, world: World) -> None:
    run()
    assert world.events[-4:-1] == [".dockerignore", "image_one/Dockerfile", "scripts/entrypoint.sh"]
    assert "secret.txt" not in world.events


def test_an_edit_that_did_not_reach_the_image_is_invalid(run: Run, world: World) -> None:
    world.streams["edit"] = "no-op"
    edit = get(run(), "edit")
    assert not edit.valid
    assert "did not reach the image" in edit.note


def test_an_edit_counts_a_linked_copy_once(run: Run) -> None:
    edit = get(run(), "edit")
    assert (edit.hits, edit.misses, edit.valid) == (3, 2, True)


def test_a_benchmark_leaves_no_scratch_behind(run: Run, work: WorkFolder) -> None:
    run(cold=False)
    assert list(work.path.iterdir()) == []


def test_a_benchmark_that_breaks_off_leaves_no_scratch_behind(
    run: Run, runner: FakeRunner, work: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run_solve", fail)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert list(work.path.iterdir()) == []


def test_a_run_that_failed_is_not_measured_and_not_repeated(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve = world.run_solve

    def fail(*words: Any) -> Outcome:
        outcome = solve(*words)
        if world.solved[-1][0] == "edit":
            raise BuildError("it did not build", next_step="x")
        return outcome

    monkeypatch.setattr(runs, "run_solve", fail)
    edit = get(run(), "edit")
    assert (edit.duration_s, edit.valid, edit.note) == (None, False, "it did not build")
    assert [scenario for scenario, _ in world.solved] == ["cold", "no-op", "edit"]


def test_a_benchmark_is_about_the_image_that_was_built(run: Run) -> None:
    assert run().manifest_digest == DIGEST

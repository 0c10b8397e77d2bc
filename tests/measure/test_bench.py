"""Engines of a bench: which run gets which, and that none is left; the builder in a container."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build import Before, BuildRecord, Engine, Outcome, Solve
from baseimages.errors import BuildError, MeasurementError
from baseimages.measure import bench, builder, runs
from baseimages.measure.bench import Arm, Bench
from baseimages.measure.builder import BUILDKIT, PRESENT, bring_base, container_builder, private_engine
from baseimages.measure.disk import SPARE_BYTES, DiskWatch
from baseimages.measure.isolated import PrivateEngine
from baseimages.measure.scenario import CI_WARM, COLD, EDIT, FACTORY_COLD, LAYERS_COLD, NO_OP
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder
from tests.build.conftest import ENGINE, read_steps
from tests.conftest import FakeRunner
from tests.measure.conftest import DIGEST

BEFORE = Before(cold=True, cold_reason="it held nothing", base_present=False, started_at="x", inputs=())


class Machine:
    """Private engines by number; `solved` is (engine, scenario's stream, options) of each build."""

    def __init__(self) -> None:
        self.alive: list[str] = []
        self.count = 0
        self.filled: set[str] = set()
        self.solved: list[tuple[str, tuple[str, ...]]] = []
        self.broken = False

    @contextmanager
    def private_engine(self, user: Engine, runner: FakeRunner, folder: Path) -> Iterator[PrivateEngine]:
        assert user is ENGINE
        name = f"private{self.count}"
        self.count += 1
        self.alive.append(name)
        (folder / "data").touch()
        fields = dataclasses.asdict(ENGINE) | {"builder": name, "command": ("docker", "--host", name)}
        try:
            yield PrivateEngine(**fields, pid=os.getpid())
        finally:
            self.alive.remove(name)

    def solve(self, plan: BuildPlan, engine: Engine, _: object, folder: Path, __: object) -> Outcome:
        if self.broken:
            raise BuildError("it did not build", next_step="x")
        self.solved.append((engine.builder, engine.build_options))
        imports = any("--cache-from" in word for word in engine.build_options)
        is_new = engine.builder not in self.filled and not imports
        self.filled.add(engine.builder)
        edited = "scripts" in plan.root.name or plan.root.name == "context"
        return Outcome(
            digest=DIGEST,
            duration_s=1.0,
            steps=read_steps("edit" if edited else "cold" if is_new else "no-op"),
        )


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, runner: FakeRunner) -> Machine:
    machine = Machine()
    monkeypatch.setattr(bench, "private_engine", machine.private_engine)
    monkeypatch.setattr(bench, "bring_base", lambda plan, user, private, *_: (private, PRESENT))
    monkeypatch.setattr(bench, "look_before", lambda *_: BEFORE)
    monkeypatch.setattr(bench, "run_solve", machine.solve)
    monkeypatch.setattr(runs, "run_solve", machine.solve)
    return machine


@pytest.fixture
def arm(plan: BuildPlan) -> Arm:
    return Arm(name="candidate", plan=plan)


def test_a_kept_engine_serves_what_needs_a_build_and_ends_with_the_bench(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    with Bench(ENGINE, runner, tmp_path, console) as work:
        for scenario, keep in ((COLD, False), (COLD, True), (NO_OP, False), (EDIT, False), (COLD, True)):
            assert work.run(arm, scenario, keep=keep).valid
        assert machine.alive == ["private1"]
        assert [name for name, _ in machine.solved] == [
            "private0", "private1", "private1", "private1", "private2",
        ]  # fmt: skip
    assert machine.alive == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("run-")] == []


def test_the_build_of_a_kept_cold_run_is_stored_once_and_loaded_nowhere(
    machine: Machine,
    runner: FakeRunner,
    console: Console,
    arm: Arm,
    work: WorkFolder,
    built: BuildRecord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored: list[tuple[Solve, Engine | None, WorkFolder]] = []

    def store(solve: Solve, target: Engine | None, _: object, folder: WorkFolder, __: object) -> BuildRecord:
        assert solve.folder.is_dir(), "the raw progress is still there"
        stored.append((solve, target, folder))
        return built

    monkeypatch.setattr(bench, "store_solve", store)
    with Bench(ENGINE, runner, tmp_path, console) as each:
        assert each.store_build(arm, work) is None, "nothing was built"
        each.run(arm, COLD)
        assert each.store_build(arm, work) is None, "its engine is gone"
        each.run(arm, COLD, keep=True)
        each.run(arm, EDIT)
        assert each.store_build(arm, work) is built
        assert each.store_build(arm, work) is None
    ((solve, target, folder),) = stored
    assert (solve.engine.builder, target, folder) == ("private1", None, work)
    assert (solve.plan, solve.outcome.steps) == (arm.plan, read_steps("cold"))
    assert solve.before == dataclasses.replace(BEFORE, base_present=True), "the base came after the look"


def test_an_engine_whose_cache_is_not_provably_empty_runs_nothing_cold(
    machine: Machine,
    runner: FakeRunner,
    console: Console,
    arm: Arm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warm = dataclasses.replace(BEFORE, cold=False, cold_reason="it held 3 records")
    monkeypatch.setattr(bench, "look_before", lambda *_: warm)
    with Bench(ENGINE, runner, tmp_path, console) as work:
        assert work.run(arm, COLD).note == "it held 3 records"
    assert machine.solved == []


def test_two_arms_never_share_an_engine(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    other = dataclasses.replace(arm, name="baseline")
    with Bench(ENGINE, runner, tmp_path, console) as work:
        for each in (arm, other):
            work.run(each, COLD, keep=True)
        for each in (arm, other):
            work.run(each, NO_OP)
    assert [name for name, _ in machine.solved] == ["private0", "private1", "private0", "private1"]


def test_a_full_disk_is_a_run_that_was_not_measured_and_says_so(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "progress.jsonl")

    monkeypatch.setattr(bench, "measure_run", refuse)
    with Bench(ENGINE, runner, tmp_path, console) as work:
        run = work.run(arm, COLD, keep=True)
        assert (run.valid, run.note) == (False, "progress.jsonl: No space left on device")
        assert machine.alive == []


def test_ctrl_c_ends_every_engine(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    def work() -> None:
        with Bench(ENGINE, runner, tmp_path, console) as work:
            work.run(arm, COLD, keep=True)
            assert machine.alive == ["private0"]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert machine.alive == []


def test_layers_are_thrown_away_and_cache_mounts_stay(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    runner.script("docker", "--host")
    with Bench(ENGINE, runner, tmp_path, console) as work:
        work.run(arm, COLD, keep=True)
        work.run(arm, LAYERS_COLD)
    (prune,) = [call for call in runner.calls if "prune" in call]
    assert prune[:6] == ("docker", "--host", "private0", "buildx", "--builder", "private0")
    assert "--filter=type!=exec.cachemount" in prune


def test_an_engine_that_is_released_is_gone_and_the_others_stay(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, work: WorkFolder, tmp_path: Path
) -> None:
    other = dataclasses.replace(arm, name="baseline")
    with Bench(ENGINE, runner, tmp_path, console) as each:
        for one in (arm, other):
            each.run(one, COLD, keep=True)
        each.run(other, CI_WARM)
        (cache,) = (
            Path(words[-1].split("dest=")[1].split(",")[0])
            for _, words in machine.solved
            if words and "dest=" in words[-1]
        )
        cache.mkdir()
        each.release(other)
        assert machine.alive == ["private0"]
        assert len(list(tmp_path.rglob("data"))) == 1, "and so is what it held"
        assert not cache.exists()
        assert "none was made" in each.run(other, NO_OP).note
        assert each.store_build(other, work) is None
        assert each.run(arm, NO_OP).valid
        each.release(other)


def test_a_ci_run_imports_into_a_new_engine_what_the_kept_one_exported_once(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    with Bench(ENGINE, runner, tmp_path, console) as work:
        work.run(arm, COLD, keep=True)
        assert work.run(arm, CI_WARM).valid
        assert work.run(arm, CI_WARM).valid
    names, options = zip(*machine.solved, strict=True)
    assert names == ("private0", "private0", "private1", "private2")
    exported = options[1][-1].removeprefix("--cache-to=type=local,dest=").removesuffix(",mode=max")
    assert options[2] == options[3] == (f"--cache-from=type=local,src={exported}",)


def test_a_base_that_was_made_here_cannot_be_pulled_so_factory_cold_says_so(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    base = dataclasses.replace(arm.plan.base, origin="bootstrapped")
    made = dataclasses.replace(arm, plan=dataclasses.replace(arm.plan, base=base))
    with Bench(ENGINE, runner, tmp_path, console) as work:
        run = work.run(made, FACTORY_COLD)
        assert (run.duration_s, run.valid) == (None, False)
        assert "cannot be pulled" in run.note
        assert machine.count == 0
        assert work.run(arm, FACTORY_COLD).note.endswith("base image pulled within it")


def test_where_the_cold_build_failed_the_others_say_so_and_nothing_is_tried_again(
    machine: Machine, runner: FakeRunner, console: Console, arm: Arm, tmp_path: Path
) -> None:
    machine.broken = True
    with Bench(ENGINE, runner, tmp_path, console) as work:
        assert work.run(arm, COLD, keep=True).note == "it did not build"
        assert "it did not build" in work.run(arm, NO_OP).note
    assert machine.count == 1


@pytest.mark.parametrize("obstacle", ["", "it needs root"])
def test_a_builder_in_a_container_is_the_way_where_no_daemon_can_be_started(
    obstacle: str, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    @contextmanager
    def take(*words: object) -> Iterator[str]:
        taken.append(words)
        yield "engine"

    monkeypatch.setattr(builder, "find_obstacle", lambda: obstacle)
    monkeypatch.setattr(builder, "isolated_engine", take)
    monkeypatch.setattr(builder, "container_builder", take)
    with private_engine(ENGINE, runner, tmp_path) as engine:
        assert engine == "engine"
    assert taken == [(ENGINE, runner, tmp_path, obstacle) if obstacle else (runner, tmp_path)]


@pytest.fixture
def docker(runner: FakeRunner) -> FakeRunner:
    runner.script("docker", "buildx", "ls", stdout="default\n")
    runner.script("docker", "buildx", "create")
    runner.script("docker", "buildx", "rm")
    runner.script("docker", "inspect", stdout="0\n")
    return runner


def test_the_builder_is_pinned_collects_no_garbage_and_is_removed(docker: FakeRunner, tmp_path: Path) -> None:
    with container_builder(ENGINE, docker, tmp_path, "it needs root") as engine:
        (create,) = [call for call in docker.calls if "create" in call]
        (config,) = [word for word in create if word.startswith("--buildkitd-config=")]
        assert "gc = false" in Path(config.partition("=")[2]).read_text()
        assert f"--driver-opt=image={BUILDKIT}" in create
        assert "@sha256:" in BUILDKIT
        assert (engine.kind, engine.cpu_s()) == ("docker-container", None)
        assert engine.buildx("build")[:4] == ["docker", "buildx", "--builder", engine.builder]
        assert engine.builder != ENGINE.builder
    assert docker.calls[-1] == ("docker", "buildx", "rm", "--force", engine.builder)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_removes_the_builder(docker: FakeRunner, tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        container_builder(ENGINE, docker, tmp_path, "it needs root"),
    ):
        raise KeyboardInterrupt
    assert "rm" in docker.calls[-1]


def test_where_its_image_cannot_be_had_both_reasons_are_told(docker: FakeRunner, tmp_path: Path) -> None:
    docker.script("docker", "buildx", "create", returncode=1, stderr="pulling\nno such host\n")
    with (
        pytest.raises(MeasurementError, match=r"it needs root; nor can a builder .*no such host"),
        container_builder(ENGINE, docker, tmp_path, "it needs root"),
    ):
        pass
    assert "rm" in docker.calls[-1]


def test_builders_of_the_dead_are_removed_and_no_others(docker: FakeRunner, tmp_path: Path) -> None:
    dead, alive = f"bench-{2_000_000_000}-ab", f"bench-{os.getpid()}-cd"
    docker.script("docker", "buildx", "ls", stdout=f"default\n{dead}\n{alive}\nbench-mark-x\n{dead}\n")
    with container_builder(ENGINE, docker, tmp_path, "x"):
        removed = [call[-1] for call in docker.calls if "rm" in call]
    assert removed == [dead]


def container(**changes: object) -> PrivateEngine:
    fields = dataclasses.asdict(ENGINE) | {"builder": "bench"} | changes
    return PrivateEngine(**fields, pid=None, kind="docker-container")


def test_a_builder_reads_a_base_that_was_made_here_as_a_layout(
    runner: FakeRunner, plan: BuildPlan, tmp_path: Path
) -> None:
    def save(call: tuple[str, ...]) -> None:
        import tarfile

        (tmp_path / "index.json").write_text(json.dumps({}))
        with tarfile.open(call[3], "w") as tar:
            tar.add(tmp_path / "index.json", arcname="index.json")

    runner.script("docker", "image", "inspect", stdout="sha256:1\n")
    runner.script("docker", "save", action=save)
    base = dataclasses.replace(plan.base, origin="bootstrapped")
    engine, told = bring_base(dataclasses.replace(plan, base=base), ENGINE, container(), runner, tmp_path)
    assert engine.build_options == (f"--build-context=tiny:1=oci-layout://{tmp_path}/base-layout:1",)
    assert (tmp_path / "base-layout" / "index.json").exists()
    assert told == "base image present"


def test_a_builder_pulls_the_base_of_a_registry_before_the_clock_starts(
    runner: FakeRunner, plan: BuildPlan, tmp_path: Path
) -> None:
    runner.script("docker", "image", "inspect", returncode=1)
    runner.script("docker", "buildx", "--builder", "bench", "build")
    engine, told = bring_base(plan, ENGINE, container(), runner, tmp_path)
    assert told == "base image present"
    assert engine.build_options == ()
    assert runner.calls[-1][-1] == "-"


class Disk:
    def __init__(self, *free: float) -> None:
        self._free = [int(each * 1e9) for each in free]

    def __call__(self, _: Path):
        from types import SimpleNamespace

        return SimpleNamespace(free=self._free.pop(0) if len(self._free) > 1 else self._free[0])


def test_a_session_stops_before_its_disk_budget_is_spent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.disk_usage", Disk(100, 100, 96, 92))
    watch = DiskWatch(tmp_path, int(11e9))
    assert watch.find_obstacle() == ""
    watch.look(int(96e9))
    assert watch.engine_bytes == int(4e9)
    assert "the disk budget of 11.0 GB is spent: 8.0 GB are held" in watch.find_obstacle()
    assert watch.find_obstacle(starts_engine=False) == ""
    assert watch.most_bytes == int(8e9)


def test_a_session_stops_while_there_is_room_for_what_a_build_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.disk_usage", Disk((SPARE_BYTES - 1) / 1e9))
    assert "are free" in DiskWatch(tmp_path, None).find_obstacle()

"""A checkout that can be edited, the record of its build, and runs read from recorded streams."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from rich.console import Console

from baseimages.build import BaseFacts, BuildRecord, EngineFacts, StepRecord, fold_groups
from baseimages.declare import Edit, Revision
from baseimages.measure import pairs
from baseimages.measure.bench import Arm
from baseimages.measure.isolated import PrivateEngine
from baseimages.measure.pairs import run_pairs
from baseimages.measure.pairs_record import PairsRecord
from baseimages.measure.record import RunRecord
from baseimages.measure.scenario import COLD, NO_OP, Scenario, edit_scenario
from baseimages.measure.schedule import make_schedule
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder
from tests.build.conftest import BASE, ENGINE, HOST, read_steps
from tests.conftest import FakeRunner

DIGEST = "sha256:" + "7" * 64
DOCKERFILE = """\
FROM tiny:1 AS core
COPY --link scripts/entrypoint.sh /entrypoint
"""


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def plan(tmp_path: Path) -> BuildPlan:
    root = tmp_path / "checkout"
    texts = {name: f"# {name}\n" for name in ("scripts/entrypoint.sh", ".dockerignore", "secret.txt")}
    for name, text in (texts | {"image_one/Dockerfile": DOCKERFILE}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return BuildPlan(
        variant="one",
        image_name="image_one",
        target="core",
        platform="linux/amd64",
        build_platform="linux/amd64",
        base=BASE,
        root=root,
        dockerfile="image_one/Dockerfile",
        stages=("os", "core"),
        build_args=(("GREETING", "hello"),),
        labels=(),
        tags=("image_one:core-tiny",),
        secrets=(),
        revision=Revision(commit="0123" * 10, dirty=False, epoch_s=1767323045),
    )


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    return WorkFolder(root=tmp_path, image_name="image_one", base="tiny", target="core")


@pytest.fixture
def built(plan: BuildPlan) -> BuildRecord:
    """The record of a build into an empty cache."""
    return BuildRecord(
        variant=plan.variant,
        image_name=plan.image_name,
        target=plan.target,
        platform=plan.platform,
        base=BaseFacts.of(plan.base),
        revision=plan.revision.label,
        dirty=False,
        source_digest=DIGEST,
        manifest_digest=DIGEST,
        tags=plan.tags,
        build_args=dict(plan.build_args),
        engine=EngineFacts.of(ENGINE),
        host=HOST,
        started_at="2026-01-02T03:04:05Z",
        duration_s=100.0,
        export_duration_s=20.0,
        load_duration_s=5.0,
        cold=True,
        cold_reason="the build cache held no record before this build",
        base_present=True,
        steps=tuple(StepRecord.of(step) for step in fold_groups(read_steps("cold"))),
        progress_sha256="8" * 64,
    )


BOTH = ("baseline", "candidate")
EDIT_PIN = edit_scenario("edit-pin", Edit(file="scripts/entrypoint.sh", append="# {edit}"))
DAY = "2026-01-02T03:04:05Z"
Run = Callable[..., PairsRecord]


def made(scenario: str, duration_s: float | None, *, cpu_s: float | None = 1.0, day: str = DAY) -> RunRecord:
    return RunRecord(
        scenario=scenario,
        duration_s=duration_s,
        cpu_s=cpu_s,
        valid=duration_s is not None,
        note="" if duration_s else "it did not build",
        started_at=day,
    )


class FakeBench:
    """Gives each run its arm's time; `log` is (arm, scenario, keep) of each."""

    def __init__(self, *_: object) -> None:
        self.engines = [PrivateEngine(**dataclasses.asdict(ENGINE), pid=1)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.log.append(("closed", "", False))

    def store_build(self, arm: Arm, work: WorkFolder) -> None:
        self.log.append((arm.name, f"stored in {work.image_name}", False))
        self.clock.now += 1000.0
        if self.is_full:
            raise OSError(28, "No space left on device")

    def engine_of(self, arm: Arm) -> PrivateEngine | None:
        built = (arm.name, "cold", True) in self.log and self.times[arm.name]
        return self.engines[0] if built else None

    def release(self, arm: Arm) -> None:
        self.log.append((arm.name, "released", False))

    log: list[tuple[str, str, bool]]
    is_full = False
    times: dict[str, float | None]
    clock: Clock

    def run(self, arm: Arm, scenario: Scenario, *, keep: bool = False) -> RunRecord:
        self.log.append((arm.name, scenario.name, keep))
        time_s = self.times[arm.name]
        self.clock.now += time_s or 0.0
        return made(scenario.name, time_s)


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> type[FakeBench]:
    FakeBench.log, FakeBench.times = [], {"baseline": 100.0, "candidate": 50.0}
    FakeBench.clock = Clock()
    monkeypatch.setattr(pairs, "Bench", FakeBench)
    monkeypatch.setattr(pairs, "time", FakeBench.clock)
    monkeypatch.setattr(pairs, "remove_leftovers", lambda *_: None)
    return FakeBench


@pytest.fixture
def stored() -> list[PairsRecord]:
    return []


@pytest.fixture
def run(
    bench: type[FakeBench],
    plan: BuildPlan,
    built: BuildRecord,
    work: WorkFolder,
    runner: FakeRunner,
    console: Console,
    stored: list[PairsRecord],
) -> Run:
    def call(*wishes: tuple[Scenario, int], names=BOTH, other: BuildPlan | None = None, **options):
        schedule = make_schedule(wishes, arms=names, known={}, seed=7, budget_s=options.pop("budget_s", None))
        plans = {"baseline": other or plan, "candidate": plan}
        own = {each.name: each for each in (COLD, NO_OP, EDIT_PIN)}
        arms = {name: Arm(name=name, plan=plans[name], scenarios=own) for name in names}
        for name, scenarios in options.pop("scenarios", {}).items():
            arms[name] = dataclasses.replace(arms[name], scenarios=scenarios)
        return run_pairs(
            schedule, arms, built, ENGINE, runner, work, console,
            disk_budget_bytes=options.pop("disk_budget_bytes", None), store=stored.append,
            baseline_work=options.pop("baseline_work", None),
        )  # fmt: skip

    return call

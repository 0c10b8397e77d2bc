"""Cold builds side by side: which plan is built, what is refused, what is not measured."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build import BuildRecord
from baseimages.errors import MeasurementError, UsageError
from baseimages.host import Check
from baseimages.inspect import EqualityRecord
from baseimages.measure import RunRecord, comparison, describe_comparison, emulate, load_cold, run_comparison
from baseimages.measure.comparison import ComparisonRecord, WayRecord
from baseimages.plan import BuildPlan, choose_stage
from baseimages.records import WorkFolder, write_record
from tests.build.conftest import ENGINE
from tests.conftest import FakeRunner
from tests.measure.conftest import DIGEST

RUN = RunRecord(scenario="cold", duration_s=80.0, cpu_s=60.0, valid=True, note="single run")
NO_EMULATION = Check(name="arm64 programs", status="warning", cause="none registered", cure="register it")
EMULATION = Check(name="arm64 programs", status="ok", cause="emulation by qemu")


class World:
    """Keeps what was built, and whether a layout was asked for."""

    def __init__(self) -> None:
        self.built: list[tuple[str, bool]] = []
        self.emulation = NO_EMULATION
        self.run = RUN

    def run_cold(self, plan: BuildPlan, *words: object) -> tuple[RunRecord, str | None]:
        layout = words[3]
        self.built.append((plan.build_platform, layout is not None))
        if isinstance(layout, Path) and self.run.valid:
            layout.mkdir(parents=True)
            (layout / "index.json").touch()
        return self.run, None

    def compare_layouts(self, left: Path, right: Path, _: object) -> EqualityRecord:
        assert (left.parent.name, right.parent.name) == ("mine", "emulated")
        return EqualityRecord(compared=7, differences=())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    for name in ("run_cold", "compare_layouts"):
        monkeypatch.setattr(comparison, name, getattr(world, name))
    monkeypatch.setattr(comparison, "open_layout", lambda path: path)
    monkeypatch.setattr(comparison, "remove_leftovers", lambda *_: None)
    monkeypatch.setattr(comparison, "check_emulation", lambda: world.emulation)
    return world


@pytest.fixture
def candidate(plan: BuildPlan) -> BuildPlan:
    args = (("BUILD_IMAGE", "base:amd64"), ("GREETING", "hello"))
    return dataclasses.replace(plan, platform="linux/arm64", build_args=args)


def compare(plans: dict[str, BuildPlan], built: BuildRecord, work: WorkFolder, console: Console):
    return run_comparison(plans, "mine", built, ENGINE, FakeRunner(), work, console)


def test_an_emulated_plan_runs_every_command_on_the_images_own_platform(candidate: BuildPlan) -> None:
    emulated = emulate(candidate)
    assert emulated.build_platform == "linux/arm64"
    assert dict(emulated.build_args) == {"BUILD_ON": "arm64", "GREETING": "hello"}


def test_a_plan_that_is_built_on_its_own_platform_is_not_called_emulated(plan: BuildPlan) -> None:
    with pytest.raises(UsageError, match="nothing to emulate"):
        emulate(plan)


def test_without_emulation_the_emulated_way_is_not_measured_and_says_what_cures_it(
    world: World, candidate: BuildPlan, built: BuildRecord, work: WorkFolder, console: Console
) -> None:
    record = compare({"mine": candidate, "emulated": emulate(candidate)}, built, work, console)
    emulated = record.way("emulated")
    assert emulated
    assert (emulated.run.duration_s, emulated.run.valid) == (None, False)
    assert emulated.run.note == "none registered (register it)"
    assert world.built == [("linux/amd64", True)]
    assert (record.equality, record.emulation) == (None, "none registered")
    assert "not measured" in describe_comparison(record)


def test_the_emulated_image_is_compared_with_the_candidate(
    world: World, candidate: BuildPlan, built: BuildRecord, work: WorkFolder, console: Console
) -> None:
    world.emulation = EMULATION
    record = compare({"mine": candidate, "emulated": emulate(candidate)}, built, work, console)
    assert world.built == [("linux/amd64", True), ("linux/arm64", True)]
    assert record.equality
    assert record.manifest_digest == DIGEST
    assert "7 paths compared, equal" in describe_comparison(record)


def test_an_emulated_run_that_failed_compares_no_files(
    world: World, candidate: BuildPlan, built: BuildRecord, work: WorkFolder, console: Console
) -> None:
    world.emulation, world.run = EMULATION, RUN.model_copy(update={"valid": False})
    plans = {"mine": candidate, "emulated": emulate(candidate)}
    assert compare(plans, built, work, console).equality is None


@pytest.mark.parametrize("change", [{"family": "other"}, {"origin": "declared"}])
def test_plans_on_other_bases_are_not_comparable(
    world: World,
    candidate: BuildPlan,
    built: BuildRecord,
    work: WorkFolder,
    console: Console,
    change: dict[str, str],
) -> None:
    other = dataclasses.replace(candidate, base=dataclasses.replace(candidate.base, **change))
    with pytest.raises(MeasurementError, match="not comparable"):
        compare({"cpu": other, "mine": candidate}, built, work, console)
    assert world.built == []


def test_without_an_emulated_way_nothing_is_exported(
    world: World, candidate: BuildPlan, built: BuildRecord, work: WorkFolder, console: Console
) -> None:
    record = compare({"cpu": candidate, "mine": candidate}, built, work, console)
    assert world.built == [("linux/amd64", False)] * 2
    assert (record.stage, record.equality) == ("core", None)


def test_a_stage_of_the_plan_can_be_built_instead_of_its_target(candidate: BuildPlan) -> None:
    assert choose_stage(candidate, "os").target == "os"
    assert choose_stage(candidate, None) is candidate
    with pytest.raises(UsageError, match="stage"):
        choose_stage(candidate, "so")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("etc/passwd-", True),
        ("var/lib/dpkg/status-old", True),
        ("var/log/lastlog", True),
        ("etc/hosts", True),
        ("etc/passwd", False),
        ("var/lib/dpkg/status", False),
        ("usr/bin/fusermount3", False),
        ("usr/local/bin/ffmpeg", True),
        ("usr/local/lib/libavcodec.so.61.19.101", True),
        ("usr/local/lib/libpostproc.so.58.3.100", True),
        ("usr/local/lib/libx265.so.215", False),
        ("usr/lib/aarch64-linux-gnu/libavcodec.so.61", False),
    ],
)
def test_only_leftovers_of_the_base_and_ffmpegs_own_files_may_differ(path: str, allowed: bool) -> None:
    assert any(re.fullmatch(row.pattern, path) for row in comparison.ALLOWED) == allowed


def keep(work: WorkFolder, run: RunRecord, **changes: str) -> None:
    way = WayRecord(name="one", platform="linux/arm64", run=run)
    fields = {"manifest_digest": DIGEST, "candidate": "one", "stage": "core", "emulation": ""} | changes
    write_record(work.comparison("core"), ComparisonRecord(ways=(way,), equality=None, **fields))


def test_a_cold_run_that_was_measured_side_by_side_is_not_run_again(
    built: BuildRecord, work: WorkFolder
) -> None:
    assert load_cold(work, built) is None
    keep(work, RUN)
    assert load_cold(work, built) == RUN


@pytest.mark.parametrize(
    ("run", "changes"),
    [(RUN, {"manifest_digest": "sha256:" + "0" * 64}), (RUN.model_copy(update={"valid": False}), {})],
    ids=["another image", "invalid"],
)
def test_a_run_of_another_image_or_an_invalid_one_does_not_count(
    built: BuildRecord, work: WorkFolder, run: RunRecord, changes: dict[str, str]
) -> None:
    keep(work, run, **changes)
    assert load_cold(work, built) is None


def test_a_ratio_needs_both_numbers() -> None:
    mine = WayRecord(name="a", platform="linux/arm64", run=RUN)
    other = mine.model_copy(update={"run": RUN.model_copy(update={"duration_s": 100.0, "cpu_s": None})})
    assert mine.ratio(other) == (0.8, None)


def test_a_record_comes_back_from_its_text() -> None:
    record = ComparisonRecord(
        manifest_digest=DIGEST,
        candidate="one",
        stage="core",
        emulation="none",
        ways=(WayRecord(name="a", platform="linux/arm64", run=RUN),),
        equality=EqualityRecord(compared=1, differences=()),
    )
    assert ComparisonRecord.model_validate_json(record.model_dump_json()) == record

"""A trace counts only when it is whole: every container seen from its start, no notice lost."""

from __future__ import annotations

import os
import select
import sys
import threading
from pathlib import Path

import pytest

from baseimages.inspect import Inventory, TraceRecord, trace_suite
from baseimages.inspect import trace as module
from baseimages.inspect.fanotify import EVENT, FAN_OPEN, FAN_Q_OVERFLOW, VERSION, Notice, parse_notices
from baseimages.inspect.inventory import OwnedFile
from baseimages.inspect.suite import CaseRecord, SuiteRecord
from baseimages.inspect.trace import Trace, find_overlays, list_containers, make_trace
from tests.conftest import ROOT, FakeRunner

ID, OTHER = "a" * 64, "b" * 64
HOSTILE = b"/srv/new\nline \xff"
INVENTORY = Inventory(
    manifest_digest="sha256:1",
    packages={},
    files=(
        OwnedFile(names=("/entry.sh",), size_bytes=1, owner="part:ours"),
        OwnedFile(names=(os.fsdecode(HOSTILE),), size_bytes=2, owner="folder:/srv"),
    ),
    commands={},
    entry=frozenset({"/entry.sh"}),
)
SUITE = SuiteRecord(
    image="i", manifest_digest="sha256:1", cases=(CaseRecord(name="a", outcome="failed", duration_s=0),)
)


def judge(opened: dict[str, set[bytes]], *, lost: int = 0, refusal: str = "") -> TraceRecord:
    trace = Trace(opened=opened, lost=lost, refusal=refusal)
    return make_trace(trace, frozenset({ID}), INVENTORY, SUITE, "test.sh")


def test_a_whole_trace_keeps_the_files_of_the_image_whatever_their_names_hold() -> None:
    record = judge({ID: {b"/entry.sh", HOSTILE, b"/tmp/made by the suite"}})
    assert record.opened == ("/entry.sh", "/srv/new\nline \\xff")
    assert (record.reason, record.containers, record.failed) == ("", 1, 1)
    assert TraceRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("opened", "lost", "refusal", "reason"),
    [
        ({}, 0, "", "were not seen"),
        ({ID: {HOSTILE}}, 0, "", "watched too late"),
        ({ID: {b"/entry.sh"}}, 2, "", "lost 2 notices"),
        ({ID: {b"/entry.sh"}}, 0, "no permission", "no permission"),
    ],
)
def test_a_trace_that_is_not_whole_keeps_nothing_but_the_reason(
    opened: dict[str, set[bytes]], lost: int, refusal: str, reason: str
) -> None:
    record = judge(opened, lost=lost, refusal=refusal)
    assert reason in record.reason
    assert record.opened == ()


def test_a_suite_that_starts_no_container_measured_nothing() -> None:
    record = make_trace(Trace(refusal=""), frozenset(), INVENTORY, SUITE, "test.sh")
    assert record.reason == "the suite started no container"


def test_a_trace_that_nobody_ended_is_refused() -> None:
    assert make_trace(Trace(), frozenset({ID}), INVENTORY, SUITE, "test.sh").reason == "the watcher died"


def test_what_a_package_manager_opens_is_no_use() -> None:
    trace = Trace(opened={ID: set()})
    seen = [("dpkg", b"/a"), ("py3compile", b"/b"), ("python3", b"/c"), ("", b"/d")]
    trace.note(ID, (Notice(path=path, program=program) for program, path in seen))
    trace.note(ID, iter([Notice(lost=True)]))
    assert (trace.opened[ID], trace.lost) == ({b"/c", b"/d"}, 1)


def test_the_overlay_of_a_container_is_found_in_recorded_mounts() -> None:
    text = (ROOT / "tests/fixtures/audit/mountinfo").read_text()
    ((number, container, path),) = find_overlays(text)
    assert (number, len(container)) == ("82", 64)
    assert path == f"/var/lib/docker/rootfs/overlayfs/{container}"
    assert list(find_overlays("")) == []


def test_only_ids_count_among_the_files_that_a_suite_leaves(tmp_path: Path) -> None:
    for name, text in {"a": ID, "b": "", "c": ID + "\n", "d": "../../etc", "e": OTHER}.items():
        (tmp_path / name).write_text(text)
    assert list_containers(tmp_path) == {ID, OTHER}


@pytest.fixture
def hostile_file(tmp_path: Path) -> tuple[int, bytes]:
    path = os.fsencode(tmp_path) + b"/new\nline \xff"
    return os.open(path, os.O_CREAT | os.O_RDONLY), path


@pytest.mark.skipif(sys.platform != "linux", reason="notices name files by /proc")
def test_a_notice_is_read_with_its_path_and_its_file_is_closed(hostile_file: tuple[int, bytes]) -> None:
    file, path = hostile_file
    size = EVENT.size
    data = EVENT.pack(size, VERSION, 0, size, FAN_OPEN, file, os.getpid())
    data += EVENT.pack(size, VERSION, 0, size, FAN_Q_OVERFLOW, -1, 0)
    first, second = parse_notices(data)
    assert (first.path, first.lost, second.lost) == (path, False, True)
    assert first.program
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


def test_a_notice_of_another_kernel_interface_is_lost_not_misread() -> None:
    (notice,) = parse_notices(EVENT.pack(EVENT.size, VERSION + 1, 0, EVENT.size, FAN_OPEN, 0, 1))
    assert notice.lost


class Polled:
    """Stands for the kernel's poll: the recorded mounts never change."""

    def register(self, *_: object) -> None: ...

    def poll(self, _: int) -> None: ...


def test_where_the_kernel_refuses_the_suite_still_runs_and_nothing_is_measured(
    tmp_path: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, junit, mounts = (
        tmp_path / "test.sh",
        tmp_path / "junit.xml",
        ROOT / "tests/fixtures/audit/mountinfo",
    )
    ((_, mounted, _),) = find_overlays(mounts.read_text())
    asked = threading.Event()

    def refuse(_: Path) -> None:
        asked.set()
        raise PermissionError(1, "Operation not permitted")

    def start_container(_: tuple[str, ...]) -> None:
        (Path((runner.envs[-1] or {})["SUITE_CONTAINERS"]) / "x").write_text(mounted)
        assert asked.wait(10)
        junit.write_text('<testsuite><testcase name="a" time="0"/></testsuite>')

    monkeypatch.setattr(module, "MOUNTS", mounts)
    monkeypatch.setattr(select, "poll", Polled)
    monkeypatch.setattr(module, "Notices", refuse)
    runner.script(str(script), action=start_container)
    record = trace_suite(script, "image", INVENTORY, junit, runner)
    assert record.reason == "this machine does not tell what is opened: Operation not permitted"
    assert (record.passed, record.opened) == (1, ())

"""The verb audit: what it says beforehand, what it stores, what it refuses before anything runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from baseimages import auditing
from baseimages.errors import DeclarationError, RecordError
from baseimages.inspect import AuditRecord, Inventory, TraceRecord
from baseimages.records import WorkFolder, load_record
from tests.conftest import ROOT
from tests.inspect.elves import make_image
from tests.tasks.conftest import call, hold_images, list_files, refusal, store_build

STATUS = "Package: git\nStatus: install ok installed\n\nPackage: dust\nStatus: install ok installed\n"
IMAGE: dict[str, bytes | str] = {
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/info/git.list": "/usr/bin/git\n",
    "var/lib/dpkg/info/dust.list": "/usr/share/dust\n",
    "usr/bin/git": b"g" * 9,
    "usr/share/dust": b"d" * 5,
}
NECESSITY = """
[[inclusions]]
name = "git"
packages = ["deb:git"]
need = "runtime"
reason = "nodes pull pipelines"
"""


def watch(*opened: str) -> Callable[..., TraceRecord]:
    def trace(script: Path, image: str, inventory: Inventory, *_: object) -> TraceRecord:
        assert (script.name, image) == ("test-cpu.sh", "base_edge_node_amd64_cpu:core-debian-13")
        return TraceRecord(
            manifest_digest=inventory.manifest_digest, suite=script.name, containers=1, opened=opened
        )

    return trace


@pytest.fixture
def built(checkout: Path) -> WorkFolder:
    """A checkout in which a tiny image was built."""
    (checkout / "necessity.toml").write_text(NECESSITY)
    shutil.copytree(ROOT / "image_testing", checkout / "image_testing")
    record = store_build(checkout, "core")
    work = WorkFolder(root=checkout, image_name=record.image_name, base="debian-13", target="core")
    work.layout.mkdir()
    make_image(work.layout, IMAGE, architecture="amd64")
    return work


def test_a_dry_run_says_what_would_be_watched_and_writes_nothing(
    built: WorkFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list_files(built.root)
    call(tasks.audit, variant="cpu", dry_run=True)
    assert "would read" in capsys.readouterr().out
    assert list_files(built.root) == before


def test_the_trace_and_the_audit_are_stored_and_told(
    built: WorkFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(auditing, "trace_suite", watch("/usr/bin/git"))
    loaded = hold_images(monkeypatch, auditing)
    call(tasks.audit, variant="cpu")
    assert len(loaded) == 1
    assert "dead: 2 packages" in capsys.readouterr().out
    record = load_record(built.path / WorkFolder.AUDIT, AuditRecord, made_by="invoke audit")
    assert "deb:dust" in [package.id for package in record.of_need("dead")]
    trace = load_record(built.path / WorkFolder.TRACE, TraceRecord, made_by="invoke audit")
    assert trace.opened == ("/usr/bin/git",)


def test_a_judgement_about_nothing_is_refused_before_the_suite_runs(
    built: WorkFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (built.root / "necessity.toml").write_text(NECESSITY.replace("deb:git", "deb:gitt"))
    code, said = refusal(capsys, tasks.audit, variant="cpu")
    assert (code, "did you mean deb:git?" in said) == (DeclarationError.exit_code, True)
    assert not (built.path / WorkFolder.TRACE).exists()


def test_without_a_build_there_is_nothing_to_audit(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.audit, variant="cpu")
    assert (code, "invoke build" in said) == (RecordError.exit_code, True)

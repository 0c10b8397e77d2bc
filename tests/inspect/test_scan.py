"""A kind of finding is counted only when it was looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from baseimages.inspect import describe_scan, run_scan, scan
from baseimages.inspect.database import Database
from baseimages.inspect.layout import Layout
from baseimages.inspect.sbom import Sbom
from baseimages.inspect.trivy import parse_report
from baseimages.records import WorkFolder
from tests.conftest import FakeRunner

LAYOUT = Layout(path=Path("/x"), manifest_digest="sha256:1", config_digest="sha256:2", config={}, layers=())
RECIPE = {
    "Class": "config",
    "Target": "Dockerfile",
    "Misconfigurations": [{"ID": "DS-2", "Severity": "HIGH", "Title": "root"}],
}


@pytest.fixture
def kinds(tmp_path: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> Any:
    sbom = Sbom(tool="syft 1", components={"deb": 1}, files=())
    monkeypatch.setattr(scan, "make_sbom", lambda *_: sbom)

    def scan_with(results: list[dict[str, Any]], day: str | None) -> scan.ScanRecord:
        database = Database(folder=Path("/d"), day=day, reason="" if day else "no database")
        report = parse_report({"SchemaVersion": 2, "Results": results})
        monkeypatch.setattr(scan, "run_trivy", lambda *_: ("trivy 1", database, report))
        work = WorkFolder(root=tmp_path, image_name="i", base="b", target="t")
        return run_scan(LAYOUT, tmp_path, work, runner, Console(quiet=True))

    return scan_with


def test_without_a_database_vulnerabilities_are_not_scanned_and_never_none(kinds: Any) -> None:
    record = kinds([RECIPE], None)
    found = record.kinds["vulnerability"]
    assert (found.status, found.reason, found.by_severity) == ("not scanned", "no database", {})
    assert "vulnerability: not scanned: no database" in describe_scan(record)


def test_with_a_database_none_found_is_a_result(kinds: Any) -> None:
    assert "vulnerability: none found" in describe_scan(kinds([RECIPE], "2026-01-02"))


def test_a_dockerfile_that_was_not_read_is_not_clean(kinds: Any) -> None:
    assert kinds([], None).kinds["misconfiguration"].status == "not scanned"


def test_misconfiguration_is_counted_and_listed_by_its_file(kinds: Any) -> None:
    record = kinds([RECIPE], None)
    assert record.kinds["misconfiguration"].by_severity == {"HIGH": 1}
    assert [(f.kind, f.id, f.where) for f in record.findings] == [("misconfiguration", "DS-2", "Dockerfile")]


def test_licences_are_counted_and_not_listed_one_by_one(kinds: Any) -> None:
    licences = {"Class": "license", "Licenses": [{"Name": "GPL-3.0", "Severity": "HIGH", "PkgName": "x"}]}
    record = kinds([RECIPE, licences], None)
    assert record.kinds["licence"].by_severity == {"HIGH": 1}
    assert not [f for f in record.findings if f.kind == "licence"]

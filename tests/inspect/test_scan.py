"""A kind of finding is counted only when it was looked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from baseimages.inspect import describe_scan, run_scan, scan
from baseimages.inspect.database import Database
from baseimages.inspect.layout import Layout
from baseimages.inspect.sbom import Sbom, count_by_layer
from baseimages.inspect.trivy import findings_of, parse_report
from baseimages.records import WorkFolder
from tests.conftest import ROOT, FakeRunner

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


def recorded_sbom() -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Components by name, and the diff ids of the image's layers."""
    document = json.loads((ROOT / "tests" / "fixtures" / "inspect" / "syft.json").read_text())
    layers = [layer["digest"] for layer in document["source"]["metadata"]["layers"]]
    return {artifact["name"]: artifact for artifact in document["artifacts"]}, layers


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("libc6", 0),
        ("apt", 0),
        ("mosquitto", 2),
        ("docker.io", 3),
        ("python3.13", 4),
        ("node", 6),
        ("npm", 6),
        ("pip", 6),
        ("uv", 6),
    ],
)
def test_a_component_is_in_the_layer_that_brought_it_and_not_in_that_of_the_shared_list(
    name: str, layer: int
) -> None:
    artifacts, layers = recorded_sbom()
    assert count_by_layer([artifacts[name]], layers) == {layers[layer]: 1}


def test_components_by_layer_are_all_components() -> None:
    artifacts, layers = recorded_sbom()
    counts = count_by_layer(artifacts.values(), layers)
    assert sum(counts.values()) == len(artifacts)
    assert list(counts) == [layers[number] for number in (0, 2, 3, 4, 6)]


def test_a_component_of_which_only_the_shared_list_tells_is_in_no_layer() -> None:
    artifacts, layers = recorded_sbom()
    listed = [{"locations": [{"path": "/var/lib/dpkg/status", "layerID": layers[4]}]}, {"locations": []}]
    assert count_by_layer(listed, layers) == {"": 2}
    assert count_by_layer([artifacts["npm"]], layers[:2]) == {"": 1}, "a layer of another image"


def test_a_component_that_was_upgraded_is_where_it_was_upgraded() -> None:
    _, layers = recorded_sbom()
    files = [
        {"path": "/usr/share/doc/x/copyright", "layerID": layers[0]},
        {"path": "/var/lib/dpkg/info/x.md5sums", "layerID": layers[2]},
    ]
    assert count_by_layer([{"locations": files}], layers) == {layers[2]: 1}


def test_a_finding_tells_its_layer_or_its_line_of_the_dockerfile() -> None:
    secret = {"RuleID": "private-key", "Severity": "HIGH", "StartLine": 2, "Layer": {"DiffID": "sha256:1"}}
    cause = {"Provider": "Dockerfile", "StartLine": 272, "EndLine": 272}
    results = [
        {"Class": "secret", "Target": "/k.pem", "Secrets": [secret]},
        {"Class": "config", "Misconfigurations": [{"ID": "A", "CauseMetadata": cause}, {"ID": "B"}]},
    ]
    found = findings_of(parse_report({"SchemaVersion": 2, "Results": results}))
    assert [(f.id, f.layer, f.line) for f in found] == [
        ("A", "", 272),
        ("B", "", None),
        ("private-key", "sha256:1", None),
    ]

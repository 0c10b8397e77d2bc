"""Trivy, started by pytrivy, configured by one generated file in a folder of its own.

What pytrivy parses or compares is not used: our model reads Trivy's JSON. The configuration is
whole and the environment clean, because Trivy reads `trivy.yaml` and `TRIVY_*` from wherever it
stands.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from trivy.classes import TrivyClient
from trivy.enums import TrivyScanCommandEnum

from baseimages.command import Runner
from baseimages.errors import ScanError
from baseimages.host import find_tool
from baseimages.inspect.database import Database, refresh_database
from baseimages.inspect.layout import Layout
from baseimages.inspect.purl import split_package

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")


class _Loose(BaseModel):
    """Trivy's JSON grows with its versions: what we do not read is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Layer(_Loose):
    DiffID: str = ""


class _Cause(_Loose):
    StartLine: int = 0


class _Identifier(_Loose):
    PURL: str = ""


class _Issue(_Loose):
    VulnerabilityID: str = ""
    ID: str = ""
    RuleID: str = ""
    Severity: str = "UNKNOWN"
    Title: str = ""
    Target: str = ""
    PkgName: str = ""
    PkgPath: str = ""
    PkgIdentifier: _Identifier = _Identifier()
    InstalledVersion: str = ""
    FixedVersion: str = ""
    Name: str = ""
    Status: str = ""
    Layer: _Layer = _Layer()
    CauseMetadata: _Cause = _Cause()


class _Result(_Loose):
    Target: str = ""
    Class: str = ""
    Vulnerabilities: tuple[_Issue, ...] = ()
    Misconfigurations: tuple[_Issue, ...] = ()
    Secrets: tuple[_Issue, ...] = ()
    Licenses: tuple[_Issue, ...] = ()


class TrivyReport(_Loose):
    """What Trivy found, as far as it is read."""

    SchemaVersion: int
    Results: tuple[_Result, ...] = ()


class Finding(BaseModel):
    """One finding, identified without anything that changes between two builds.

    `package` is a PURL without its version, `path` the file. Beside that where it came in: `layer` is
    the diff id of its layer, `line` its line of the Dockerfile. What Trivy does not name is empty or
    None, as all four are in older records.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str
    id: str
    severity: str
    where: str
    title: str
    layer: str = ""
    line: int | None = None
    package: str = ""
    path: str = ""


def run_trivy(
    layout: Layout, folder: Path, runner: Runner, console: Console
) -> tuple[str, Database, TrivyReport]:
    """Scan the layout, and the Dockerfile in `folder` for misconfiguration.

    Trivy can look for misconfiguration in an image's history too, and passes over one whose steps it
    cannot read without a word. Gives what scanned, the vulnerability database, the joined report.
    Raises ScanError when Trivy fails or its JSON is not a report.
    """
    binary, cache = find_tool("trivy", runner), user_cache_path("baseimages") / "trivy-db"
    database = refresh_database(binary, cache, runner, console)
    with console.status("Trivy reads the image"), _clean_environment(binary.parent) as place:
        config = place / "trivy.yaml"
        config.write_text(yaml.safe_dump(_config(layout.path, database)), encoding="utf-8")
        image = parse_report(_scan("layout", TrivyScanCommandEnum.Image, config))
        recipe = parse_report(_scan(str(folder), TrivyScanCommandEnum.Config, config))
    tool = f"trivy {_version(binary, runner)}"
    dated = f"{tool}, vulnerability database of {database.day}" if database.day else tool
    return dated, database, image.model_copy(update={"Results": image.Results + recipe.Results})


def parse_report(raw: object) -> TrivyReport:
    """Trivy's JSON as a model. Raises ScanError: a damaged report is not a clean one."""
    try:
        return TrivyReport.model_validate(raw)
    except ValueError as error:
        raise ScanError(
            f"Trivy's answer is not a report: {str(error)[:300]}",
            next_step="run `nox -s scan` again; if it stays, look at tools/pins.toml",
        ) from error


def findings_of(report: TrivyReport) -> tuple[Finding, ...]:
    """All findings, sorted."""
    found = [
        Finding(
            kind=kind,
            id=issue.VulnerabilityID or issue.RuleID or issue.ID or issue.Name,
            severity=issue.Severity,
            where=issue.PkgName or result.Target,
            title=issue.Title or issue.Name,
            layer=issue.Layer.DiffID,
            line=issue.CauseMetadata.StartLine or None,
            package=split_package(issue.PkgIdentifier.PURL)[0] if issue.PkgIdentifier.PURL else "",
            path=issue.PkgPath or ("" if issue.PkgName else result.Target),
        )
        for result in report.Results
        for kind, issues in _kinds(result).items()
        for issue in issues
    ]
    return tuple(sorted(found, key=lambda f: (f.kind, SEVERITIES.index(_known(f.severity)), f.id, f.where)))


def _known(severity: str) -> str:
    return severity if severity in SEVERITIES else "UNKNOWN"


def _kinds(result: _Result) -> Mapping[str, tuple[_Issue, ...]]:
    return {
        "vulnerability": result.Vulnerabilities,
        "misconfiguration": result.Misconfigurations,
        "secret": result.Secrets,
        "licence": result.Licenses,
    }


def _config(layout: Path, database: Database) -> dict[str, Any]:
    scanners = ["secret", "license"] + (["vuln"] if database.day else [])
    return {
        "timeout": "30m",
        "cache": {"dir": str(database.folder), "backend": "memory"},
        "db": {"skip-update": True, "java-skip-update": True},
        "image": {"input": str(layout), "image-config-scanners": ["secret"]},
        "scan": {
            "scanners": scanners,
            "offline": True,
            "skip-version-check": True,
            "disable-telemetry": True,
            "parallel": 2,
        },
        "rego": {"skip-check-update": True},
        "vulnerability": {"skip-vex-repo-update": True},
        "list-all-pkgs": False,
    }


def _scan(target: str, command: TrivyScanCommandEnum, config: Path) -> object:
    try:
        return TrivyClient(target, command, config_file=str(config)).scan()
    except Exception as error:
        raise ScanError(
            f"Trivy failed: {str(error).strip()[-600:]}",
            next_step="see its last words above; `invoke doctor` checks disk and tools",
        ) from error


def _version(binary: Path, runner: Runner) -> str:
    done = runner.run([str(binary), "--version"], deadline_s=60, echo=False)
    return done.stdout.split()[1] if len(done.stdout.split()) > 1 else "unknown"


@contextlib.contextmanager
def _clean_environment(tools: Path) -> Iterator[Path]:
    """An empty folder to stand in and only what Trivy needs: pytrivy finds it on PATH, and a TRIVY_*
    variable would change it.
    """
    saved, place = dict(os.environ), Path.cwd()
    with tempfile.TemporaryDirectory(prefix="trivy-") as folder:
        os.environ.clear()
        os.environ.update({"PATH": f"{tools}:/usr/bin:/bin", "HOME": folder})
        os.environ.update({name: saved[name] for name in ("TMPDIR",) if name in saved})
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(place)
            os.environ.clear()
            os.environ.update(saved)

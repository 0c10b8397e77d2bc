"""One scan: the SBOM and Trivy's findings over the same verified layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from baseimages.command import Runner
from baseimages.inspect.layout import Layout
from baseimages.inspect.sbom import Sbom, make_sbom
from baseimages.inspect.trivy import SEVERITIES, Finding, findings_of, run_trivy
from baseimages.records import Record, WorkFolder

CONFIG = "config"  # Trivy's word for the class of a result about a Dockerfile
KINDS = ("misconfiguration", "secret", "licence")
LISTED = ("misconfiguration", "secret", "vulnerability")


class KindRecord(BaseModel):
    """One kind of finding: counted only when it was looked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    status: Literal["scanned", "not scanned"]
    reason: str = ""
    by_severity: dict[str, int] = {}


class ScanRecord(Record):
    """What was found, by what, in which image."""

    manifest_digest: str
    sbom: Sbom
    trivy: str
    kinds: dict[str, KindRecord]
    findings: tuple[Finding, ...]


def run_scan(layout: Layout, folder: Path, work: WorkFolder, runner: Runner, console: Console) -> ScanRecord:
    """Make the SBOM, run Trivy over the layout and over the Dockerfile in `folder`.

    Raises ScanError when either would mean nothing.
    """
    with console.status("making the SBOM"):
        sbom = make_sbom(layout, work.path, runner)
    console.print(f"SBOM: {sum(sbom.components.values())} components ({sbom.tool})")
    trivy, database, report = run_trivy(layout, folder, runner, console)
    found = findings_of(report)
    kinds = {kind: _scanned(kind, found) for kind in KINDS}
    if not any(result.Class == CONFIG for result in report.Results):
        kinds["misconfiguration"] = KindRecord(status="not scanned", reason="Trivy read no Dockerfile")
    kinds["vulnerability"] = (
        _scanned("vulnerability", found)
        if database.day
        else KindRecord(status="not scanned", reason=database.reason)
    )
    return ScanRecord(
        manifest_digest=layout.manifest_digest,
        sbom=sbom,
        trivy=trivy,
        kinds=kinds,
        findings=tuple(finding for finding in found if finding.kind in LISTED),
    )


def describe_scan(record: ScanRecord) -> str:
    """A few lines for a person."""
    rows = [f"components: {_counts(record.sbom.components)} ({record.sbom.tool})"]
    for name, kind in record.kinds.items():
        text = _counts(kind.by_severity) or "none found"
        rows.append(f"{name}: {text if kind.status == 'scanned' else f'not scanned: {kind.reason}'}")
    return "\n".join(rows) + f"\n({record.trivy})\n"


def _scanned(kind: str, found: tuple[Finding, ...]) -> KindRecord:
    count = Counter(finding.severity for finding in found if finding.kind == kind)
    known = {severity: count[severity] for severity in SEVERITIES if count[severity]}
    return KindRecord(status="scanned", by_severity=known)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())

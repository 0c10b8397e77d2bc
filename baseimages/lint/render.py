"""Findings for people, for scripts and for code scanning (SARIF 2.1.0)."""

from __future__ import annotations

import json
from dataclasses import asdict
from urllib.parse import quote

from baseimages.lint.finding import Finding, LintReport

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_findings(report: LintReport) -> str:
    """One line a finding, its fix below it, then what ran and what was skipped."""
    lines = []
    for finding in report.findings:
        lines.append(f"{finding.file}:{finding.line}: {finding.code} {finding.message}")
        if finding.fix:
            lines.append(f"    fix: {finding.fix}")
    lines.append(f"{len(report.findings)} findings by {', '.join(report.ran)}")
    lines += [f"skipped: {name}: {reason}" for name, reason in report.skipped]
    return "\n".join(lines) + "\n"


def render_json(report: LintReport) -> str:
    """The report with a schema version."""
    return json.dumps({"schema_version": 1, **asdict(report)}, indent=2) + "\n"


def render_sarif(report: LintReport) -> str:
    """One SARIF run for each linter."""
    runs = [_run(tool, [f for f in report.findings if f.tool == tool]) for tool in report.ran]
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": runs}, indent=2) + "\n"


def _run(tool: str, findings: list[Finding]) -> dict[str, object]:
    rules = [{"id": code} for code in sorted({finding.code for finding in findings})]
    return {
        "tool": {"driver": {"name": tool, "rules": rules}},
        "results": [_result(finding) for finding in findings],
    }


def _result(finding: Finding) -> dict[str, object]:
    text = f"{finding.message}. {finding.fix}" if finding.fix else finding.message
    place = {
        "artifactLocation": {"uri": quote(finding.file)},
        "region": {"startLine": max(finding.line, 1)},
    }
    return {
        "ruleId": finding.code,
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }

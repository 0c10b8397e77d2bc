"""The one form of finding that every linter is brought into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """What is wrong where, by whose rule; `fix` is the next step, empty when the message says it."""

    file: str
    line: int
    code: str
    message: str
    tool: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class LintReport:
    """Findings, which linters ran, and which were skipped with their reason."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

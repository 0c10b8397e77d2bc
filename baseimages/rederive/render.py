"""A proof in a terminal."""

from __future__ import annotations

from collections import Counter

from baseimages.rederive.check import Check, Proof, ReportProof


def render_proof(proof: Proof) -> str:
    """A line for each check, then what was not recomputed and how many numbers that leaves."""
    parts = [_render_report(report) for report in proof.reports]
    parts += [_render_check(check) for check in proof.together]
    checks = [check for report in proof.reports for check in report.checks] + list(proof.together)
    counts = Counter(check.outcome.value for check in checks)
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return "".join(parts) + f"{len(proof.reports)} reports, {len(checks)} checks: {told}\n"


def _render_report(report: ReportProof) -> str:
    numbers = report.numbers
    total = numbers.recomputed + numbers.measured + numbers.open
    return (
        f"{report.report}\n"
        + "".join(map(_render_check, report.checks))
        + f"  {total} numbers: {numbers.recomputed} recomputed and equal; {numbers.measured} measured "
        f"(times, load, memory), which nothing can recompute; {numbers.open} not recomputed here\n"
    )


def _render_check(check: Check) -> str:
    return f"  {check.outcome.value:<14} {check.what}: {check.detail}\n"

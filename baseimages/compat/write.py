"""Writes the matrix and shows it in a terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from baseimages.compat.markdown import render_compatibility
from baseimages.compat.record import CompatibilityReport
from baseimages.records import render_record, write_texts
from baseimages.report import MATRIX, write_index


def write_compatibility(root: Path, report: CompatibilityReport) -> Path:
    """Write reports/compatibility.md, its record and the index that names it; gives the first's path.

    Raises StorageError, the old files standing.
    """
    path = root / MATRIX
    write_texts({path: render_compatibility(report), path.with_suffix(".json"): render_record(report)})
    write_index(root)
    return path


def render_table_of_verdicts(report: CompatibilityReport) -> str:
    """The last words of the job: the matrix, the findings and the counts."""
    table = Table(title="compatibility")
    for name in ("image", "base", "Python", "CUDA", "TensorRT", "verdict", "why"):
        table.add_column(name, overflow="fold")
    for row in report.rows:
        chosen = (row.variant, row.on, row.python, row.cuda or "none", row.tensorrt or "none")
        table.add_row(*chosen, row.verdict + (" (default)" if row.is_default else ""), row.reason)
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    findings = [finding for row in report.rows for finding in row.findings] + list(report.findings)
    counts = Counter(row.verdict.value for row in report.rows)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    return capture.get() + "".join(f"{item.text}\n" for item in findings) + f"{told}\n"

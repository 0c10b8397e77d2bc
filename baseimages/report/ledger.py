"""The ledger as Markdown: of one image line by line, of two by owner and by line."""

from __future__ import annotations

from baseimages.build import StepRecord
from baseimages.compare import Amounts, Entry, Ledger, LedgerDelta, LineDelta, make_ledger
from baseimages.report.cells import NOT_MEASURED, escape, megabytes, render_table, seconds, shorten
from baseimages.report.record import TargetReport

LONGEST = 80
AMOUNTS = ("cold", "after an edit", "compressed", "reclaimable", "packages", "findings")
HEADER = ("lines", "instruction", "owner", "cold, with what it ships", *AMOUNTS)
# Bytes of a difference are told one by one up to here.
FEW_BYTES = 50_000
SHOWN_LINES = 25


def ledger_of(part: TargetReport) -> Ledger | None:
    """The ledger of a target from its records; None where nothing tells which line made what."""
    if part.provenance is None:
        return None
    return make_ledger(
        part.provenance,
        cold=cold_steps(part),
        edit=_valid_steps(part, "edit"),
        layers=part.layers,
        scan=part.scan,
    )


def cold_steps(part: TargetReport) -> tuple[StepRecord, ...]:
    """Steps of a valid cold run, or of a build that was one; none where there is neither."""
    return _valid_steps(part, "cold") or (part.build.steps if part.build.cold else ())


def _valid_steps(part: TargetReport, scenario: str) -> tuple[StepRecord, ...]:
    run = part.benchmark.run(scenario) if part.benchmark else None
    return run.steps if run and run.valid else ()


def render_ledger(part: TargetReport) -> str:
    """What each line costs; the rows sum up to the last one."""
    title, ledger = "### The ledger\n\n", ledger_of(part)
    if ledger is None:
        return f"{title}{NOT_MEASURED}: the build kept no provenance; `invoke build` keeps it.\n\n"
    rows = [_row(ledger, entry) for entry in ledger.entries if not _is_empty(entry)]
    total = ("", "**all**", "", "", *_cells(ledger.total))
    return (
        f"{title}What each line of the Dockerfile costs. Seconds are of steps, which run at once: they sum "
        "up to more than the wall time. What a build stage makes is shipped by the line that copies it; "
        f"the fourth column counts both. {_counted(part)}\n\n" + render_table(HEADER, [*rows, total])
    )


def _counted(part: TargetReport) -> str:
    if part.scan is None:
        return "Packages and findings: not scanned."
    listed = {"vulnerability", "misconfiguration", "secret"} & part.scan.kinds.keys()
    done = sorted(kind for kind in listed if part.scan.kinds[kind].status == "scanned")
    left = sorted(listed - set(done))
    return f"Findings are of: {', '.join(done)}." + (f" Not scanned: {', '.join(left)}." if left else "")


def _is_empty(entry: Entry) -> bool:
    """Whether it is no line and nothing is left for it."""
    return entry.line is None and not any(value for _, value in entry.amounts)


def _row(ledger: Ledger, entry: Entry) -> tuple[str, ...]:
    if entry.ships_with is not None:
        folded = f"in {entry.ships_with}"
    else:
        folded = "" if entry.line is None else seconds(ledger.folded_cold_s(entry))
    return (*_name(entry), escape(entry.owner) if entry.line else "", folded, *_cells(entry.amounts))


def _name(entry: Entry) -> tuple[str, str]:
    line = entry.line
    if line is None:
        return "", f"*{entry.kind}*"
    lines = str(line.line_start)
    if line.line_end > line.line_start:
        lines += f"-{line.line_end}"
    return lines, f"{escape(line.stage)}: {escape(shorten(line.title, LONGEST))}"


def _cells(amounts: Amounts) -> tuple[str, ...]:
    return (
        seconds(amounts.cold_s),
        seconds(amounts.edit_s),
        megabytes(amounts.compressed_bytes),
        megabytes(amounts.reclaimable_bytes),
        _count(amounts.packages),
        _count(amounts.findings),
    )


def _count(value: int | None) -> str:
    return NOT_MEASURED if value is None else str(value)


def render_ledger_delta(delta: LedgerDelta) -> str:
    """Candidate minus baseline: by owner, then the lines that moved most."""
    return f"### Which line did it\n\n{_owners(delta)}{_lines(delta)}"


def _owners(delta: LedgerDelta) -> str:
    rows = [
        (escape(row.owner), *_moves(row.baseline, row.candidate, row.difference))
        for row in sorted(delta.owners, key=lambda row: _weight(row.difference), reverse=True)
    ]
    total = ("**all**", *_moves(delta.baseline, delta.candidate, delta.difference))
    return (
        "Baseline → candidate, and the difference, by the owner of what a line ships. Seconds are of steps, "
        "which run at once.\n\n" + render_table(("owner", *AMOUNTS), [*rows, total])
    )


def _lines(delta: LedgerDelta) -> str:
    moved = sorted(delta.lines, key=lambda line: _weight(line.difference), reverse=True)
    shown, rest = moved[:SHOWN_LINES], moved[SHOWN_LINES:]
    rows = [_line_row(line) for line in shown]
    if rest:
        left = sum((line.difference for line in rest[1:]), rest[0].difference)
        rows.append(("", f"*{len(rest)} more*", "", *_differences(left)))
    total = ("", "**all**", "", *_differences(delta.difference))
    header = ("side and lines", "instruction", "owner", *AMOUNTS)
    return (
        "Candidate minus baseline, line by line: one that only the baseline has is saved, one that only the "
        "candidate has is paid. The rows sum up to the last one.\n\n" + render_table(header, [*rows, total])
    )


def _line_row(line: LineDelta) -> tuple[str, ...]:
    entry = line.candidate or line.baseline
    assert entry is not None
    lines, text = _name(entry)
    side = "both" if line.baseline and line.candidate else "baseline" if line.baseline else "candidate"
    return (f"{side} {lines}".strip(), text, escape(entry.owner), *_differences(line.difference))


def _weight(difference: Amounts) -> tuple[int, float]:
    """What moves most comes first: bytes to ship, then seconds."""
    return abs(difference.compressed_bytes or 0), abs(difference.cold_s or 0.0)


def _moves(baseline: Amounts, candidate: Amounts, difference: Amounts) -> tuple[str, ...]:
    triples = zip(_cells(baseline), _cells(candidate), _differences(difference), strict=True)
    return tuple(
        f"{old} → {new} ({moved})" if moved != NOT_MEASURED else f"{old} → {new}"
        for old, new, moved in triples
    )


def _differences(difference: Amounts) -> tuple[str, ...]:
    return (
        _signed_seconds(difference.cold_s),
        _signed_seconds(difference.edit_s),
        _signed_bytes(difference.compressed_bytes),
        _signed_bytes(difference.reclaimable_bytes),
        NOT_MEASURED if difference.packages is None else f"{difference.packages:+d}",
        NOT_MEASURED if difference.findings is None else f"{difference.findings:+d}",
    )


def _signed_seconds(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:+.2f} s"


def _signed_bytes(value: int | None) -> str:
    if value is None:
        return NOT_MEASURED
    return f"{value:+d} B" if abs(value) < FEW_BYTES else f"{value / 1e6:+.1f} MB"

"""The ledger as Markdown: of one image line by line, of two by owner and by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from baseimages.build import ProvenanceRecord, StepRecord
from baseimages.compare import (
    Amounts,
    Entry,
    Ledger,
    LedgerDelta,
    LineDelta,
    OwnerDelta,
    make_ledger,
    sum_amounts,
)
from baseimages.report.cells import NOT_MEASURED, escape, megabytes, render_table, seconds, shorten
from baseimages.report.record import TargetReport

LONGEST = 80
# Bytes of a difference are told one by one up to here.
FEW_BYTES = 50_000
SHOWN_LINES = 25


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One amount: how its value and its difference are told, and which verb measures it."""

    field: str
    title: str
    tell: Callable[[Any], str]
    tell_difference: Callable[[Any], str]
    verb: str

    def value(self, amounts: Amounts) -> str:
        value = getattr(amounts, self.field)
        return NOT_MEASURED if value is None else self.tell(value)

    def difference(self, amounts: Amounts) -> str:
        value = getattr(amounts, self.field)
        return NOT_MEASURED if value is None else self.tell_difference(value)


def _signed_seconds(value: float) -> str:
    return f"{value:+.2f} s"


def _signed_bytes(value: int) -> str:
    return f"{value:+d} B" if abs(value) < FEW_BYTES else f"{value / 1e6:+.1f} MB"


COLUMNS = (
    _Column(
        field="cold_s", title="cold", tell=seconds, tell_difference=_signed_seconds, verb="invoke benchmark"
    ),
    _Column(
        field="edit_s",
        title="after an edit",
        tell=seconds,
        tell_difference=_signed_seconds,
        verb="invoke benchmark",
    ),
    _Column(
        field="compressed_bytes",
        title="compressed",
        tell=megabytes,
        tell_difference=_signed_bytes,
        verb="invoke benchmark",
    ),
    _Column(
        field="reclaimable_bytes",
        title="reclaimable",
        tell=megabytes,
        tell_difference=_signed_bytes,
        verb="invoke benchmark",
    ),
    _Column(field="packages", title="packages", tell=str, tell_difference="{:+d}".format, verb="invoke scan"),
    _Column(field="findings", title="findings", tell=str, tell_difference="{:+d}".format, verb="invoke scan"),
)


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
    if ledger is None or part.provenance is None:
        return f"{title}{NOT_MEASURED}: the build kept no provenance; `invoke build` keeps it.\n\n"
    columns = _choose(ledger.total)
    ships = ("with its stages",) if ledger.total.cold_s is not None else ()
    header = ("lines", "instruction", "owner", *ships, *(column.title for column in columns))
    rows = [_row(ledger, entry, columns) for entry in ledger.entries if not _is_empty(entry)]
    total = ("", "**all**", "", *("" for _ in ships), *(column.value(ledger.total) for column in columns))
    table = render_table(header, [*rows, total])
    return f"{title}{_explain(part, ledger.total)}\n\n{table}{_usage(part.provenance)}"


def _choose(*totals: Amounts) -> tuple[_Column, ...]:
    """The columns of which anything was measured."""
    return tuple(c for c in COLUMNS if any(getattr(total, c.field) is not None for total in totals))


def _explain(part: TargetReport, total: Amounts) -> str:
    parts = ["What each line of the Dockerfile costs; the rows sum up to the last one."]
    if total.cold_s is not None:
        parts.append(
            "Seconds are of steps, which run at once: they sum up to more than the wall time. "
            "*with its stages* adds to a line the build stages that made what it ships, "
            "and names that line beside each of them."
        )
    if part.scan is not None and total.findings is not None:
        listed = {"vulnerability", "misconfiguration", "secret"} & part.scan.kinds.keys()
        done = {kind for kind in listed if part.scan.kinds[kind].status == "scanned"}
        parts.append(f"Findings are of: {', '.join(sorted(done))}.")
        parts += [f"Not scanned: {kind}." for kind in sorted(listed - done)]
    parts += [
        f"{c.title.capitalize()}: {NOT_MEASURED} (`{c.verb}`)." for c in COLUMNS if c not in _choose(total)
    ]
    return " ".join(parts)


def _is_empty(entry: Entry) -> bool:
    """Whether it is no line and nothing is left for it."""
    return entry.line is None and not any(value for _, value in entry.amounts)


def _row(ledger: Ledger, entry: Entry, columns: Sequence[_Column]) -> tuple[str, ...]:
    cells = [*_name(entry), escape(entry.owner) if entry.line else ""]
    if ledger.total.cold_s is not None:
        folded = ledger.folded_cold_s(entry)
        cells.append(
            f"in {entry.ships_with}" if entry.ships_with else "" if folded is None else seconds(folded)
        )
    return (*cells, *(column.value(entry.amounts) for column in columns))


def _usage(provenance: ProvenanceRecord) -> str:
    """What the engine saw of processors, memory and traffic while it built."""
    used = [(line, line.usage) for line in provenance.lines if line.usage]
    rows = [
        (
            str(line.line_start),
            seconds(usage.cpu_s),
            megabytes(usage.memory_peak_bytes),
            megabytes(usage.read_bytes),
            megabytes(usage.written_bytes),
            megabytes(usage.received_bytes),
        )
        for line, usage in used
    ]
    header = ("line", "processor", "memory, at most", "read", "written", "received")
    lines = f"\n\n{render_table(header, rows)}" if rows else f" By line: {NOT_MEASURED}.\n\n"
    host = provenance.host
    whole = NOT_MEASURED
    if host:
        whole = (
            f"{seconds(host.busy_s)} busy, {seconds(host.iowait_s)} waiting for a disk, "
            f"{seconds(host.steal_s)} taken by other machines"
        )
    return f"Processors of the whole host during the build, other programs' work among it: {whole}.{lines}"


def _name(entry: Entry) -> tuple[str, str]:
    line = entry.line
    if line is None:
        return "", f"*{entry.kind}*"
    lines = str(line.line_start) + (f"-{line.line_end}" if line.line_end > line.line_start else "")
    return lines, f"{escape(line.stage)}: {escape(shorten(line.title, LONGEST))}"


def render_ledger_delta(delta: LedgerDelta) -> str:
    """Candidate minus baseline: by owner, then the lines that moved most."""
    columns = _choose(delta.baseline, delta.candidate)
    return f"### Which line did it\n\n{_owners(delta, columns)}{_lines(delta, columns)}"


def _owners(delta: LedgerDelta, columns: Sequence[_Column]) -> str:
    rows = [
        (escape(row.owner), *_moves(row.baseline, row.candidate, row.difference, columns))
        for row in _rank_owners(delta)
        if any(value for side in (row.baseline, row.candidate) for _, value in side)
    ]
    total = ("**all**", *_moves(delta.baseline, delta.candidate, delta.difference, columns))
    return (
        "Baseline → candidate, and the difference, by the owner of what a line ships. Seconds are of steps, "
        "which run at once.\n\n" + render_table(("owner", *(c.title for c in columns)), [*rows, total])
    )


def _lines(delta: LedgerDelta, columns: Sequence[_Column]) -> str:
    by_weight = sorted(delta.lines, key=lambda line: _weight(line.difference), reverse=True)
    shown = [line for line in by_weight if any(value for _, value in line.difference)][:SHOWN_LINES]
    owners = [row.owner for row in _rank_owners(delta)]
    rows = [
        _line_row(line, columns) for line in sorted(shown, key=lambda line: owners.index(line.entry.owner))
    ]
    if rest := [line for line in delta.lines if line not in shown]:
        left = sum_amounts(line.difference for line in rest)
        rows.append(("", f"*{len(rest)} more*", "", *(c.difference(left) for c in columns)))
    total = ("", "**all**", "", *(c.difference(delta.difference) for c in columns))
    header = ("side, lines", "instruction", "owner", *(c.title for c in columns))
    return (
        "Candidate minus baseline, line by line under each owner: what only the baseline has is saved, what "
        "only the candidate has is paid. The rows sum up to the last one.\n\n"
        + render_table(header, [*rows, total])
    )


def _line_row(delta: LineDelta, columns: Sequence[_Column]) -> tuple[str, ...]:
    lines, text = _name(delta.entry)
    return (
        f"{delta.side} {lines}".strip(),
        text,
        escape(delta.entry.owner),
        *(column.difference(delta.difference) for column in columns),
    )


def _rank_owners(delta: LedgerDelta) -> list[OwnerDelta]:
    """Those that moved most first."""
    return sorted(delta.owners, key=lambda row: _weight(row.difference), reverse=True)


def _weight(difference: Amounts) -> tuple[int, float]:
    """What moves most comes first: bytes to ship, then seconds."""
    return abs(difference.compressed_bytes or 0), abs(difference.cold_s or 0.0)


def _moves(
    baseline: Amounts, candidate: Amounts, difference: Amounts, columns: Sequence[_Column]
) -> tuple[str, ...]:
    return tuple(
        f"{column.value(baseline)} → {column.value(candidate)}"
        + (f" ({column.difference(difference)})" if getattr(difference, column.field) is not None else "")
        for column in columns
    )

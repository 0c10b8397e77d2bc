"""A comparison as Markdown for a pull request: verdicts first, then only what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from baseimages.compare import (
    Change,
    DeltaRecord,
    FindingsDelta,
    LedgerDelta,
    PackageChange,
    Row,
    SideFacts,
    TargetDelta,
)
from baseimages.report.cells import (
    NOT_MEASURED,
    escape,
    megabytes,
    render_table,
    seconds,
    short_digest,
    shorten,
)
from baseimages.report.ledger import render_ledger_delta

LONGEST = 60
HEADER = ("what", "baseline", "candidate", "difference", "ratio", "verdict", "note")
# Bytes of a difference are told one by one up to here.
FEW_BYTES = 50_000


def render_delta(record: DeltaRecord) -> str:
    """The whole comparison."""
    titles = [
        (escape(d.baseline.name), escape(d.candidate.name), _level(d), _gates(d)) for d in record.targets
    ]
    parts = [
        "# Comparison\n\n",
        render_table(("baseline", "candidate", "contract", "gates"), titles),
        *(f"- **fails**: {escape(failure)}\n" for failure in record.failures),
        "\n" if record.failures else "",
        *(_render_target(delta) for delta in record.targets),
    ]
    return "".join(parts)


def _level(delta: TargetDelta) -> str:
    return f"not compared: {NOT_MEASURED}" if delta.level is None else f"**{delta.level}**"


def _gates(delta: TargetDelta) -> str:
    count = len(delta.failures) + bool(delta.breaking)
    return f"**{count} fail**" if count else "pass"


def _render_target(delta: TargetDelta) -> str:
    title = f"## {escape(delta.candidate.name)} against {escape(delta.baseline.name)}\n\n"
    return title + render_differences(delta)


def render_differences(delta: TargetDelta) -> str:
    """Of one target: what it is against its baseline, without a title."""
    sections = [
        _sides(delta.baseline, delta.candidate),
        render_table(HEADER, map(_row, delta.rows)),
        _fold("owners of bytes that changed, as files", HEADER, map(_row, delta.owners)),
        _changes("contract", delta.contract, "`invoke scan` reads it"),
        _changes("abilities", delta.abilities, "`invoke verify` asks for them"),
        _packages(delta.packages),
        *map(_findings, delta.findings),
        _ledger(delta.ledger),
    ]
    return "".join(sections)


def _sides(*sides: SideFacts) -> str:
    rows = [
        (word, s.target, s.base, s.platform, f"`{escape(s.revision[:12])}`", short_digest(s.manifest_digest))
        for word, s in zip(("baseline", "candidate"), sides, strict=True)
    ]
    return render_table(("side", "target", "base", "platform", "revision", "digest"), rows)


def _row(row: Row) -> tuple[str, ...]:
    return (
        escape(row.name),
        _value(row, row.baseline),
        _value(row, row.candidate),
        _difference(row),
        "" if row.ratio is None else f"{row.ratio:.3f}",
        row.verdict,
        escape(row.note),
    )


def _value(row: Row, value: float | None) -> str:
    if value is None:
        return NOT_MEASURED
    if row.unit == "bytes":
        return megabytes(round(value))
    return seconds(value) if row.unit == "seconds" else f"{value:.0f}"


def _difference(row: Row) -> str:
    value = row.difference
    if value is None:
        return ""
    if row.unit == "bytes":
        return f"{value:+.0f} B" if abs(value) < FEW_BYTES else f"{value / 1e6:+.1f} MB"
    return f"{value:+.2f} s" if row.unit == "seconds" else f"{value:+.0f}"


def _fold(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table behind a line to open it; nothing without rows."""
    body = list(rows)
    if not body:
        return ""
    return f"<details><summary>{title}: {len(body)}</summary>\n\n{render_table(header, body)}</details>\n\n"


def _ledger(delta: LedgerDelta | None) -> str:
    if delta is None:
        return f"Lines of the Dockerfile: {NOT_MEASURED} on one side at least, or not comparable.\n\n"
    return f"{render_ledger_delta(delta)}Seconds here are of single runs: no claim about them.\n\n"


def _changes(title: str, changes: tuple[Change, ...] | None, remedy: str) -> str:
    if changes is None:
        return f"{title.capitalize()}: {NOT_MEASURED} on one side at least; {remedy}.\n\n"
    breaking = [change for change in changes if change.breaks]
    counts = Counter("allowed loss" if c.reason else str(c.level) for c in changes)
    told = ", ".join(f"{count} {name}" for name, count in counts.items()) or "no change"
    text = f"{title.capitalize()}: {told}.\n\n"
    if breaking:
        text += render_table(("breaking", "name", "baseline", "candidate"), map(_lost, breaking))
    header = ("level", "what", "name", "baseline", "candidate", "reason")
    return text + _fold(f"changes of the {title}", header, map(_change, changes))


def _lost(change: Change) -> tuple[str, ...]:
    return _change(change)[1:5]


def _change(change: Change) -> tuple[str, ...]:
    words = (change.aspect, change.name, change.baseline or "none", change.candidate or "none")
    return (change.level, *(escape(shorten(word, LONGEST)) for word in words), escape(change.reason))


def _packages(changes: tuple[PackageChange, ...] | None) -> str:
    if changes is None:
        return (
            f"Packages: {NOT_MEASURED} on one side at least, or by two tools; `invoke scan` lists them.\n\n"
        )
    counts = Counter(change.direction for change in changes)
    told = ", ".join(f"{count} {name}" for name, count in counts.items()) or "no change"
    rows = [
        (escape(c.package), c.direction, escape(", ".join(c.baseline)), escape(", ".join(c.candidate)))
        for c in changes
    ]
    return f"Packages: {told}.\n\n" + _fold(
        "packages", ("package", "direction", "baseline", "candidate"), rows
    )


def _findings(delta: FindingsDelta) -> str:
    rows = [
        (
            word,
            f.severity,
            escape(f.id),
            escape(f.package or f.where),
            escape(f.path),
            escape(shorten(f.title, 80)),
        )
        for word, found in (("introduced", delta.introduced), ("fixed", delta.fixed))
        for f in found
    ]
    return _fold(f"findings, {delta.kind}", ("change", "severity", "id", "where", "path", "title"), rows)

"""Section of report.md: which packages are needed, and what those weigh that are not."""

from __future__ import annotations

from baseimages.inspect import AuditRecord
from baseimages.inspect.audit import NEEDS
from baseimages.report.cells import NOT_MEASURED, escape, megabytes, render_table, shorten

SHOWN_PACKAGES = 30
SHOWN_PATHS = 30
UNNEEDED = ("dead", "build-only", "not measured")


def render_audit(record: AuditRecord | None) -> str:
    """The whole section; empty where `invoke audit` did not run."""
    if record is None:
        return ""
    parts = (_evidence, _classes, _inclusions, _unneeded, _paths)
    return "### Which packages are needed\n\n" + "".join(part(record) for part in parts)


def _evidence(record: AuditRecord) -> str:
    watched = (
        f"What is opened was not measured: {escape(record.trace_reason)}. So no package is called dead."
        if record.trace_reason
        else f"Watched were {record.containers} containers of the image's suite ({record.passed} checks "
        f"passed, {record.failed} failed, {record.skipped} skipped), which opened {record.opened_files} of "
        "its files."
    )
    return (
        f"{watched} Asking whether a file is there, following a link or listing a folder opens nothing. "
        "Dead is what no check needed and no judgement keeps: another use may.\n\n"
    )


def _classes(record: AuditRecord) -> str:
    rows = []
    for need in NEEDS:
        found = record.of_need(need)
        untouched = sum(package.size_bytes for package in found if package.opened_bytes == 0)
        counts = (
            sum(package.size_bytes for package in found),
            record.opened_bytes(need),
            None if record.trace_reason else untouched,
        )
        rows += [(need, str(len(found)), *map(megabytes, counts))] if found else []
    total = ("all", str(len(record.packages)), megabytes(record.file_bytes), "", "")
    header = ("class", "packages", "bytes", "opened", "of packages with nothing opened")
    return render_table(header, [*rows, total])


def _inclusions(record: AuditRecord) -> str:
    rows = [
        (
            escape(row.name),
            row.need,
            {None: NOT_MEASURED, True: "yes", False: "no"}[row.opened],
            megabytes(row.size_bytes),
            megabytes(row.freed_bytes),
            escape(row.reason),
        )
        for row in sorted(record.inclusions, key=lambda row: -row.freed_bytes)
    ]
    header = ("inclusion", "class", "opened", "bytes", "with what came along", "why it is in the image")
    return "Judged by a person, in `necessity.toml`:\n\n" + render_table(header, rows) if rows else ""


def _unneeded(record: AuditRecord) -> str:
    rows = [
        (escape(package.id), package.need, megabytes(package.size_bytes), escape(package.why))
        for package in record.packages
        if package.need in UNNEEDED and package.size_bytes
    ]
    more = f"And {len(rows) - SHOWN_PACKAGES} lighter ones.\n\n" if len(rows) > SHOWN_PACKAGES else ""
    return render_table(("package", "class", "bytes", "why"), rows[:SHOWN_PACKAGES]) + more if rows else ""


def _paths(record: AuditRecord) -> str:
    """The unneeded first, then the heaviest of what is in use."""
    unneeded = [row for row in record.unopened if row.need in UNNEEDED]
    others = sorted((row for row in record.unopened if row not in unneeded), key=lambda row: -row.size_bytes)
    rows = [
        (
            escape(shorten(row.path, 90)),
            row.need,
            megabytes(row.size_bytes),
            str(row.files),
            escape(shorten(", ".join(row.owners), 90)),
        )
        for row in (*unneeded, *others)[:SHOWN_PATHS]
    ]
    if not rows:
        return ""
    return (
        "Bytes that nothing opened, by path; a row leaves out what other rows have below it:\n\n"
        + render_table(("path", "class", "bytes", "files", "most of it of"), rows)
    )

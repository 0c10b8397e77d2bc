"""Sections of report.md: cold builds side by side, and what the image costs a device."""

from __future__ import annotations

from baseimages.inspect import EqualityRecord
from baseimages.measure import ComparisonRecord, StartRecord, UpdatesRecord
from baseimages.report.cells import NOT_MEASURED, escape, megabytes, render_table, seconds
from baseimages.report.record import TargetReport

Row = tuple[str, str]


def render_comparison(record: ComparisonRecord) -> str:
    """Wall and processor seconds of each way, as ratios to the first."""
    header = ("way", "platform", "wall time", "ratio", "processor time", "ratio", "valid", "note")
    return (
        f"### Cold builds side by side: {escape(record.stage)}\n\n"
        f"In one run, in this order; ratios to {escape(record.ways[0].name)}. "
        f"arm64 programs on this host: {escape(record.emulation)}.\n\n"
        + render_table(header, _list_ways(record))
        + (_equality(record.equality) if record.equality else "")
    )


def _list_ways(record: ComparisonRecord) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for way in record.ways:
        wall, processor = way.ratio(record.ways[0])
        rows.append(
            (
                escape(way.name),
                way.platform,
                seconds(way.run.duration_s),
                _told(wall),
                seconds(way.run.cpu_s),
                _told(processor),
                "yes" if way.run.valid else "no",
                escape(way.run.note),
            )
        )
    return rows


def _equality(record: EqualityRecord) -> str:
    text = f"The emulated image against this one: {record.summary}.\n\n"
    rows = [(escape(d.path), d.kind, escape(d.reason) or "**none**") for d in record.differences]
    return text + (render_table(("path", "differs in", "reason"), rows) if rows else "")


def render_device(part: TargetReport) -> str:
    """Size against the budget, the next update, start and memory; empty where nothing is known."""
    rows = [*_budget(part), *_update(part), *(_start(part.start) if part.start else ())]
    if not rows and part.updates is None:
        return ""
    table = render_table(("what", "value"), rows) if rows else ""
    return "### On a device\n\n" + table + (_updates(part.updates) if part.updates else "")


def _updates(record: UpdatesRecord) -> str:
    """What a device fetches that holds this image and gets an edited one."""
    rows = [
        (
            escape(cost.name),
            escape(cost.change),
            f"{cost.gzip.layers_fetched} of {cost.gzip.layers_held + cost.gzip.layers_fetched}",
            megabytes(cost.gzip.fetched_bytes),
            f"{cost.gzip.fetched_bytes / record.gzip_bytes:.2%}",
            megabytes(cost.zstd.fetched_bytes),
            f"{cost.zstd.fetched_bytes / record.zstd_bytes:.2%}",
            megabytes(cost.gzip.written_bytes),
        )
        for cost in record.edits
    ]
    header = ("edit", "change", "layers", "gzip", "of the image", "zstd", "of the image", "flash")
    return (
        "Edits of this image, each built for itself: what a device that holds this image fetches and "
        f"writes. All of it weighs {megabytes(record.gzip_bytes)} as gzip, "
        f"{megabytes(record.zstd_bytes)} as zstd.\n\n" + render_table(header, rows)
    )


def _budget(part: TargetReport) -> list[Row]:
    if part.budget_bytes is None or part.layers is None:
        return []
    size = part.layers.compressed_bytes
    verdict = "within" if size <= part.budget_bytes else "over"
    return [
        ("bytes to fetch, against the budget", f"{megabytes(size)}, {verdict} {megabytes(part.budget_bytes)}")
    ]


def _update(part: TargetReport) -> list[Row]:
    if part.update is None or part.layers is None:
        return []
    share = part.update.fetched_bytes / part.layers.compressed_bytes
    layers = f"{part.update.layers_fetched} of {part.update.layers_held + part.update.layers_fetched} layers"
    return [
        (
            f"update from `{part.update.from_revision[:12]}`",
            f"{layers}: {megabytes(part.update.fetched_bytes)} to fetch ({share:.2%} of the image), "
            f"{megabytes(part.update.written_bytes)} written to flash",
        )
    ]


def _start(start: StartRecord) -> list[Row]:
    raw = ", ".join(f"{value:.3f}" for value in start.entrypoint_s)
    label = ", emulated" if start.emulated else ""
    told = f"median {seconds(start.entrypoint_median_s)}{label}; raw {raw}" if raw else NOT_MEASURED
    return [
        ("entrypoint, from its start to the command", told),
        ("memory of an idle container", megabytes(start.idle_bytes)),
        ("peak memory of `import torch`", megabytes(start.torch_bytes)),
        *([("note", escape(start.note))] if start.note else []),
    ]


def _told(ratio: float | None) -> str:
    return NOT_MEASURED if ratio is None else f"{ratio:.2f}"

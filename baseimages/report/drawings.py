"""Which pictures a report has, drawn from its record."""

from __future__ import annotations

from collections.abc import Sequence

from baseimages.build import StepRecord, read_timeline, title_of
from baseimages.compare import TargetDelta
from baseimages.inspect import LayerIndex
from baseimages.report.cells import NOT_MEASURED, megabytes, seconds, shorten
from baseimages.report.pictures import (
    Bar,
    Change,
    Point,
    Series,
    Tile,
    render_bars,
    render_history,
    render_treemap,
    render_waterfall,
)
from baseimages.report.record import ImageReport, TargetReport

SLOWEST = 15
SHOWN_STEP_S = 0.5
# What changed by less is one row of the rest.
SHOWN_CHANGE_BYTES = 1_000_000


def render_pictures(report: ImageReport) -> dict[str, str]:
    """SVG text by file name."""
    pictures = {}
    for part in report.targets:
        if part.layers:
            pictures[f"{name_of(part)}-layers.svg"] = _draw_layers(part, part.layers)
        if part.layers and part.layers.owned:
            pictures[f"{name_of(part)}-owners.svg"] = _draw_owners(part, part.layers)
        if part.layers and part.before and has_growth(part.before):
            pictures[f"{name_of(part)}-before.svg"] = _draw_before(part, part.layers, part.before)
        if steps_that_ran(part):
            pictures[f"{name_of(part)}-steps.svg"] = _draw_steps(part)
    return pictures


def name_of(part: TargetReport) -> str:
    """Target and base, as file names use them."""
    return f"{part.build.target}-{part.build.base.family}"


def has_growth(before: TargetDelta) -> bool:
    """Whether bytes of both sides can be compared, and differ."""
    return any(row.difference for row in before.owners)


def measured_steps(part: TargetReport) -> tuple[StepRecord, ...]:
    """Steps of the cold run, or else of the build."""
    cold = part.benchmark.run("cold") if part.benchmark else None
    return cold.steps if cold and cold.steps else part.build.steps


def steps_that_ran(part: TargetReport) -> list[StepRecord]:
    """Those that a picture shows."""
    return [s for s in measured_steps(part) if s.duration_s >= SHOWN_STEP_S and not s.cached]


def _title(part: TargetReport, what: str) -> str:
    return f"{part.build.image_name} {name_of(part)}: {what}"


def _draw_layers(part: TargetReport, layers: LayerIndex) -> str:
    bars = [
        Bar(
            label=f"{number} {layer.owner}",
            length=layer.uncompressed_bytes,
            inner=layer.compressed_bytes,
            text=megabytes(layer.uncompressed_bytes),
        )
        for number, layer in enumerate(layers.layers)
    ]
    note = "lowest layer first; inner bar: compressed, as shipped; whole bar: uncompressed"
    return render_bars(_title(part, "layers by owner"), note, bars)


def _draw_owners(part: TargetReport, layers: LayerIndex) -> str:
    tiles = [
        Tile(
            group=row.owner,
            label=row.name or f"smaller, {row.kind}",
            size=row.size_bytes,
            text=megabytes(row.size_bytes),
        )
        for row in layers.owned
    ]
    note = "content of files, uncompressed: who owns how much; what a later layer hides is in it"
    return render_treemap(_title(part, "bytes by owner"), note, tiles)


def _draw_steps(part: TargetReport) -> str:
    critical = {step.id for step in read_timeline(measured_steps(part)).critical_path}
    chosen = sorted(steps_that_ran(part), key=lambda s: -s.duration_s)[:SLOWEST]
    bars = [_bar_of(step, is_critical=step.id in critical) for step in sorted(chosen, key=_start_of)]
    note = f"the {len(bars)} longest steps, by start; seconds since the build began"
    note += "; ● and dark: on the critical path" if critical else ""
    return render_bars(_title(part, "time by step"), note, bars)


def _start_of(step: StepRecord) -> float:
    return step.started_s


def _bar_of(step: StepRecord, *, is_critical: bool) -> Bar:
    return Bar(
        label=shorten(title_of(step.name), 60),
        start=step.started_s,
        length=step.duration_s,
        inner=step.duration_s if is_critical else 0.0,
        text=seconds(step.duration_s) + (" ●" if is_critical else ""),
    )


def _draw_before(part: TargetReport, layers: LayerIndex, before: TargetDelta) -> str:
    """Which owner's files grew since the baseline and which shrank, the largest change first."""
    amounts = {row.name: round(row.difference or 0) for row in before.owners}
    shown = {name: amount for name, amount in amounts.items() if abs(amount) >= SHOWN_CHANGE_BYTES}
    if rest := sum(amounts.values()) - sum(shown.values()):
        shown["everything else"] = rest
    changes = [
        Change(label=name, amount=amount, text=f"{'+' if amount > 0 else '-'}{megabytes(abs(amount))}")
        for name, amount in sorted(shown.items(), key=lambda item: (-abs(item[1]), item[0]))
    ]
    after = sum(layers.owners.values())
    old = after - sum(amounts.values())
    note = "content of files, uncompressed, by owner; what grew has a plus, what shrank a minus"
    return render_waterfall(
        _title(part, "against its baseline"), note, ("before", old, megabytes(old)), changes, megabytes(after)
    )


def draw_history(image_name: str, reports: Sequence[ImageReport]) -> str:
    """Bytes to fetch and cold seconds of each target on each base; `reports` as they come."""
    parts: dict[str, list[TargetReport]] = {}
    for part in (part for report in reports if report.image_name == image_name for part in report.targets):
        parts.setdefault(name_of(part), []).append(part)
    series = []
    for name, found in sorted(parts.items()):
        found.sort(key=lambda part: part.build.started_at)
        series += [
            Series(label=f"{name}: compressed", points=tuple(map(_point_of_size, found))),
            Series(label=f"{name}: cold build", points=tuple(map(_point_of_time, found))),
        ]
    note = "the oldest first; cold builds are single runs, joined where host and engine are the same"
    return render_history(f"{image_name}: history", note, series)


def _point_of_size(part: TargetReport) -> Point:
    size = part.layers.compressed_bytes if part.layers else None
    # A size does not depend on who built it, but on the base.
    return Point(revision=part.build.revision, value=size, text=megabytes(size), host=part.build.base.family)


def _point_of_time(part: TargetReport) -> Point:
    run = part.benchmark.run("cold") if part.benchmark else None
    value = run.duration_s if run and run.valid else None
    text = NOT_MEASURED if value is None else seconds(value)
    host = f"{part.build.host} {part.build.engine}"
    return Point(revision=part.build.revision, value=value, text=text, host=host)

"""Values over revisions: one panel for each series, its points in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baseimages.report.pictures.frame import MARGIN, TOP, WIDTH, put_text, render_frame

PANEL = 150
LEFT = 260
RIGHT = 60
PLOT_TOP = 34
PLOT_BOTTOM = 112


@dataclass(frozen=True, kw_only=True)
class Point:
    """One revision's value, None where it was not measured; only equal `host`s are joined by a line."""

    revision: str
    value: float | None
    text: str
    host: str = ""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One panel: its name and unit, and its points, the oldest first."""

    label: str
    points: tuple[Point, ...]


def render_history(title: str, note: str, series: Sequence[Series]) -> str:
    """Panels below each other, each over the revisions of its own points."""
    summary = "; ".join(
        f"{one.label}: {', '.join(f'{p.revision} {p.text}' for p in one.points)}" for one in series
    )
    body = "".join(_render_panel(one, TOP + PANEL * number) for number, one in enumerate(series))
    return render_frame(title, note, summary, height=TOP + PANEL * max(len(series), 1), body=body)


def _render_panel(one: Series, top: float) -> str:
    most = max((point.value or 0.0 for point in one.points), default=0.0) or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(len(one.points) - 1, 1)
    base = top + PLOT_BOTTOM
    places = [
        (LEFT + step * number, base - (PLOT_BOTTOM - PLOT_TOP) * (point.value or 0.0) / most)
        for number, point in enumerate(one.points)
    ]
    axis = f'<line class="l" x1="{LEFT - 20}" x2="{WIDTH - MARGIN}" y1="{base:.1f}" y2="{base:.1f}"/>'
    name = put_text(MARGIN, top + 40, one.label, width=LEFT - 40)
    points = "".join(_render_point(p, x, y, base) for p, (x, y) in zip(one.points, places, strict=True))
    return f"{axis}{name}{_render_line(one.points, places)}{points}\n"


def _render_line(points: Sequence[Point], places: Sequence[tuple[float, float]]) -> str:
    pairs = zip(zip(points, places, strict=True), zip(points[1:], places[1:], strict=True), strict=False)
    return "".join(
        f'<line class="p" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        for (one, (x1, y1)), (other, (x2, y2)) in pairs
        if one.value is not None and other.value is not None and one.host == other.host
    )


def _render_point(point: Point, x: float, y: float, base: float) -> str:
    dot = f'<circle class="a" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' if point.value is not None else ""
    value = put_text(x, y - 9, point.text, kind="n", anchor="middle")
    return dot + value + put_text(x, base + 18, point.revision[:7], kind="n", anchor="middle")

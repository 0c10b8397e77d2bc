"""Horizontal bars over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baseimages.report.pictures.frame import TOP, WIDTH, put_box, put_text, render_frame

LABEL_WIDTH = 330
VALUE_WIDTH = 90
ROW = 24


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row: from `start` to `start + length` in the axis' unit; `text` stands at its end."""

    label: str
    length: float
    text: str
    start: float = 0.0
    inner: float = 0.0


def render_bars(title: str, note: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars over one axis; `inner` is a second length inside the first."""
    span = max((bar.start + bar.length for bar in bars), default=0.0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH - 24) / span
    return render_frame(
        title,
        note,
        "; ".join(f"{bar.label}: {bar.text}" for bar in bars),
        height=TOP + ROW * max(len(bars), 1) + 12,
        body="".join(_row(bar, index, scale) for index, bar in enumerate(bars)),
    )


def _row(bar: Bar, index: int, scale: float) -> str:
    y, x = TOP + index * ROW, LABEL_WIDTH + bar.start * scale
    width = max(bar.length * scale, 1.0)
    inner = put_box(x, y + 3, bar.inner * scale, 16, kind="a") if bar.inner else ""
    name = put_text(LABEL_WIDTH - 10, y + 16, bar.label, anchor="end", width=LABEL_WIDTH - 40)
    value = put_text(x + width + 6, y + 16, bar.text, kind="n")
    return f"{name}{put_box(x, y + 3, width, 16, kind='b')}{inner}{value}\n"

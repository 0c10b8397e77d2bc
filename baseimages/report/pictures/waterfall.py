"""From one total to another, step by step: who grew and who shrank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baseimages.report.pictures.frame import TOP, WIDTH, put_box, put_text, render_frame

LABEL_WIDTH = 250
VALUE_WIDTH = 110
ROW = 24


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one owner adds (or, negative, takes away), in the unit of the totals; `text` in words."""

    label: str
    amount: float
    text: str


def render_waterfall(
    title: str, note: str, before: tuple[str, float, str], changes: Sequence[Change], after_text: str
) -> str:
    """`before` is label, total and its words; the changes follow, and the total that they lead to."""
    name, total, text = before
    rows = [(name, 0.0, total, "b", text)]
    for change in changes:
        end = total + change.amount
        rows.append((change.label, min(total, end), max(total, end), _class_of(change), change.text))
        total = end
    rows.append(("after", 0.0, total, "b", after_text))
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH - 24) / (max(row[2] for row in rows) or 1.0)
    return render_frame(
        title,
        note,
        "; ".join(f"{row[0]}: {row[4]}" for row in rows),
        height=TOP + ROW * len(rows) + 12,
        body="".join(_row(row, index, scale) for index, row in enumerate(rows)),
    )


def _class_of(change: Change) -> str:
    return "u" if change.amount > 0 else "d"


def _row(row: tuple[str, float, float, str, str], index: int, scale: float) -> str:
    name, start, end, kind, text = row
    y, x = TOP + index * ROW, LABEL_WIDTH + start * scale
    width = max((end - start) * scale, 1.0)
    return (
        put_text(LABEL_WIDTH - 10, y + 16, name, anchor="end", width=LABEL_WIDTH - 30)
        + put_box(x, y + 3, width, 16, kind=kind)
        + put_text(x + width + 6, y + 16, text, kind="n")
        + "\n"
    )

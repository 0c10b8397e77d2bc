"""Pictures as SVG: deterministic text, legible on light and dark, with a text alternative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 900
LABEL_WIDTH = 330
LONGEST_LABEL = 40
VALUE_WIDTH = 90
ROW = 24
TOP = 64
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}"
    ".n{fill:#59636e}.g{fill:#fff}.a{fill:#0969da}.b{fill:#54aeff}"
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.n{fill:#9198a1}"
    ".g{fill:#0d1117}.a{fill:#4493f8}.b{fill:#1f6feb}}"
)


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
    height = TOP + ROW * max(len(bars), 1) + 12
    span = max((bar.start + bar.length for bar in bars), default=0.0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH - 24) / span
    rows = "".join(_row(bar, index, scale) for index, bar in enumerate(bars))
    summary = "; ".join(f"{bar.label}: {bar.text}" for bar in bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">\n'
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(_printable(summary))}</desc>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="g" width="{WIDTH}" height="{height}"/>\n'
        f'<text class="t" x="12" y="24">{escape(title)}</text>\n'
        f'<text class="n" x="12" y="44">{escape(note)}</text>\n{rows}</svg>\n'
    )


def _row(bar: Bar, index: int, scale: float) -> str:
    y, x = TOP + index * ROW, LABEL_WIDTH + bar.start * scale
    width = max(bar.length * scale, 1.0)
    inner = f'<rect class="a" x="{x:.1f}" y="{y + 3}" width="{bar.inner * scale:.1f}" height="16" rx="2"/>'
    label = _printable(bar.label)
    label = label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
    return (
        f'<text x="{LABEL_WIDTH - 10}" y="{y + 16}" text-anchor="end">{escape(label)}</text>'
        f'<rect class="b" x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="16" rx="2"/>'
        f"{inner if bar.inner else ''}"
        f'<text class="n" x="{x + width + 6:.1f}" y="{y + 16}">{escape(bar.text)}</text>\n'
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)

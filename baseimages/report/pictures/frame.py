"""What every picture has: its size, title, note, text alternative and colours."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH = 900
TOP = 64
MARGIN = 12
# The mean width of a character of the style's font; labels are cut by it.
CHARACTER = 7.1
# Classes: t title, n note, g ground, a and b strong and weak bars, u and d what grew and shrank,
# l lines, c0 to c7 kinds that stand beside each other.
LIGHT = {
    "t": "#1f2328", "n": "#59636e", "g": "#ffffff", "a": "#0969da", "b": "#54aeff", "u": "#cf222e",
    "d": "#1a7f37", "l": "#d1d9e0", "c0": "#b6e3ff", "c1": "#aceebb", "c2": "#fae17d", "c3": "#ffd1b3",
    "c4": "#e4ccff", "c5": "#ffcecb", "c6": "#c9e7e3", "c7": "#dfe3e8",
}  # fmt: skip
DARK = {
    "t": "#f0f6fc", "n": "#9198a1", "g": "#0d1117", "a": "#4493f8", "b": "#1f6feb", "u": "#f85149",
    "d": "#3fb950", "l": "#3d444d", "c0": "#0a3d6b", "c1": "#0f4a24", "c2": "#5c4300", "c3": "#6b3610",
    "c4": "#45297a", "c5": "#6e1f24", "c6": "#144a47", "c7": "#30363d",
}  # fmt: skip
KINDS = 8


def render_frame(title: str, note: str, summary: str, *, height: float, body: str) -> str:
    """The whole picture; `summary` is what it says, in words, for who cannot see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" '
        f'viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="t d">\n'
        f'<title id="t">{label(title)}</title><desc id="d">{label(summary)}</desc>\n'
        f"<style>{_style()}</style>\n"
        f'<rect class="g" width="{WIDTH}" height="{height:g}"/>\n'
        f'<text class="t" x="{MARGIN}" y="24">{label(title)}</text>\n'
        f'<text class="n" x="{MARGIN}" y="44">{label(note)}</text>\n{body}</svg>\n'
    )


def label(text: str, width: float | None = None) -> str:
    """Any text as text of an SVG, on one line, cut to fit `width` pixels."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    most = len(shown) if width is None else int(width / CHARACTER)
    return escape(shown if len(shown) <= most else shown[: max(most - 1, 0)] + "…")


def put_text(
    x: float, y: float, text: str, *, kind: str = "", anchor: str = "", width: float | None = None
) -> str:
    """Text whose line stands on y, from x on or, by `anchor`, around or before it."""
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}"{anchor}>{label(text, width)}</text>'


def put_box(x: float, y: float, width: float, height: float, *, kind: str, title: str = "") -> str:
    """A filled rectangle; its `title` is what a pointer over it is told."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    inner = f"><title>{label(title)}</title></rect>" if title else "/>"
    return f'<rect class="{kind}" {place} rx="2"{inner}'


def _style() -> str:
    dark = _colours(DARK)
    return (
        f"text{{font:13px system-ui,sans-serif}}.t{{font-weight:600;font-size:15px}}{_colours(LIGHT)}"
        f"@media(prefers-color-scheme:dark){{{dark}}}"
    )


def _colours(palette: dict[str, str]) -> str:
    text = f"text{{fill:{palette['t']}}}"
    lines = f".l{{stroke:{palette['l']};fill:none}}.p{{stroke:{palette['a']};fill:none;stroke-width:2}}"
    fills = "".join(f".{name}{{fill:{value}}}" for name, value in palette.items() if name not in "tl")
    return text + lines + fills

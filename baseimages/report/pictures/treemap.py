"""Rectangles inside rectangles: what takes how much of the whole.

Layout: squarified treemaps (Bruls, Huizing, van Wijk 2000), by the library squarify.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import squarify

from baseimages.report.pictures.frame import (
    CHARACTER,
    KINDS,
    MARGIN,
    TOP,
    WIDTH,
    put_box,
    put_text,
    render_frame,
)

HEIGHT = 460
HEADER = 20
GAP = 2
LINE = 16
# A smaller rectangle cannot be told from its border: what it stands for is folded into one.
SMALLEST_SHARE = 0.0015


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One rectangle of `size`, in any unit, among those of its `group`; `text` is the size in words."""

    group: str
    label: str
    size: float
    text: str


class _Box(TypedDict):
    x: float
    y: float
    dx: float
    dy: float


def render_treemap(title: str, note: str, tiles: Sequence[Tile]) -> str:
    """One rectangle for each group, largest first, with those of its tiles inside."""
    shown = [tile for tile in tiles if tile.size > 0]
    groups = _group(_fold(shown))
    area: _Box = {"x": MARGIN, "y": TOP, "dx": WIDTH - 2 * MARGIN, "dy": HEIGHT}
    boxes = _squarify([sum(tile.size for tile in group) for group in groups], area)
    body = "".join(
        _render_group(group, box, f"c{number % KINDS}")
        for number, (group, box) in enumerate(zip(groups, boxes, strict=True))
    )
    summary = "; ".join(f"{tile.group}, {tile.label}: {tile.text}" for group in groups for tile in group)
    return render_frame(title, note, summary, height=TOP + HEIGHT + MARGIN, body=body)


def _fold(tiles: Sequence[Tile]) -> Iterator[Tile]:
    """The tiles, those of a group that are too small to see as one of them."""
    total = sum(tile.size for tile in tiles)
    small: dict[str, list[Tile]] = {}
    for tile in tiles:
        if tile.size < total * SMALLEST_SHARE:
            small.setdefault(tile.group, []).append(tile)
        else:
            yield tile
    for group, folded in small.items():
        size = sum(tile.size for tile in folded)
        if len(folded) == 1:
            yield folded[0]
        else:
            yield Tile(group=group, label=f"{len(folded)} smaller", size=size, text=f"{size / total:.1%}")


def _group(tiles: Iterator[Tile]) -> list[list[Tile]]:
    groups: dict[str, list[Tile]] = {}
    for tile in tiles:
        groups.setdefault(tile.group, []).append(tile)
    found = [sorted(group, key=lambda tile: -tile.size) for group in groups.values()]
    return sorted(found, key=lambda group: -sum(tile.size for tile in group))


def _squarify(sizes: list[float], area: _Box) -> list[_Box]:
    scaled = squarify.normalize_sizes(sizes, area["dx"], area["dy"])
    return cast("list[_Box]", squarify.squarify(scaled, **area))


def _render_group(group: list[Tile], box: _Box, kind: str) -> str:
    if len(group) == 1:
        return _render_tile(group[0], box, kind, f"{group[0].group}: {group[0].label}")
    inside: _Box = {**box, "y": box["y"] + HEADER, "dy": box["dy"] - HEADER}
    if inside["dy"] < HEADER or box["dx"] < 40:
        one = Tile(group="", label=group[0].group, size=0, text="")
        return _render_tile(one, box, kind, f"{group[0].group}: {len(group)} parts")
    boxes = _squarify([tile.size for tile in group], inside)
    tiles = "".join(
        _render_tile(tile, tile_box, kind, f"{tile.group}: {tile.label}")
        for tile, tile_box in zip(group, boxes, strict=True)
    )
    name = put_text(box["x"] + 4, box["y"] + 15, group[0].group, width=box["dx"] - 8) + "\n"
    return name + tiles


def _render_tile(tile: Tile, box: _Box, kind: str, full: str) -> str:
    width, height = max(box["dx"] - GAP, 1.0), max(box["dy"] - GAP, 1.0)
    # A cut name can still be guessed, a cut number misleads.
    size = tile.text if len(tile.text) * CHARACTER < width - 6 else ""
    lines = [text for text in (tile.label, size) if text] if width > 34 else []
    texts = "".join(
        put_text(box["x"] + 4, box["y"] + LINE * number, text, width=width - 6)
        for number, text in enumerate(lines, start=1)
        if LINE * number + 3 < height
    )
    title = f"{full} {tile.text}".strip()
    return put_box(box["x"], box["y"], width, height, kind=kind, title=title) + texts + "\n"

"""Layers laid over each other (OCI image specification, layer.md): what becomes of every entry.

The rows of all layers come in the order of paths, so all that one path ever was stands together and a
folder comes before what is in it. What is kept is one line of folders that are hidden or replaced,
never the tree. A layer's own entries stay, wherever in its tar a whiteout stands. A link in the path of an
entry is not followed but replaced by a folder, as engines on overlayfs do with links of lower layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge as merge_sorted
from itertools import groupby, zip_longest
from operator import attrgetter, itemgetter
from typing import Literal, NamedTuple

from baseimages.inspect.rows import LayerRows, Row

# "rewritten" is also what another kind of entry took the place of, a folder's files included.
Cause = Literal["metadata only", "rewritten", "deleted file", "deleted directory", "opaque directory"]

# Rows that are no entries, and two that are folders.
MARKS = ("whiteout", "opaque")
FOLDERS = ("folder", "implied")


class Hide(NamedTuple):
    """Of lower layers something is gone from `layer` on."""

    layer: int
    cause: Cause


class Fate(NamedTuple):
    """An entry and what hid it; None for what containers see."""

    row: Row
    hidden: Hide | None


def sort_rows(layers: Iterable[LayerRows]) -> Iterator[Row]:
    """The rows of all layers, lowest first, in the order of paths; of one path by layer and turn."""
    return merge_sorted(*(layer.rows(number) for number, layer in enumerate(layers)), key=itemgetter(0, 1, 2))


def follow(rows: Iterable[Row]) -> Iterator[Fate]:
    """What becomes of each entry of sorted rows; whiteouts are none."""
    above: list[tuple[bytes, tuple[Hide, ...]]] = [(b"", ())]
    for key, group in groupby(rows, key=attrgetter("key")):
        while not key.startswith(above[-1][0]):
            above.pop()
        versions = list(group)
        inherited = above[-1][1]
        if len(versions) == 1 and not inherited and versions[0].kind not in MARKS:
            yield Fate(versions[0], None)  # most paths of an image
            continue
        yield from _follow_path(versions, inherited)
        below = tuple(_hide_below(versions))
        if below:
            prefix = key + b"\0" if key else b""
            above.append((prefix, inherited + below))


def _follow_path(versions: list[Row], inherited: tuple[Hide, ...]) -> Iterator[Fate]:
    whiteouts = [row.layer for row in versions if row.kind == "whiteout"]
    gone = [*whiteouts, *(hide.layer for hide in inherited)]
    entries: list[Row] = []
    for row in versions:
        if row.kind not in MARKS and not (entries and _changes_nothing(row, entries[-1], gone)):
            entries.append(row)
    for row, later in zip_longest(entries, entries[1:]):
        hides = [Hide(later.layer, _cause(row, later))] if later else []
        deleted: Cause = "deleted directory" if row.kind in FOLDERS else "deleted file"
        hides += (Hide(layer, deleted) for layer in whiteouts if layer > row.layer)
        # Of several in one layer the nearest tells why.
        hides += (hide for hide in reversed(inherited) if hide.layer > row.layer)
        yield Fate(row, min(hides, key=itemgetter(0), default=None))


def _changes_nothing(row: Row, before: Row, gone: list[int]) -> bool:
    """Whether a folder that is only implied is there already, as a lower layer made it."""
    is_there = not any(before.layer < layer <= row.layer for layer in gone)
    return row.kind == "implied" and before.kind in FOLDERS and is_there


def _cause(row: Row, later: Row) -> Cause:
    is_same = row.kind == later.kind == "file" and row.content == later.content
    return "metadata only" if is_same else "rewritten"


def _hide_below(versions: list[Row]) -> Iterator[Hide]:
    """What the versions of a folder do to what lower layers have in it."""
    for row in versions:
        if row.kind == "whiteout":
            yield Hide(row.layer, "deleted directory")
        elif row.kind == "opaque":
            yield Hide(row.layer, "opaque directory")
        elif row.kind not in FOLDERS:
            yield Hide(row.layer, "rewritten")

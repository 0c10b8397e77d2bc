"""What wagoodman/dive would say of the same layers, for people who know its numbers.

After dive 0.13, dive/filetree/efficiency.go: layers are visited bottom up, in each only what has
nothing below it. A file counts its size, a whiteout nothing, unless it hides a folder: then all that
the lower layers have in it. A path's visits are summed; efficiency is the sum of the smallest visits by
the sum of all, wasted is every path that was visited twice. Opaque folders are passed over.

Not followed: at a whiteout that hides nothing dive leaves the rest of that layer out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from pydantic import BaseModel, ConfigDict

from baseimages.inspect.rows import Row


class DiveNumber(BaseModel):
    """Labelled dive's wherever it is shown: it counts a rewritten file with all its copies, does not see
    what a whiteout of a folder takes away, and takes every layer but the first for the user's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    efficiency: float
    wasted_bytes: int
    user_bytes: int

    @property
    def wasted_share(self) -> float:
        """Wasted bytes by user bytes, what dive's gate compares with 0.1."""
        return self.wasted_bytes / self.user_bytes if self.user_bytes else 0.0


@dataclass
class _Folder:
    """A folder whose content is being read. It is empty in the layers `empty`; `hidden` counts what its
    whiteouts take away, by their layer; in the layers `removed` it or a folder above it is removed.
    """

    prefix: bytes
    empty: set[int] = field(default_factory=set)
    hidden: dict[int, int] = field(default_factory=dict)
    removed: tuple[int, ...] = ()
    visits: list[int] = field(default_factory=list)


class DiveCount:
    """Counts what passes by: `watch` the rows in the order of paths, then ask for `number`."""

    def __init__(self) -> None:
        self._smallest = self._sum = self._wasted = self._user = 0
        self._open = [_Folder(b"")]

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted."""
        for key, group in groupby(rows, key=attrgetter("key")):
            versions = list(group)
            if key:
                self._visit(key, versions)
            yield from versions
        while self._open:
            self._add(self._open.pop())

    @property
    def number(self) -> DiveNumber:
        """What was counted, once everything has passed."""
        efficiency = self._smallest / self._sum if self._sum else 1.0
        return DiveNumber(efficiency=efficiency, wasted_bytes=self._wasted, user_bytes=self._user)

    def _visit(self, key: bytes, versions: list[Row]) -> None:
        while not key.startswith(self._open[-1].prefix):
            self._add(self._open.pop())
        above = self._open[-1]
        if len(versions) == 1 and versions[0].kind == "file" and not above.removed:
            self._visit_file(versions[0], above)
            return
        entries = {row.layer: row for row in versions if row.kind not in ("whiteout", "opaque")}
        whiteouts = {row.layer for row in versions if row.kind == "whiteout"}
        above.empty -= entries.keys() | whiteouts
        removed = tuple(sorted({*above.removed, *whiteouts}))
        folder = _Folder(key + b"\0", removed=removed)
        for layer, row in entries.items():
            self._visit_entry(row, folder, _find_next((*entries, *removed), layer))
        for layer in whiteouts:
            _visit_whiteout(layer, folder, entries, (*above.removed, *whiteouts))
        if folder.empty or folder.hidden or any(row.kind == "implied" for row in versions):
            self._open.append(folder)
        else:
            self._add(folder)

    def _visit_file(self, row: Row, above: _Folder) -> None:
        """What most paths of an image are: a file that no other layer touches."""
        size_bytes = _size_of(row)
        above.empty.discard(row.layer)
        self._sum += size_bytes
        self._smallest += size_bytes
        self._user += size_bytes if row.layer else 0

    def _visit_entry(self, row: Row, folder: _Folder, until: float) -> None:
        """Count an entry, in its layer and in each whiteout of a folder that it stands in until then."""
        if row.kind == "folder":
            folder.empty.add(row.layer)
        if row.kind in ("folder", "implied"):
            return
        size_bytes = _size_of(row)
        folder.visits.append(size_bytes)
        self._user += size_bytes if row.layer else 0
        for other in self._open:
            for layer in other.hidden:
                if row.layer < layer <= until:
                    other.hidden[layer] += size_bytes

    def _add(self, folder: _Folder) -> None:
        visits = [*folder.visits, *folder.hidden.values(), *(0 for _ in folder.empty)]
        self._sum += sum(visits)
        self._smallest += min(visits, default=0)
        self._wasted += sum(visits) if len(visits) > 1 else 0


def _size_of(row: Row) -> int:
    return row.size_bytes if row.kind == "file" and row.is_first_name else 0


def _find_next(layers: Iterable[int], after: int) -> float:
    return min((layer for layer in layers if layer > after), default=math.inf)


def _visit_whiteout(layer: int, folder: _Folder, entries: dict[int, Row], removed: Iterable[int]) -> None:
    lower = max((number for number in entries if number < layer), default=None)
    if lower is None or _find_next(removed, lower) < layer:
        return
    if entries[lower].kind == "folder":
        folder.hidden[layer] = 0
    else:
        folder.visits.append(0)

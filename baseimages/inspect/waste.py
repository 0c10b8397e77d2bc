"""What an image carries and nobody sees, and what it carries twice.

Reclaimable are the bytes of regular files in layers that are not visible at the end. Each lost byte
has one cause, the layer that wrote it and the layer that hid it. Content stays alive until the last
of its names, hard links, is gone.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from baseimages.inspect.dive import DiveNumber
from baseimages.inspect.merge import Cause, Fate, Hide
from baseimages.inspect.rows import BATCH, Row, path_of

MOST_GROUPS = 40
MOST_DUPLICATES = 20
EXAMPLES = 3


class ReclaimableGroup(BaseModel):
    """Bytes lost for one cause between two layers, by their numbers from 0, the lowest.

    `ours` tells that neither layer is the base's: a change of the recipe could save the bytes.
    `examples` are paths without a leading slash, the heaviest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    cause: Cause
    written_by: int
    hidden_by: int
    ours: bool
    files: int
    size_bytes: int
    examples: tuple[str, ...]


class DuplicateContent(BaseModel):
    """Equal content in several visible files; hard links of one file count as one copy.

    `size_bytes` is that of one copy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    digest: str
    size_bytes: int
    copies: int
    examples: tuple[str, ...]

    @property
    def extra_bytes(self) -> int:
        """What all copies but one weigh."""
        return self.size_bytes * (self.copies - 1)


class Duplicates(BaseModel):
    """Everything that is there twice: how many contents, what their extra copies weigh, the heaviest."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    contents: int
    extra_bytes: int
    heaviest: tuple[DuplicateContent, ...]


class Waste(BaseModel):
    """Of all bytes of regular files: those visible at the end and those that are not, and why.

    `visible_bytes` and `reclaimable_bytes` add up to the file bytes of all layers. `groups`, the
    heaviest first, are all there are unless `groups_left_out` says how many were cut; the totals count
    them all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    visible_bytes: int
    reclaimable_bytes: int
    reclaimable_ours_bytes: int
    groups: tuple[ReclaimableGroup, ...]
    groups_left_out: int = 0
    duplicates: Duplicates
    dive: DiveNumber

    @property
    def reclaimable_share(self) -> float:
        """Reclaimable bytes by all bytes of regular files, 0 to 1."""
        total = self.visible_bytes + self.reclaimable_bytes
        return self.reclaimable_bytes / total if total else 0.0


@dataclass
class _Group:
    files: int = 0
    size_bytes: int = 0
    heaviest: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.files += 1
        self.size_bytes += row.size_bytes
        if len(self.heaviest) < EXAMPLES or row.size_bytes > self.heaviest[-1][0]:
            found = [*self.heaviest, (row.size_bytes, row.path)]
            self.heaviest = sorted(found, key=lambda pair: (-pair[0], pair[1]))[:EXAMPLES]


class WasteCount:
    """Counts fates as they come; a context, since visible contents wait in a file for being compared."""

    def __init__(self, base_layers: int) -> None:
        self._base_layers = base_layers
        self._visible_bytes = 0
        self._groups: dict[tuple[Cause, int, int], _Group] = {}
        self._names: dict[tuple[int, int], list[Fate]] = {}
        self._copies = _Copies()

    def __enter__(self) -> WasteCount:
        return self

    def __exit__(self, *_: object) -> None:
        self._copies.close()

    def add(self, fate: Fate) -> None:
        """Count what became of one entry."""
        row = fate.row
        if row.kind == "file" and row.inode == -1:
            self._settle(row, fate.hidden)
        elif row.kind == "file":
            self._names.setdefault((row.layer, row.inode), []).append(fate)

    def finish(self, dive: DiveNumber) -> Waste:
        """All that was counted; nothing can be added later."""
        for fates in self._names.values():
            last = max(fates, key=lambda fate: fate.hidden.layer if fate.hidden else math.inf)
            self._settle(last.row, last.hidden)
        lost = sum(group.size_bytes for group in self._groups.values())
        groups = sorted(self._list_groups(), key=lambda group: -group.size_bytes)
        return Waste(
            visible_bytes=self._visible_bytes,
            reclaimable_bytes=lost,
            reclaimable_ours_bytes=sum(group.size_bytes for group in groups if group.ours),
            groups=tuple(groups[:MOST_GROUPS]),
            groups_left_out=len(groups[MOST_GROUPS:]),
            duplicates=self._copies.compare(),
            dive=dive,
        )

    def reclaimable_bytes(self, layer: int) -> int:
        """Bytes that this layer wrote and nobody sees; known once `finish` was called."""
        return sum(group.size_bytes for key, group in self._groups.items() if key[1] == layer)

    def _settle(self, row: Row, hidden: Hide | None) -> None:
        if hidden is None:
            self._visible_bytes += row.size_bytes
            self._copies.add(row)
        else:
            self._groups.setdefault((hidden.cause, row.layer, hidden.layer), _Group()).add(row)

    def _list_groups(self) -> Iterator[ReclaimableGroup]:
        for (cause, written_by, hidden_by), group in sorted(self._groups.items()):
            yield ReclaimableGroup(
                cause=cause,
                written_by=written_by,
                hidden_by=hidden_by,
                ours=written_by >= self._base_layers,
                files=group.files,
                size_bytes=group.size_bytes,
                examples=tuple(path for _, path in group.heaviest),
            )


class _Copies:
    """Visible files by their content, in a file that SQLite removes: there are as many as in the image."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE files (content BLOB, size_bytes INTEGER, key BLOB)")
        self._waiting: list[tuple[bytes, int, bytes]] = []

    def close(self) -> None:
        self._database.close()

    def add(self, row: Row) -> None:
        if row.size_bytes:
            self._waiting.append((row.content, row.size_bytes, row.key))
        if len(self._waiting) >= BATCH:
            self._flush()

    def compare(self) -> Duplicates:
        self._flush()
        found = self._database.execute(
            "SELECT content, size_bytes, count(*) FROM files GROUP BY content HAVING count(*) > 1 "
            "ORDER BY size_bytes * (count(*) - 1) DESC, content"
        ).fetchall()
        return Duplicates(
            contents=len(found),
            extra_bytes=sum(size_bytes * (copies - 1) for _, size_bytes, copies in found),
            heaviest=tuple(self._describe(*row) for row in found[:MOST_DUPLICATES]),
        )

    def _flush(self) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO files VALUES (?, ?, ?)", self._waiting)
        self._database.execute("COMMIT")
        self._waiting.clear()

    def _describe(self, content: bytes, size_bytes: int, copies: int) -> DuplicateContent:
        query = "SELECT key FROM files WHERE size_bytes = ? AND content = ? ORDER BY key LIMIT ?"
        keys = self._database.execute(query, (size_bytes, content, EXAMPLES))
        return DuplicateContent(
            digest=f"sha256:{content.hex()}",
            size_bytes=size_bytes,
            copies=copies,
            examples=tuple(path_of(key) for (key,) in keys),
        )

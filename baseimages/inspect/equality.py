"""Whether two file trees are equal, file by file: paths, content, modes, owners, attributes.

A tree is a tar, so that it can be told of a machine that cannot run what is in it. Times are left
out: they tell when an installation ran, not what it made.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import partial
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict

from baseimages.inspect.layout import Layout
from baseimages.inspect.merge import follow, sort_rows
from baseimages.inspect.rows import RowKind, find_rows, read_rows
from baseimages.inspect.stream import CHUNK_BYTES
from baseimages.inspect.tar import Member, TarReader
from baseimages.records import Record

Kind = Literal["only left", "only right", "type", "content", "mode", "owner", "attributes"]
# What is told of a difference and the field of an entry, in the order in which they are looked at.
COMPARED: tuple[tuple[Kind, str], ...] = (
    ("type", "kind"),
    ("content", "content"),
    ("mode", "mode"),
    ("owner", "owner"),
    ("attributes", "attributes"),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One path of a tree. `content` is a digest, a link's target or a device's number."""

    kind: RowKind
    mode: int
    owner: tuple[int, int]
    content: str
    attributes: tuple[tuple[str, str], ...]


class AllowedDifference(BaseModel):
    """Paths that may differ; `pattern` matches a whole path without a leading slash."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    pattern: str
    reason: str


class Difference(BaseModel):
    """One path that differs. `reason` is empty when nothing allows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    kind: Kind
    reason: str


class EqualityRecord(Record):
    """How many paths both trees have, and every difference, the allowed ones with their reason."""

    compared: int
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """What nothing allows; the trees are equal when there is none."""
        return tuple(difference for difference in self.differences if not difference.reason)

    @property
    def summary(self) -> str:
        """In words."""
        allowed = len(self.differences) - len(self.unexplained)
        verdict = f"{len(self.unexplained)} differ" if self.unexplained else "equal"
        return f"{self.compared} paths compared, {verdict}; {allowed} differ for a listed reason"


def compare_layouts(left: Layout, right: Layout, allowed: tuple[AllowedDifference, ...]) -> EqualityRecord:
    """Compare what containers of two images would see. Raises VerificationError for damaged layers."""
    return compare_trees(read_image(left), read_image(right), allowed)


def read_image(layout: Layout) -> dict[str, Entry]:
    """Every path of an image, its layers laid over each other."""
    layers = [find_rows(layer) or read_rows(layer) for layer in layout.layers]
    seen = (fate.row for fate in follow(sort_rows(layers)) if fate.hidden is None)
    return {
        row.path: Entry(
            kind="folder" if row.kind == "implied" else row.kind,
            mode=row.mode,
            owner=(row.uid, row.gid),
            content=row.content.hex() if row.kind == "file" else os.fsdecode(row.content),
            attributes=tuple((name, value) for name, value in json.loads(row.attributes or "[]")),
        )
        for row in seen
        if row.key
    }


def read_tar(stream: IO[bytes]) -> dict[str, Entry]:
    """Every path of a tar stream; of a path that comes twice, the later one counts."""
    tree: dict[str, Entry] = {}
    tar = TarReader(iter(partial(stream.read, CHUNK_BYTES), b""))
    for member in tar:
        if member.path:
            tree[member.path] = _read_entry(tar, member, tree)
    return tree


def _read_entry(tar: TarReader, member: Member, tree: dict[str, Entry]) -> Entry:
    # Which of two hard links is the first is the archiver's choice: both count as the file.
    if member.kind == "hard link":
        return tree[member.content]
    return Entry(
        kind=member.kind,
        mode=member.mode,
        owner=(member.uid, member.gid),
        content=tar.digest().hex() if member.kind == "file" else member.content,
        attributes=member.attributes,
    )


def compare_trees(
    left: dict[str, Entry], right: dict[str, Entry], allowed: tuple[AllowedDifference, ...]
) -> EqualityRecord:
    """Compare path by path; an entry that differs in several ways is told by the first."""
    found = []
    for path in sorted(left.keys() | right.keys()):
        kind = _find_difference(left.get(path), right.get(path))
        if kind:
            reason = next((row.reason for row in allowed if re.fullmatch(row.pattern, path)), "")
            found.append(Difference(path=path, kind=kind, reason=reason))
    return EqualityRecord(compared=len(left.keys() & right.keys()), differences=tuple(found))


def _find_difference(left: Entry | None, right: Entry | None) -> Kind | None:
    if left is None or right is None:
        return "only right" if left is None else "only left"
    return next((kind for kind, name in COMPARED if getattr(left, name) != getattr(right, name)), None)

"""Whether two file trees are equal, file by file: paths, content, modes, owners, attributes.

A tree is a tar, so that it can be told of a machine that cannot run what is in it. Times are left
out: they tell when an installation ran, not what it made.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Literal, cast

from pydantic import BaseModel, ConfigDict

from baseimages.inspect.layers import open_tar, read_entries
from baseimages.inspect.layout import Layout
from baseimages.inspect.tree import OPAQUE, WHITEOUT
from baseimages.records import Record

ATTRIBUTE = "SCHILY.xattr."
Kind = Literal["only left", "only right", "type", "content", "mode", "owner", "attributes"]
# Fields of an entry, in the order in which a difference is told.
COMPARED: tuple[Kind, ...] = ("type", "content", "mode", "owner", "attributes")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One path of a tree. `content` is a digest, a link's target or a device's number."""

    type: bytes
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
    """Every path of an image, its layers laid over each other (OCI image specification, layer.md)."""
    tree: dict[str, Entry] = {}
    for layer in layout.layers:
        with open_tar(layer) as (tar, _):
            own = _read_entries(tar)
        for path in [path for path in own if Path(path).name.startswith(WHITEOUT)]:
            del own[path]
            _remove(path, tree)
        tree |= own
    return tree


def _remove(whiteout: str, tree: dict[str, Entry]) -> None:
    folder, name = Path(whiteout).parent, Path(whiteout).name
    gone = folder if name == OPAQUE else folder / name.removeprefix(WHITEOUT)
    for path in [path for path in tree if Path(path).is_relative_to(gone)]:
        if name != OPAQUE or path != str(gone):
            del tree[path]


def read_tar(stream: IO[bytes]) -> dict[str, Entry]:
    """Every path of a tar stream; of a path that comes twice, the later one counts."""
    with tarfile.open(fileobj=stream, mode="r|*") as tar:
        return _read_entries(tar)


def _read_entries(tar: tarfile.TarFile) -> dict[str, Entry]:
    tree: dict[str, Entry] = {}
    for member in read_entries(tar):
        name = member.name.removeprefix("./").strip("/")
        if name not in ("", "."):
            tree[name] = _read_entry(tar, member, tree)
    return tree


def _read_entry(tar: tarfile.TarFile, member: tarfile.TarInfo, tree: dict[str, Entry]) -> Entry:
    # Which of two hard links is the first is the archiver's choice: both count as the file.
    if member.islnk():
        return tree[member.linkname.removeprefix("./").strip("/")]
    attributes = {
        name.removeprefix(ATTRIBUTE): value
        for name, value in member.pax_headers.items()
        if name.startswith(ATTRIBUTE)
    }
    return Entry(
        type=member.type,
        mode=member.mode,
        owner=(member.uid, member.gid),
        content=_read_content(tar, member),
        attributes=tuple(sorted(attributes.items())),
    )


def _read_content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = tar.extractfile(member) if member.isreg() else None
    if file:
        return hashlib.file_digest(cast("BytesIO", file), "sha256").hexdigest()
    return f"{member.devmajor}:{member.devminor}" if member.isdev() else member.linkname


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
    return next((kind for kind in COMPARED if getattr(left, kind) != getattr(right, kind)), None)

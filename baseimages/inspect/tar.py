"""Tar archives read once, in order: names, links, attributes and content, at the speed of a stream.

An image has hundreds of thousands of entries, and a header costs the standard library three times
what it costs here. Read are ustar, GNU and PAX headers as engines write them (POSIX.1-2017, pax;
GNU tar manual, "Basic Tar Format"). Refused is what no engine writes: sparse files, unknown types.
"""

from __future__ import annotations

import hashlib
import posixpath
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from baseimages.errors import VerificationError

NEXT_STEP = "build again; the layout is made by `invoke build`"
BLOCK = 512
# name, mode, uid, gid, size, checksum, type, target, magic, major, minor, prefix.
HEADER = struct.Struct("100s8s8s8s12s12x8sc100s6s2x32x32x8s8s155s12x")
CHECKSUM = slice(148, 156)
ADLER = 65521
ATTRIBUTE = "SCHILY.xattr."
LARGEST_EXTENSION_BYTES = 1 << 20
LINK_MODE = 0o777  # of every link, whatever the tar says (symlink(7))
LONGEST_NUMBER = 18  # digits of a number that every program can take

MemberKind = Literal["file", "hard link", "symlink", "character", "block", "folder", "fifo"]
KINDS: dict[bytes, MemberKind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hard link",
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "folder",
    b"6": "fifo",
}
Fields: TypeAlias = "tuple[bytes, ...]"


class Member(NamedTuple):
    """One entry. `path` has no slash at either end and stays below the root, whose own path is empty.

    `content` is a link's target or a device's numbers; of a hard link, a path like `path`.
    """

    path: str
    kind: MemberKind
    mode: int
    uid: int
    gid: int
    size_bytes: int
    content: str
    attributes: tuple[tuple[str, str], ...]


class TarReader:
    """Iterates over the members of a tar that comes in chunks; what is not read of one is skipped.

    Raises VerificationError for what is no tar, is cut, or holds what is refused.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = memoryview(b"")
        self._position = 0
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        told: dict[str, str] = {}
        while fields := self._read_header():
            kind = fields[6]
            if kind in b"LKxXg":
                told |= self._read_extension(kind, _number(fields[4]))
                continue
            member = _make_member(fields, told)
            told = {}
            self._open(member.size_bytes)
            yield member
            self._skip(self._left + self._padding)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of the member's content, empty at its end; without a size all that is left."""
        wanted = self._left if size < 0 else min(size, self._left)
        self._left -= wanted
        return self._take(wanted)

    def digest(self) -> bytes:
        """sha256 of what is left of the member's content."""
        found = hashlib.sha256()
        while self._left:
            piece = self._next_piece(self._left)
            self._left -= len(piece)
            found.update(piece)
        return found.digest()

    def _open(self, size_bytes: int) -> None:
        self._left, self._padding = size_bytes, -size_bytes % BLOCK

    def _read_header(self) -> Fields | None:
        if not self._fill():
            return None  # some writers leave the end marker out
        header = self._take(BLOCK)
        if header.count(0) == BLOCK:
            return None
        fields = HEADER.unpack(header)
        if not _is_checked(header, _number(fields[5])):
            raise _refusal("what should be a header has another checksum than it says")
        return fields

    def _read_extension(self, kind: bytes, size_bytes: int) -> dict[str, str]:
        if size_bytes > LARGEST_EXTENSION_BYTES:
            raise _refusal(f"a header is extended by {size_bytes} bytes")
        data = self._take(size_bytes)
        self._skip(-size_bytes % BLOCK)
        if kind in b"LK":
            return {"path" if kind == b"L" else "linkpath": _text(data)}
        # Go's reader, and so every engine, gives a global header no effect on what follows.
        return {} if kind == b"g" else dict(_read_pax(data))

    def _fill(self) -> bool:
        """Whether there is a byte to read; the chunk is then not at its end."""
        while self._position == len(self._chunk):
            chunk = next(self._chunks, b"")
            if not chunk:
                return False
            self._chunk, self._position = memoryview(chunk), 0
        return True

    def _next_piece(self, size: int) -> memoryview:
        """At least one and at most `size` bytes, as they lie in the chunk."""
        if not self._fill():
            raise _refusal("it is cut")
        piece = self._chunk[self._position : self._position + size]
        self._position += len(piece)
        return piece

    def _take(self, size: int) -> bytes:
        end = self._position + size
        if end <= len(self._chunk):
            piece = self._chunk[self._position : end]
            self._position = end
            return bytes(piece)
        parts = []
        while size:
            parts.append(self._next_piece(size))
            size -= len(parts[-1])
        return b"".join(parts)

    def _skip(self, size: int) -> None:
        while size:
            size -= len(self._next_piece(size))


def clean_path(path: str) -> str:
    """A path as tars and lists of files write it, as `Member.path` has it."""
    if path.startswith((".", "/")) or "/." in path or "//" in path:
        return posixpath.normpath("/" + path.lstrip("/"))[1:]
    return path.removesuffix("/")


def _make_member(fields: Fields, told: dict[str, str]) -> Member:
    name, mode, uid, gid, size, _, type_, target, magic, major, minor, prefix = fields
    path = told.get("path") or _text(name)
    if prefix[0] and magic == b"ustar\0" and "path" not in told:
        path = f"{_text(prefix)}/{path}"
    kind = KINDS.get(type_)
    if kind is None or any(key.startswith("GNU.sparse.") for key in told):
        raise _refusal(f"{path!a} is sparse, or of type {type_.decode('latin-1')!a}")
    if type_ == b"\0" and path.endswith("/"):
        kind = "folder"  # as tar wrote them before there was a type for it
    clean = clean_path(path)
    if not clean and kind != "folder":
        raise _refusal(f"{path!a} is the root, and no folder")
    return Member(
        path=clean,
        kind=kind,
        mode=LINK_MODE if kind == "symlink" else _number(mode) & 0o7777,
        uid=_told_number(told, "uid", uid),
        gid=_told_number(told, "gid", gid),
        size_bytes=_told_number(told, "size", size) if kind == "file" else 0,
        content="" if kind in ("file", "folder", "fifo") else _content(kind, told, target, major, minor),
        attributes=_attributes(told) if told else (),
    )


def _content(kind: MemberKind, told: dict[str, str], target: bytes, major: bytes, minor: bytes) -> str:
    if kind in ("character", "block"):
        return f"{_number(major)}:{_number(minor)}"
    text = told.get("linkpath") or _text(target)
    return clean_path(text) if kind == "hard link" else text


def _attributes(told: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted((k.removeprefix(ATTRIBUTE), value) for k, value in told.items() if k.startswith(ATTRIBUTE))
    )


def _read_pax(data: bytes) -> Iterator[tuple[str, str]]:
    """Records `<length> <key>=<value>\\n`; the length counts the whole record."""
    while data:
        length, _, rest = data.partition(b" ")
        size = int(length) if length.isdigit() else 0
        record = rest[: max(size - len(length) - 1, 0)]
        key, equals, value = record.partition(b"=")
        if not equals or not record.endswith(b"\n") or size > len(data):
            raise _refusal("an extended header is damaged")
        data = data[size:]
        yield _decode(key), _decode(value[:-1])


def _is_checked(header: bytes, told: int) -> bool:
    # The sum of a header's bytes, its checksum taken for blanks: the lower half of Adler-32 is such a
    # sum, from 1 on and modulo ADLER, and it is C.
    total = (zlib.adler32(header) & 0xFFFF) - 1 - sum(header[CHECKSUM]) + 8 * ord(" ")
    return (total - told) % ADLER == 0


@lru_cache(maxsize=1 << 12)
def _number(field: bytes) -> int:
    """Octal digits among blanks, or, for what they cannot hold, big-endian binary (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    try:
        return int(digits or b"0", 8)
    except ValueError as error:
        raise _refusal(f"{field!r} is no number") from error


def _told_number(told: dict[str, str], name: str, field: bytes) -> int:
    text = told.get(name) if told else None
    if not text:
        return _number(field)
    if not text.isdecimal() or len(text) > LONGEST_NUMBER:
        raise _refusal(f"{name} {text!a} is no number")
    return int(text)


def _text(field: bytes) -> str:
    return _decode(field.partition(b"\0")[0])


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _refusal(what: str) -> VerificationError:
    return VerificationError(f"a layer is no tar that can be read: {what}", next_step=NEXT_STEP)

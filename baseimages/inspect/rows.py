"""What a layer holds, as rows in the order of paths: read from its tar once, kept for later looks.

A layer's rows are a small SQLite file in the user's cache folder, named after the layer's digest and
this format's number, with its sha256 beside it. Whatever is not whole or not of this format is made
again. Memory does not grow with the layer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from platformdirs import user_cache_path

from baseimages.errors import StorageError, VerificationError
from baseimages.inspect.claims import LARGEST_LIST_BYTES, Claim, is_list, read_claims
from baseimages.inspect.layout import LayerBlob
from baseimages.inspect.stream import OpenBlob, open_blob, open_tar
from baseimages.inspect.tar import NEXT_STEP, Member, MemberKind, TarReader
from baseimages.records import sha256_of, write_text

# The number of this format: another one makes every layer be read again.
FORMAT = 2
UNUSED_S = 30 * 24 * 3600.0
BATCH = 1000
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
# Names for the use of AUFS; no engine shows them.
RESERVED = ".wh..wh."
# "implied" is a folder that the layer names only in the path of something else; engines make it for all.
RowKind: TypeAlias = MemberKind | Literal["whiteout", "opaque", "implied"]
TABLES = """
CREATE TABLE rows (key BLOB, turn INTEGER, kind TEXT, mode INTEGER, uid INTEGER, gid INTEGER,
    size_bytes INTEGER, content BLOB, inode INTEGER, attributes TEXT, PRIMARY KEY (key, turn)) WITHOUT ROWID;
CREATE TABLE claims (kind TEXT, name TEXT, path BLOB);
CREATE TABLE facts (diff_id TEXT, uncompressed_bytes INTEGER, file_bytes INTEGER, entries INTEGER,
    whiteouts INTEGER);
"""
# A name of its target, as that was when the link was made; without a target nothing is changed.
LINKED = """
UPDATE rows SET (kind, mode, uid, gid, size_bytes, content, inode, attributes) =
    (named.kind, named.mode, named.uid, named.gid, named.size_bytes, named.content,
     CASE named.inode WHEN -1 THEN named.turn ELSE named.inode END, named.attributes)
FROM (SELECT * FROM rows WHERE key = :target AND turn < :turn AND kind != 'hard link'
      ORDER BY turn DESC LIMIT 1) AS named
WHERE rows.key = :key AND rows.turn = :turn AND named.kind NOT IN ('folder', 'implied', 'whiteout', 'opaque')
"""
NAMED = """
UPDATE rows SET inode = turn WHERE inode = -1 AND turn IN (SELECT inode FROM rows)
    AND kind NOT IN ('folder', 'implied', 'whiteout', 'opaque')
"""


class Row(NamedTuple):
    """One entry of one layer. `key` sorts a folder right before what is in it; `turn` is its place in
    the tar. `content` is a file's sha256, a link's target or a device's numbers.

    Hard links carry what they name; all names of a file share `inode`, the turn of the first of
    them, which is -1 where a file has one name.
    """

    key: bytes
    layer: int
    turn: int
    kind: RowKind
    mode: int
    uid: int
    gid: int
    size_bytes: int
    content: bytes
    inode: int
    attributes: str

    @property
    def path(self) -> str:
        """Without a leading slash."""
        return path_of(self.key)

    @property
    def is_first_name(self) -> bool:
        """Whether its bytes stand in the tar here, and not at another name of the same file."""
        return self.inode in (-1, self.turn)


@dataclass(frozen=True)
class LayerRows:
    """The rows of one layer, on disk, and what was counted when they were made."""

    path: Path
    diff_id: str
    uncompressed_bytes: int
    file_bytes: int
    entries: int
    whiteouts: int

    def rows(self, layer: int) -> Iterator[Row]:
        """In the order of paths; `layer` is the number that each row gets."""
        query = (
            "SELECT key, ?, turn, kind, mode, uid, gid, size_bytes, content, inode, attributes "
            "FROM rows ORDER BY key, turn"
        )
        with _open(self.path) as database:
            yield from map(Row._make, database.execute(query, (layer,)))

    def claims(self) -> Iterator[Claim]:
        """What the packages of this layer say that they own, the last word last."""
        with _open(self.path) as database:
            for kind, name, path in database.execute("SELECT kind, name, path FROM claims ORDER BY rowid"):
                yield Claim(kind, name, os.fsdecode(path))


def find_rows(layer: LayerBlob) -> LayerRows | None:
    """The rows of a layer that was read before, None where there are none or they are damaged."""
    path = _place(layer)
    try:
        if path.with_suffix(".sha256").read_text(encoding="utf-8").strip() != sha256_of(path):
            return None
        path.touch()
        with _open(path) as database:
            counts = database.execute("SELECT * FROM facts").fetchone()
    except (OSError, sqlite3.Error):
        return None
    found = LayerRows(path, *counts)
    return found if found.diff_id == layer.diff_id else None


def read_rows(layer: LayerBlob, open_blob: OpenBlob = open_blob) -> LayerRows:
    """Read a layer's tar and keep its rows.

    Raises VerificationError when it cannot be unpacked or is not what its diff id names, StorageError
    when the rows cannot be kept.
    """
    path = _place(layer)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_unused(path.parent)
        _write(temporary, layer, open_blob)
        write_text(path.with_suffix(".sha256"), sha256_of(temporary) + "\n")
        temporary.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"what {layer.digest} holds was not kept in {path.parent}: {error}",
            next_step="free some space there or fix the permissions, then run it again",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    found = find_rows(layer)
    assert found is not None
    return found


def _place(layer: LayerBlob) -> Path:
    folder = user_cache_path("baseimages") / "layers"
    return folder / f"{layer.digest.removeprefix('sha256:')}-{FORMAT}.sqlite"


def _remove_unused(folder: Path) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - UNUSED_S:
                path.unlink()


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    with contextlib.closing(database):
        database.execute("PRAGMA cache_size = -256")  # KiB; rows are read once and in order
        yield database


def _write(path: Path, layer: LayerBlob, open_blob: OpenBlob) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")  # a file that is not whole is thrown away
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(TABLES)
        database.execute("BEGIN")
        with open_tar(layer, open_blob) as (tar, stream):
            count = _Count()
            rows = _read(tar, database, count)
            while batch := list(islice(rows, BATCH)):
                database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
        _settle_links(database)
        facts = (layer.diff_id, stream.size_bytes, count.file_bytes, count.entries, count.whiteouts)
        database.execute("INSERT INTO facts VALUES (?, ?, ?, ?, ?)", facts)
        database.execute("COMMIT")
    with path.open("rb") as written:
        os.fsync(written.fileno())


@dataclass
class _Count:
    entries: int = 0
    whiteouts: int = 0
    file_bytes: int = 0


_Values: TypeAlias = tuple[bytes, int, str, int, int, int, int, bytes, int, str]


def _read(tar: TarReader, database: sqlite3.Connection, count: _Count) -> Iterator[_Values]:
    """The rows in the order of the tar; claims go straight to their table."""
    folders = {""}
    for turn, member in enumerate(tar):
        folder, _, name = member.path.rpartition("/")
        count.entries += 1
        count.file_bytes += member.size_bytes
        if folder not in folders:
            yield from _imply(folder, folders)
        if name.startswith(WHITEOUT):
            count.whiteouts += 1
            yield from _read_whiteout(folder, name, turn)
            continue
        if member.kind == "folder":
            folders.add(member.path)
        content = _read_file(tar, member, database) if member.kind == "file" else os.fsencode(member.content)
        yield _values(member, turn, content if member.kind != "hard link" else key_of(member.content))


def _values(member: Member, turn: int, content: bytes) -> _Values:
    told = json.dumps(member.attributes) if member.attributes else ""
    place = (key_of(member.path), turn, member.kind)
    return (*place, member.mode, member.uid, member.gid, member.size_bytes, content, -1, told)


def key_of(path: str) -> bytes:
    """The key of a row: as bytes it sorts a folder right before what is in it."""
    return os.fsencode(path).replace(b"/", b"\0")


def path_of(key: bytes) -> str:
    """The path of a key, without a leading slash."""
    return os.fsdecode(key.replace(b"\0", b"/"))


def _read_file(tar: TarReader, member: Member, database: sqlite3.Connection) -> bytes:
    if member.size_bytes > LARGEST_LIST_BYTES or not is_list(member.path):
        return tar.digest()
    data = tar.read()
    claims = ((c.kind, c.name, os.fsencode(c.path)) for c in read_claims(member.path, data))
    database.executemany("INSERT INTO claims VALUES (?, ?, ?)", claims)
    return hashlib.sha256(data).digest()


def _imply(folder: str, folders: set[str]) -> Iterator[_Values]:
    while folder not in folders:
        folders.add(folder)
        yield (key_of(folder), -1, "implied", 0o755, 0, 0, 0, b"", -1, "")
        folder = folder.rpartition("/")[0]


def _read_whiteout(folder: str, name: str, turn: int) -> Iterator[_Values]:
    hidden = name.removeprefix(WHITEOUT)
    if name == OPAQUE:
        yield (key_of(folder), turn, "opaque", 0, 0, 0, 0, b"", -1, "")
    elif hidden in ("", ".", ".."):
        raise VerificationError(
            f"a layer hides {name!a} of {folder!a}, which names nothing", next_step=NEXT_STEP
        )
    elif not name.startswith(RESERVED):
        path = f"{folder}/{hidden}" if folder else hidden
        yield (key_of(path), turn, "whiteout", 0, 0, 0, 0, b"", -1, "")


def _settle_links(database: sqlite3.Connection) -> None:
    """Give hard links what they name, the first first, since one may name another."""
    links = database.execute("SELECT key, turn, content FROM rows WHERE kind = 'hard link' ORDER BY turn")
    for key, turn, target in links.fetchall():
        if not database.execute(LINKED, {"key": key, "turn": turn, "target": target}).rowcount:
            raise VerificationError(
                f"a layer names {path_of(target)!a} as a second name of {path_of(key)!a}, and it is no file",
                next_step=NEXT_STEP,
            )
    database.execute(NAMED)

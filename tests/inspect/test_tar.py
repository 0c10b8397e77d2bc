"""The tar reader sees what the standard library sees, and refuses what engines do not write."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator

import pytest

from baseimages.errors import VerificationError
from baseimages.inspect.tar import Member, TarReader
from tests.inspect.tars import TYPES, entry, pack

LONG = "usr/share/" + "a-long-name/" * 20
NAMES = {kind: name for name, kind in TYPES.items()}


def read(data: bytes, chunk_bytes: int = 700) -> list[tuple[Member, bytes]]:
    """Every member and its content; chunks that end anywhere."""
    chunks = (data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes))
    tar = TarReader(iter(chunks))
    return [(member, tar.read()) for member in tar]


def read_by_library(data: bytes) -> Iterator[tuple[object, ...]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for info in tar:
            stream = tar.extractfile(info) if info.isreg() else None
            place = (info.name, NAMES[info.type], info.mode, info.uid, info.gid, info.size)
            yield (*place, info.linkname, stream.read() if stream else b"")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("chunk_bytes", [1, 512, 700, 1 << 20])
def test_every_format_is_read_as_the_standard_library_reads_it(form: int, chunk_bytes: int) -> None:
    entries = [
        entry("usr", "folder", mode=0o755),
        entry("usr/a", content=b"x" * 1300, mode=0o4755, uid=7, gid=8),
        entry("usr/empty"),
        entry("usr/soft", "symlink", "../a/./b", mode=0o777),
        entry("usr/hard", "hard link", "usr/a"),
        entry("usr/pipe", "fifo"),
        entry("usr/" + "b" * 95 + "/" + "c" * 40, content=b"y"),
        entry("usr/caf\u00e9", content=b"z" * 512),
    ]
    if form != tarfile.USTAR_FORMAT:
        entries += [
            entry(LONG + "end", content=b"long"),
            entry("usr/far", "symlink", LONG, mode=0o777),
            entry("usr/large-uid", content=b"1", uid=3_000_000_000, gid=2_200_000),
            entry("usr/\udcff-undecodable", content=b"2"),
        ]
    data = pack(*entries, form=form)
    found = [
        (m.path, m.kind, m.mode, m.uid, m.gid, m.size_bytes, m.content, content)
        for m, content in read(data, chunk_bytes)
    ]
    assert found == list(read_by_library(data))


def test_attributes_and_devices_are_kept() -> None:
    headers = {"SCHILY.xattr.security.capability": "\x01\x02", "SCHILY.xattr.user.a": "b", "other": "c"}
    data = pack(
        entry("a", pax_headers=headers), entry("null", "character", devmajor=1, devminor=3), entry("b")
    )
    first, null, last = [member for member, _ in read(data)]
    assert first.attributes == (("security.capability", "\x01\x02"), ("user.a", "b"))
    assert (null.kind, null.content) == ("character", "1:3")
    assert last.attributes == ()


def test_content_that_nobody_reads_is_skipped() -> None:
    data = pack(entry("a", content=b"a" * 5000), entry("b", content=b"b" * 10))
    tar = TarReader(iter([data]))
    members = iter(tar)
    assert next(members).path == "a"
    assert tar.read(3) == b"aaa"
    assert next(members).path == "b"
    assert tar.digest() == hashlib.sha256(b"b" * 10).digest()
    assert tar.read() == b""
    assert next(members, None) is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("./", ""),
        ("./usr/a", "usr/a"),
        ("/usr/a", "usr/a"),
        ("usr//a/../b", "usr/b"),
        ("../../etc/shadow", "etc/shadow"),
        ("usr/.wh..wh..opq", "usr/.wh..wh..opq"),
        ("..a/b..", "..a/b.."),
        ("usr/", "usr"),
    ],
)
def test_a_path_has_one_form_and_stays_below_the_root(name: str, path: str) -> None:
    ((member, _),) = read(pack(entry(name, "folder")))
    assert member.path == path


def test_a_tar_without_its_end_marker_is_whole() -> None:
    assert len(read(pack(entry("a", content=b"1"))[:1024])) == 1


def test_a_global_header_has_no_effect() -> None:
    buffer = io.BytesIO()
    headers = {"path": "elsewhere"}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
        tar.addfile(tarfile.TarInfo("a"))
    assert [member.path for member, _ in read(buffer.getvalue())] == ["a"]


def with_type(data: bytes, kind: bytes) -> bytes:
    """The first header with another type, its checksum put right."""
    header = bytearray(data[:512])
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


PLAIN = pack(entry("a", content=b"1" * 600))
PAX = pack(entry("a", content=b"1", pax_headers={"user.x": "yyyy"}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PLAIN[:700], "cut"),
        (PLAIN[:300], "cut"),
        (b"\1" + PLAIN[1:], "checksum"),
        (b"no tar " * 200, "no number"),
        (with_type(PLAIN, b"S"), "sparse, or of type 'S'"),
        (with_type(PLAIN, b"Z"), "sparse, or of type 'Z'"),
        (pack(entry("a", pax_headers={"GNU.sparse.major": "1"})), "sparse"),
        (pack(entry("a", pax_headers={"size": "-1"})), "no number"),
        (pack(entry("a", pax_headers={"uid": "9" * 30})), "no number"),
        (PAX.replace(b" user.x=", b" user.x "), "damaged"),
        (PAX.replace(b"15 user.x=yyyy\n", b"00 user.x=yyyy\n"), "damaged"),
        (PAX.replace(b"15 user.x=yyyy\n", b" 5 user.x=yyyy\n"), "damaged"),
        (PAX.replace(b"15 user.x=yyyy\n", b"99 user.x=yyyy\n"), "damaged"),
        (pack(entry("a", pax_headers={"x": "y" * (1 << 20)})), "extended by"),
        (pack(entry(".", "file")), "the root, and no folder"),
    ],
)
def test_what_is_no_tar_or_none_of_an_engine_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(VerificationError, match=message):
        read(data)

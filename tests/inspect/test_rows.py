"""A layer is read once; what is kept of it is whole, of this format and of this layer, or made again."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from baseimages.errors import StorageError, VerificationError
from baseimages.inspect import open_layout, rows
from baseimages.inspect.layout import LayerBlob
from baseimages.inspect.rows import LayerRows, Row, find_rows, read_rows
from tests.inspect import test_layout
from tests.inspect.tars import entry, pack
from tests.inspect.test_layout import make_layout

FILES = pack(entry("usr", "folder"), entry("usr/b", content=b"2"), entry("usr/a", content=b"1"))


def make_layer(root: Path, tar: bytes = FILES, form: str = "+gzip") -> LayerBlob:
    (layer,) = open_layout(make_layout(root, [tar], form)).layers
    return layer


def paths_of(found: LayerRows) -> list[str]:
    return [row.path for row in found.rows(0)]


def only(found: LayerRows, path: str) -> Row:
    (row,) = (row for row in found.rows(0) if row.path == path and row.kind != "implied")
    return row


@pytest.mark.parametrize("form", ["+gzip", "+zstd", ""])
def test_rows_come_in_the_order_of_paths_whatever_packed_the_layer(tmp_path: Path, form: str) -> None:
    found = read_rows(make_layer(tmp_path, form=form))
    assert paths_of(found) == ["usr", "usr/a", "usr/b"]
    assert (found.entries, found.file_bytes, found.uncompressed_bytes) == (3, 2, len(FILES))


def test_a_folder_comes_right_before_what_is_in_it(tmp_path: Path) -> None:
    names = ("a", "a/b", "a-b", "a.b", "a/b/c")
    tar = pack(*(entry(name, "folder") for name in names))
    assert paths_of(read_rows(make_layer(tmp_path, tar))) == ["a", "a/b", "a/b/c", "a-b", "a.b"]


def test_zstd_layers_of_several_frames_are_read_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As layers that can be fetched in parts have them, with frames for the reader to pass over."""
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00" + b"toc!"

    def pack_in_frames(tar: bytes) -> bytes:
        compress = zstandard.ZstdCompressor().compress
        return compress(tar[:700]) + skipped + compress(tar[700:]) + skipped

    monkeypatch.setitem(test_layout.PACKERS, "+zstd", pack_in_frames)
    assert paths_of(read_rows(make_layer(tmp_path, form="+zstd"))) == ["usr", "usr/a", "usr/b"]


def test_a_known_layer_is_found_without_its_blob(tmp_path: Path) -> None:
    layer = make_layer(tmp_path)
    assert find_rows(layer) is None
    first = read_rows(layer)
    layer.path.unlink()
    second = find_rows(layer)
    assert second == first
    assert second is not None
    assert paths_of(second) == ["usr", "usr/a", "usr/b"]


def test_one_changed_byte_in_what_was_kept_makes_it_unknown(tmp_path: Path) -> None:
    layer = make_layer(tmp_path)
    kept = read_rows(layer).path
    data = bytearray(kept.read_bytes())
    data[-100] ^= 1
    kept.write_bytes(data)
    assert find_rows(layer) is None
    assert paths_of(read_rows(layer)) == ["usr", "usr/a", "usr/b"]
    assert find_rows(layer) is not None


@pytest.mark.parametrize("suffix", [".sqlite", ".sha256"])
def test_half_of_what_was_kept_is_nothing(tmp_path: Path, suffix: str) -> None:
    layer = make_layer(tmp_path)
    read_rows(layer).path.with_suffix(suffix).unlink()
    assert find_rows(layer) is None


def test_another_format_makes_every_layer_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make_layer(tmp_path)
    read_rows(layer)
    monkeypatch.setattr(rows, "FORMAT", rows.FORMAT + 1)
    assert find_rows(layer) is None


def test_a_known_layer_under_a_wrong_diff_id_is_read_and_refused(tmp_path: Path) -> None:
    layer = make_layer(tmp_path)
    read_rows(layer)
    wrong = replace(layer, diff_id="sha256:" + "0" * 64)
    assert find_rows(wrong) is None
    with pytest.raises(VerificationError, match="unpacks to"):
        read_rows(wrong)
    assert find_rows(layer) is not None


def test_what_was_not_used_for_a_month_is_removed_and_nothing_half_made_stays(
    tmp_path: Path, cache: Path
) -> None:
    old = read_rows(make_layer(tmp_path / "old", pack(entry("old")))).path
    used = read_rows(make_layer(tmp_path / "used")).path
    long_ago = time.time() - rows.UNUSED_S - 1
    for path in (old, old.with_suffix(".sha256")):
        os.utime(path, (long_ago, long_ago))
    new = read_rows(make_layer(tmp_path / "new", pack(entry("new")))).path
    assert set(cache.glob("*.sqlite")) == {used, new}
    assert list(cache.glob(".*")) == []


def test_a_layer_that_is_refused_leaves_nothing_behind(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(VerificationError):
        read_rows(make_layer(tmp_path, b"no tar " * 200))
    assert list(cache.iterdir()) == []


def test_rows_that_cannot_be_kept_are_a_storage_error(tmp_path: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="not kept"):
        read_rows(make_layer(tmp_path))


@pytest.mark.parametrize("form", ["+gzip", "+zstd"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_stream_is_refused(tmp_path: Path, form: str, cut: bool) -> None:
    tar = pack(entry("a", content=os.urandom(3000)), entry("b", content=b"b" * 90_000))
    layer = make_layer(tmp_path, tar, form)
    data = bytearray(layer.path.read_bytes())
    data = data[: len(data) // 2] if cut else data[:100] + bytes(60) + data[160:]
    layer.path.write_bytes(data)
    with pytest.raises(VerificationError):
        read_rows(layer)


def test_a_hard_link_carries_what_it_names_also_through_another_link(tmp_path: Path) -> None:
    tar = pack(
        entry("z", content=b"12345", mode=0o4755),
        entry("b", "hard link", "./z", mode=0o600),
        entry("a", "hard link", "b"),
    )
    found = read_rows(make_layer(tmp_path, tar))
    assert {(row.path, row.kind, row.mode, row.size_bytes, row.inode) for row in found.rows(0)} == {
        (name, "file", 0o4755, 5, 0) for name in "abz"
    }
    assert [row.path for row in found.rows(0) if row.is_first_name] == ["z"]
    assert found.file_bytes == 5


def test_a_hard_link_names_the_file_as_it_was_when_it_was_made(tmp_path: Path) -> None:
    tar = pack(entry("a", content=b"old"), entry("b", "hard link", "a"), entry("a", content=b"newer"))
    found = read_rows(make_layer(tmp_path, tar))
    assert only(found, "b").size_bytes == 3
    assert [(row.size_bytes, row.is_first_name) for row in found.rows(0) if row.path == "a"] == [
        (3, True),
        (5, True),
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [entry("b", "hard link", "a")],
        [entry("b", "hard link", "a"), entry("a", content=b"later")],
        [entry("a", "folder"), entry("b", "hard link", "a")],
        [entry("a", "hard link", "a")],
    ],
)
def test_a_hard_link_to_no_file_of_its_layer_is_refused(tmp_path: Path, entries: list[Any]) -> None:
    with pytest.raises(VerificationError, match="second name"):
        read_rows(make_layer(tmp_path, pack(*entries)))


@pytest.mark.parametrize("name", ["usr/.wh.", ".wh..", "usr/.wh..."])
def test_a_whiteout_that_names_nothing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(VerificationError, match="names nothing"):
        read_rows(make_layer(tmp_path, pack(entry(name))))


def test_folders_that_are_only_implied_are_rows_once(tmp_path: Path) -> None:
    tar = pack(entry("a/b/c"), entry("a/b/d"), entry("a/.wh..wh..opq"), entry(".wh..wh.plnk", "folder"))
    found = [(row.path, row.kind) for row in read_rows(make_layer(tmp_path, tar)).rows(0)]
    assert found == [
        ("a", "implied"),
        ("a", "opaque"),
        ("a/b", "implied"),
        ("a/b/c", "file"),
        ("a/b/d", "file"),
    ]


def test_names_that_are_no_text_come_back_as_they_were(tmp_path: Path) -> None:
    name = "usr/\udcff'\"; DROP\n"
    attributes = {"SCHILY.xattr.user.a": "\udcfe"}
    found = read_rows(make_layer(tmp_path, pack(entry(name, pax_headers=attributes))))
    assert only(found, name).attributes == r'[["user.a", "\udcfe"]]'

"""Two trees, file by file: each way of differing is found, and only what is allowed is excused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from baseimages.inspect import compare_layouts, open_layout
from baseimages.inspect.equality import (
    AllowedDifference,
    EqualityRecord,
    compare_trees,
    read_image,
    read_tar,
)
from tests.inspect.test_layout import make_layout

CONTENT = b"same"


def pack(**changes: object) -> io.BytesIO:
    """A tar of one file `etc/a` with attributes that `changes` override."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        content = changes.pop("content", CONTENT)
        assert isinstance(content, bytes)
        member = tarfile.TarInfo("./etc/a")
        member.size = len(content)
        for name, value in changes.items():
            setattr(member, name, value)
        tar.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


def compare(
    left: io.BytesIO, right: io.BytesIO, allowed: tuple[AllowedDifference, ...] = ()
) -> EqualityRecord:
    return compare_trees(read_tar(left), read_tar(right), allowed)


def test_equal_trees_have_no_difference_whatever_their_times() -> None:
    record = compare(pack(mtime=1), pack(mtime=2))
    assert (record.compared, record.differences) == (1, ())


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("content", {"content": b"other"}),
        ("mode", {"mode": 0o4755}),
        ("owner", {"uid": 7}),
        ("owner", {"gid": 7}),
        ("attributes", {"pax_headers": {"SCHILY.xattr.security.capability": "\x01"}}),
        ("type", {"type": tarfile.FIFOTYPE, "content": b""}),
    ],
)
def test_each_way_of_differing_is_told(kind: str, changes: dict[str, object]) -> None:
    (difference,) = compare(pack(), pack(**changes)).unexplained
    assert (difference.path, difference.kind) == ("etc/a", kind)


def test_a_path_of_one_side_only_is_told_with_its_side() -> None:
    found = compare(pack(name="left"), pack(name="./right/")).differences
    assert [(row.path, row.kind) for row in found] == [("left", "only left"), ("right", "only right")]


def test_an_allowed_difference_keeps_its_reason_and_is_no_failure() -> None:
    allowed = (AllowedDifference(pattern=r"etc/.", reason="why"),)
    record = compare(pack(), pack(mode=0o600), allowed)
    assert record.unexplained == ()
    assert record.differences[0].reason == "why"


def test_a_pattern_excuses_whole_paths_only() -> None:
    allowed = (AllowedDifference(pattern=r"etc", reason="why"),)
    assert compare(pack(), pack(mode=0o600), allowed).unexplained


def test_a_hard_link_counts_as_the_file_it_names() -> None:
    def pack_linked(first: str, second: str) -> io.BytesIO:
        stream = pack(name=first)
        with tarfile.open(fileobj=stream, mode="a") as tar:
            link = tarfile.TarInfo(second)
            link.type, link.linkname = tarfile.LNKTYPE, first
            tar.addfile(link)
        stream.seek(0)
        return stream

    assert compare(pack_linked("a", "b"), pack_linked("b", "a")).differences == ()


def test_two_images_are_compared_as_their_containers_see_them(tmp_path: Path) -> None:
    """One removes and rewrites in a layer above what the other never had."""
    layered = make_layout(
        tmp_path / "layered",
        [
            {"etc/a": b"old", "etc/gone": b"x", "cache/one": b"1", "cache/deep/two": b"2", "kept": b"k"},
            {"etc/a": b"new", "etc/.wh.gone": b"", "cache/.wh..wh..opq": b"", "cache/three": b"3"},
        ],
    )
    flat = make_layout(tmp_path / "flat", [{"etc/a": b"new", "kept": b"k", "cache/three": b"3"}])
    record = compare_layouts(open_layout(layered), open_layout(flat), ())
    assert record.differences == ()
    assert record.summary == "5 paths compared, equal; 0 differ for a listed reason"


def test_a_whiteout_takes_the_whole_folder_and_no_other_of_a_like_name(tmp_path: Path) -> None:
    layers = [{"opt/py/a": b"a", "opt/python/b": b"b"}, {"opt/.wh.py": b""}]
    tree = read_image(open_layout(make_layout(tmp_path, layers)))
    assert set(tree) == {"opt", "opt/python", "opt/python/b"}

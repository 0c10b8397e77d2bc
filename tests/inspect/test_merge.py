"""Layers over each other: what hides an entry, from which layer on, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.inspect import open_layout
from baseimages.inspect.equality import read_image
from baseimages.inspect.merge import Hide, follow, sort_rows
from baseimages.inspect.rows import read_rows
from tests.inspect.tars import entry, pack, put_files
from tests.inspect.test_layout import make_layout

Files = dict[str, bytes | None]


def follow_files(root: Path, *layers: Files | bytes) -> dict[tuple[str, int], Hide | None]:
    """The fate of every file by its path and layer."""
    tars = [layer if isinstance(layer, bytes) else put_files(layer) for layer in layers]
    layout = open_layout(make_layout(root, tars))
    fates = follow(sort_rows(read_rows(layer) for layer in layout.layers))
    return {(fate.row.path, fate.row.layer): fate.hidden for fate in fates if fate.row.kind == "file"}


D: Files = {"d": None, "d/a": b"1", "d/s": None, "d/s/b": b"2", "d-e": b"3"}


@pytest.mark.parametrize(
    ("upper", "hidden"),
    [
        ({"d": None}, {}),
        ({"d": None, "d/a": b"1"}, {"d/a": "metadata only"}),
        ({"d": None, "d/a": b"other"}, {"d/a": "rewritten"}),
        ({"d": None, "d/.wh.a": b""}, {"d/a": "deleted file"}),
        ({"d": None, "d/.wh.s": b""}, {"d/s/b": "deleted directory"}),
        ({".wh.d": b""}, {"d/a": "deleted directory", "d/s/b": "deleted directory"}),
        ({"d": None, "d/.wh..wh..opq": b""}, {"d/a": "opaque directory", "d/s/b": "opaque directory"}),
        ({".wh..wh..opq": b""}, dict.fromkeys(("d/a", "d/s/b", "d-e"), "opaque directory")),
        ({"d": b"now a file"}, {"d/a": "rewritten", "d/s/b": "rewritten"}),
        ({"d": None, "d/a": None, "d/a/x": b"now a folder"}, {"d/a": "rewritten"}),
        ({"d/a/x": b"implies a folder"}, {"d/a": "rewritten"}),
        ({"d": None, "d/.wh.absent": b"", "d/absent/.wh.too": b""}, {}),
        ({"d": None, "d/.wh.a": b"", "d/a": b"1"}, {"d/a": "metadata only"}),
        (
            {"d": None, "d/.wh..wh..opq": b"", "d/a": b"new"},
            {
                "d/a": "rewritten",
                "d/s/b": "opaque directory",
            },
        ),
        (
            {".wh.d": b"", "d": None, "d/s": None, "d/.wh.s": b""},
            {
                "d/a": "deleted directory",
                "d/s/b": "deleted directory",
            },
        ),
    ],
)
def test_each_cause_is_told(tmp_path: Path, upper: Files, hidden: dict[str, str]) -> None:
    fates = follow_files(tmp_path, D, upper)
    found = {path: hide.cause for (path, layer), hide in fates.items() if hide and layer == 0}
    assert found == hidden
    assert not [path for (path, layer), hide in fates.items() if hide and layer == 1]


def test_the_layer_that_hid_it_first_counts(tmp_path: Path) -> None:
    fates = follow_files(tmp_path, D, {"x": b""}, {"d": None, "d/a": b"2"}, {".wh.d": b""}, {"d": b""})
    assert fates["d/a", 0] == Hide(2, "rewritten")
    assert fates["d/a", 2] == Hide(3, "deleted directory")
    assert fates["d/s/b", 0] == Hide(3, "deleted directory")
    assert fates["d", 4] is None


def test_what_comes_again_above_a_whiteout_is_visible(tmp_path: Path) -> None:
    fates = follow_files(tmp_path, D, {".wh.d": b""}, D)
    assert {key: hide and hide.layer for key, hide in fates.items()} == {
        ("d/a", 0): 1,
        ("d/s/b", 0): 1,
        ("d-e", 0): 2,
        ("d/a", 2): None,
        ("d/s/b", 2): None,
        ("d-e", 2): None,
    }


def test_of_a_path_that_comes_twice_in_one_layer_the_later_counts(tmp_path: Path) -> None:
    fates = follow_files(tmp_path, pack(entry("a", content=b"1"), entry("a", "symlink", "x")), {"b": b""})
    assert fates["a", 0] == Hide(0, "rewritten")


def test_a_link_below_is_replaced_by_the_folder_that_an_entry_implies(tmp_path: Path) -> None:
    """As engines on overlayfs show it: they do not look below for links."""
    usr = pack(entry("usr/lib/a", content=b"1"), entry("lib", "symlink", "usr/lib"))
    layout = open_layout(make_layout(tmp_path, [usr, put_files({"lib/b": b"2"})]))
    tree = read_image(layout)
    assert {path: found.kind for path, found in tree.items()} == {
        "usr": "folder",
        "usr/lib": "folder",
        "usr/lib/a": "file",
        "lib": "folder",
        "lib/b": "file",
    }


def test_an_implied_folder_leaves_the_one_below_as_it_is(tmp_path: Path) -> None:
    lower = pack(entry("d", "folder", mode=0o1777), entry("d/a"))
    layout = open_layout(make_layout(tmp_path, [lower, put_files({"d/b": b""})]))
    assert read_image(layout)["d"].mode == 0o1777
    again = open_layout(
        make_layout(tmp_path / "2", [lower, put_files({".wh.d": b""}), put_files({"d/b": b""})])
    )
    assert read_image(again)["d"].mode == 0o755

"""Reclaimable bytes, duplicates and dive's number of layers whose answer can be told by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from baseimages.inspect import LayerIndex, Waste, index_layers, open_layout
from baseimages.inspect import waste as waste_module
from tests.inspect.tars import entry, pack, put_files
from tests.inspect.test_layout import make_layout

QUIET = Console(quiet=True)
Files = dict[str, bytes | None]
HUNDRED = b"x" * 100
BASE: Files = {"base": b""}
D: Files = {"d": None, "d/a": HUNDRED, "d/b": b"1"}


def index(root: Path, *layers: Files | bytes, base_layers: int = 1) -> LayerIndex:
    tars = [layer if isinstance(layer, bytes) else put_files(layer) for layer in layers]
    return index_layers(open_layout(make_layout(root, tars)), QUIET, base_layers=base_layers)


def waste_of(found: LayerIndex) -> Waste:
    """The waste, whose sums have to agree with the layers'."""
    assert found.waste is not None
    waste = found.waste
    assert waste.visible_bytes + waste.reclaimable_bytes == sum(layer.file_bytes for layer in found.layers)
    assert waste.reclaimable_bytes == sum(layer.reclaimable_bytes or 0 for layer in found.layers)
    assert sum(group.size_bytes for group in waste.groups) == waste.reclaimable_bytes
    return waste


def test_a_file_that_is_rewritten_with_the_same_content_is_lost_once(tmp_path: Path) -> None:
    found = index(tmp_path, BASE, {"a": HUNDRED}, {"a": HUNDRED})
    (group,) = waste_of(found).groups
    assert (group.cause, group.written_by, group.hidden_by, group.ours) == ("metadata only", 1, 2, True)
    assert (group.files, group.size_bytes, group.examples) == (1, 100, ("a",))
    assert [layer.reclaimable_bytes for layer in found.layers] == [0, 100, 0]


def test_what_the_base_wrote_is_not_ours_to_save(tmp_path: Path) -> None:
    waste = waste_of(index(tmp_path, {"a": HUNDRED}, {"b": b"12"}, {".wh.a": b"", ".wh.b": b""}))
    assert {(group.ours, group.size_bytes) for group in waste.groups} == {(False, 100), (True, 2)}
    assert (waste.reclaimable_bytes, waste.reclaimable_ours_bytes) == (102, 2)


def test_an_image_without_a_base_has_only_layers_of_ours(tmp_path: Path) -> None:
    found = index(tmp_path, {"a": HUNDRED}, {".wh.a": b""}, base_layers=0)
    assert waste_of(found).reclaimable_ours_bytes == 100
    assert "base" not in found.owners


def test_content_lives_until_the_last_of_its_names_is_gone(tmp_path: Path) -> None:
    names = pack(entry("a", content=HUNDRED), entry("b", "hard link", "a"), entry("d/c", "hard link", "a"))
    upper = [{".wh.a": b""}, {"b": b"new"}, {".wh.d": b""}]
    assert waste_of(index(tmp_path / "1", BASE, names, *upper[:2])).reclaimable_bytes == 0
    (group,) = waste_of(index(tmp_path / "2", BASE, names, *upper)).groups
    assert (group.cause, group.written_by, group.hidden_by) == ("deleted directory", 1, 4)
    assert (group.files, group.size_bytes, group.examples) == (1, 100, ("d/c",))


def test_groups_are_by_cause_and_pair_of_layers_the_heaviest_first(tmp_path: Path) -> None:
    many: Files = {"d": None} | {f"d/{n}": b"y" * n for n in range(1, 6)}
    waste = waste_of(index(tmp_path, BASE, many | {"a": HUNDRED}, {".wh.d": b"", ".wh.a": b""}))
    assert [(group.cause, group.files, group.size_bytes, group.examples) for group in waste.groups] == [
        ("deleted file", 1, 100, ("a",)),
        ("deleted directory", 5, 15, ("d/5", "d/4", "d/3")),
    ]


def test_groups_that_are_cut_are_counted_and_stay_in_the_totals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waste_module, "MOST_GROUPS", 1)
    found = index(tmp_path, BASE, {"a": HUNDRED}, {"a": b"1"}, {".wh.a": b""})
    assert found.waste is not None
    assert (len(found.waste.groups), found.waste.groups_left_out) == (1, 1)
    assert (found.waste.reclaimable_bytes, found.waste.reclaimable_ours_bytes) == (101, 101)


def test_duplicates_are_equal_contents_that_are_visible_and_no_hard_links(tmp_path: Path) -> None:
    copies = pack(
        entry("one", content=HUNDRED),
        entry("linked", "hard link", "one"),
        entry("two", content=HUNDRED),
        entry("hidden", content=HUNDRED),
        entry("empty1"),
        entry("empty2"),
        entry("x1", content=b"12"),
        entry("x2", content=b"12"),
        entry("alone", content=b"3"),
    )
    found = waste_of(index(tmp_path, BASE, copies, {".wh.hidden": b""})).duplicates
    assert (found.contents, found.extra_bytes) == (2, 102)
    assert [(row.size_bytes, row.copies, row.examples) for row in found.heaviest] == [
        (100, 2, ("linked", "two")),
        (2, 2, ("x1", "x2")),
    ]


@pytest.mark.parametrize(
    ("layers", "efficiency", "wasted", "user"),
    [
        # A file copied up by chmod: both copies are called waste (dive issue 684).
        ([{"a": HUNDRED}, {"a": HUNDRED}], 0.5, 200, 100),
        ([{"a": HUNDRED, "b": HUNDRED}, {".wh.a": b""}], 0.5, 100, 0),
        # A folder that becomes one whiteout is not seen: its path was never one with nothing below.
        ([{"d": None, "d/a": HUNDRED}, {".wh.d": b""}], 1.0, 0, 0),
        # But one that a layer named once more, empty, is.
        ([{"d": None, "d/a": HUNDRED}, {"d": None}, {".wh.d": b""}], 0.5, 100, 0),
        # A folder that no tar entry names weighs nothing when it goes.
        ([{"d/a": HUNDRED}, {"x": b"1"}, {".wh.d": b""}], 1.0, 0, 1),
        ([{"d": None, "d/a": HUNDRED}, {"d": None, "d/.wh..wh..opq": b""}], 1.0, 0, 0),
        ([{"a": HUNDRED}, {"a": b"1"}, {".wh.a": b""}], 0.0, 101, 1),
        ([{"a": HUNDRED}, {".wh.a": b""}, {"a": HUNDRED}], 0.0, 200, 100),
        # What was rewritten or removed before the folder went is not counted with it again.
        ([D, {"d": None, "d/.wh.a": b""}, {".wh.d": b""}], 2 / 102, 100, 0),
        ([{}, {"a": b"12"}], 1.0, 0, 2),
        ([{}], 1.0, 0, 0),
    ],
)
def test_dives_number_follows_its_algorithm(
    tmp_path: Path, layers: list[Files], efficiency: float, wasted: int, user: int
) -> None:
    dive = waste_of(index(tmp_path, *layers)).dive
    assert dive.efficiency == pytest.approx(efficiency)
    assert (dive.wasted_bytes, dive.user_bytes) == (wasted, user)


def test_a_hard_link_weighs_nothing_for_dive(tmp_path: Path) -> None:
    names = pack(entry("a", content=HUNDRED), entry("b", "hard link", "a"))
    assert waste_of(index(tmp_path, names, {".wh.b": b""})).dive.wasted_bytes == 0

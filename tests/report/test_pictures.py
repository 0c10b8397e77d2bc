"""Pictures say what their records say, to people who see them and to people who do not."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from baseimages.compare import Side, compare_sides
from baseimages.declare import Budget
from baseimages.inspect import LayerIndex
from baseimages.report.drawings import render_pictures
from baseimages.report.pictures import (
    Change,
    Point,
    Series,
    Tile,
    render_history,
    render_treemap,
    render_waterfall,
)
from baseimages.report.record import ImageReport
from baseimages.report.side import side_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</title><script>alert("x")</script>\n\x00&'


def boxes(picture: str) -> list[Element]:
    """Its rectangles but the ground."""
    return list(fromstring(picture).iter(f"{SVG}rect"))[1:]


def place(box: Element) -> tuple[float, ...]:
    return tuple(float(box.attrib[name]) for name in ("x", "y", "width", "height"))


def tile(group: str, label: str, size: float) -> Tile:
    return Tile(group=group, label=label, size=size, text=f"{size:g} MB")


def test_a_treemap_gives_each_tile_an_area_of_its_size() -> None:
    picture = render_treemap("t", "n", [tile("a", "a", 300), tile("b", "b", 100)])
    large, small = (width * height for _, _, width, height in map(place, boxes(picture)))
    assert large / small == pytest.approx(3, rel=0.03)


def test_tiles_of_a_treemap_lie_inside_it_and_never_over_each_other() -> None:
    tiles = [tile(f"g{n % 3}", f"p{n}", 1 + n * n) for n in range(30)]
    picture = render_treemap("t", "n", tiles)
    height = float(fromstring(picture).attrib["height"])
    found = [place(box) for box in boxes(picture)]
    assert all(x >= 0 and y >= 64 and x + w <= 900 and y + h <= height for x, y, w, h in found)
    for number, (x, y, w, h) in enumerate(found):
        for x2, y2, w2, h2 in found[number + 1 :]:
            apart = x + w <= x2 + 0.2 or x2 + w2 <= x + 0.2 or y + h <= y2 + 0.2 or y2 + h2 <= y + 0.2
            assert apart


def test_what_is_too_small_for_a_treemap_is_one_tile_that_says_how_many() -> None:
    tiles = [tile("a", "large", 10_000), *(tile("a", f"p{n}", 1) for n in range(9))]
    picture = render_treemap("t", "n", tiles)
    assert "9 smaller" in picture
    assert "p3" not in picture


def test_a_size_that_does_not_fit_is_left_out_instead_of_cut() -> None:
    tiles = [tile("a", "large", 1000), Tile(group="b", label="b", size=10, text="123456789.0 MB")]
    texts = [element.text for element in fromstring(render_treemap("t", "n", tiles)).iter(f"{SVG}text")]
    assert not any(text and text.startswith("1234") for text in texts)


def test_an_empty_treemap_is_still_a_picture() -> None:
    assert boxes(render_treemap("t", "n", [])) == []


def test_a_waterfall_ends_where_its_changes_lead() -> None:
    changes = [Change(label="a", amount=-30, text="-30"), Change(label="b", amount=10, text="+10")]
    first, *_, last = map(place, boxes(render_waterfall("t", "n", ("before", 100, "100"), changes, "80")))
    assert last[2] / first[2] == pytest.approx(0.8, rel=0.01)


def test_a_waterfall_shows_growth_and_shrinkage_by_more_than_colour() -> None:
    changes = [Change(label="a", amount=-30, text="-30"), Change(label="b", amount=10, text="+10")]
    picture = render_waterfall("t", "n", ("before", 100, "100"), changes, "80")
    kinds = [box.attrib["class"] for box in boxes(picture)]
    assert kinds == ["b", "d", "u", "b"]
    assert all(f">{change.text}<" in picture for change in changes)


def test_growth_by_owner_adds_up_with_small_changes_as_one_row(report: ImageReport) -> None:
    (part,) = report.targets

    def side(**owners: int) -> Side:
        layers = LayerIndex(manifest_digest=part.build.manifest_digest, layers=(), owners=owners)
        return side_of(part.model_copy(update={"layers": layers}), name="image", accelerator="cpu")

    before, after = side(torch=50_000_000, a=1), side(torch=10_000_000, a=400_001, b=200_000)
    delta = compare_sides(before, after, (), Budget(owners={}))
    beside = part.model_copy(update={"layers": after.layers, "before": delta})
    picture = render_pictures(report.model_copy(update={"targets": (beside,)}))["core-debian-13-before.svg"]
    assert "before: 50.0 MB" in picture
    assert "-40.0 MB" in picture
    assert "everything else: +0.6 MB" in picture
    assert "after: 10.6 MB" in picture


def test_a_history_joins_only_what_is_comparable_and_leaves_out_what_was_not_measured() -> None:
    points = (
        Point(revision="aaaaaaaaaaaa", value=2.0, text="2 s", host="x"),
        Point(revision="b", value=None, text="not measured", host="x"),
        Point(revision="c", value=1.0, text="1 s", host="x"),
        Point(revision="d", value=3.0, text="3 s", host="y"),
        Point(revision="e", value=3.0, text="3 s", host="y"),
    )
    root = fromstring(render_history("t", "n", [Series(label="cold", points=points)]))
    assert len(list(root.iter(f"{SVG}circle"))) == 4
    assert len([line for line in root.iter(f"{SVG}line") if line.attrib["class"] == "p"]) == 1


@pytest.mark.parametrize(
    "picture",
    [
        render_treemap(HOSTILE, HOSTILE, [Tile(group=HOSTILE, label=HOSTILE, size=1, text=HOSTILE)]),
        render_waterfall(
            HOSTILE, HOSTILE, (HOSTILE, 1, HOSTILE), [Change(label=HOSTILE, amount=1, text=HOSTILE)], HOSTILE
        ),
        render_history(
            HOSTILE,
            HOSTILE,
            [Series(label=HOSTILE, points=(Point(revision=HOSTILE, value=1, text=HOSTILE),))],
        ),
    ],
)
def test_names_in_pictures_are_text_whatever_they_hold(picture: str) -> None:
    root = fromstring(picture)
    assert not list(root.iter(f"{SVG}script"))
    summary = root.find(f"{SVG}desc")
    assert summary is not None
    assert "alert" in (summary.text or "")


def test_steps_on_the_critical_path_are_marked_by_a_sign_and_not_by_colour_alone(report: ImageReport) -> None:
    part = report.targets[0]
    chained = [
        step.model_copy(update={"id": str(number), "inputs": (str(number - 1),)})
        for number, step in enumerate(part.build.steps)
    ]
    alone = chained[0].model_copy(update={"id": "x", "inputs": (), "duration_s": 5.0, "started_s": 0.0})
    build = part.build.model_copy(update={"steps": (*chained, alone)})
    changed = report.model_copy(
        update={"targets": (part.model_copy(update={"build": build, "benchmark": None}),)}
    )
    picture = render_pictures(changed)["core-debian-13-steps.svg"]
    values = [element.text or "" for element in fromstring(picture).iter(f"{SVG}text")]
    assert {"60.0 s ●", "2.00 s ●", "5.00 s"} <= set(values)

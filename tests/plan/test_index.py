"""Plans joined by the index of their image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from baseimages.declare import Platform, load_family
from baseimages.plan import BuildPlan, IndexPlan, indexes_to_json, make_indexes, make_plan, render_indexes
from tests.plan.conftest import BASE, DOCKERFILE, FAMILY, REVISION

ONE = FAMILY[FAMILY.index("[images.one]") :]
TAG = "full-tiny-0123456789ab"
Join = Callable[[], tuple[IndexPlan, ...]]


@pytest.fixture
def join(checkout: Path) -> Join:
    """Three images: two of one index, the first of them cross-built, and one alone."""
    path = checkout / "images.toml"
    two = ONE.replace("one", "two").replace("arm64", "amd64")
    three = ONE.replace("one", "three")
    indexed = 'index = "both"\ncross_built = true\n'
    path.write_text(FAMILY + indexed + two + 'index = "both"\n' + three, encoding="utf-8")
    for name in ("two", "three"):
        (checkout / f"image_{name}").mkdir()
        (checkout / f"image_{name}" / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    family = load_family(path)

    def plan(variant: str) -> BuildPlan:
        return make_plan(
            family, variant=variant, target=None, base=BASE, host=Platform.AMD64, revision=REVISION,
            ca_bundle=None, root=checkout,
        )  # fmt: skip

    return lambda: make_indexes(family, [plan(variant) for variant in family.images])


def test_images_of_two_platforms_stand_under_their_friendly_name(join: Join) -> None:
    both = join()[0]
    assert both.name == "both"
    assert both.tags == ("both:full-tiny", f"both:{TAG}")
    assert [(member.platform, member.image) for member in both.members] == [
        ("linux/arm64", f"image_one:{TAG}"),
        ("linux/amd64", f"image_two:{TAG}"),
    ]


def test_each_image_says_what_it_is_built_on(join: Join) -> None:
    assert [member.built_on for member in join()[0].members] == ["linux/amd64", "linux/amd64"]


def test_an_image_of_no_index_stands_alone_under_its_own_name(join: Join) -> None:
    alone = join()[1]
    assert (alone.name, len(alone.members)) == ("image_three", 1)
    assert alone.tags[0] == "image_three:full-tiny"


def test_people_read_a_section_for_each_index_and_a_row_for_each_platform(join: Join) -> None:
    text = render_indexes(join())
    assert "## both\n\nTarget full on tiny: `both:full-tiny`, " in text
    assert f"| linux/amd64 | `image_two:{TAG}` | linux/amd64 |\n" in text
    assert text.count("\n## ") == 2


def test_scripts_read_every_field_of_the_indexes(join: Join) -> None:
    document = json.loads(indexes_to_json(join()))
    assert document["schema_version"] == 1
    assert [index["name"] for index in document["indexes"]] == ["both", "image_three"]
    assert document["indexes"][0]["members"][1] == {
        "platform": "linux/amd64",
        "image": f"image_two:{TAG}",
        "built_on": "linux/amd64",
    }

"""Bases that bring their own Python, are not built on yet, or cannot be had at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from baseimages.compat import list_combinations
from baseimages.declare import Family
from baseimages.errors import UsageError

ZERO = "sha256:" + "0" * 64
DECLARED: dict[str, Any] = {
    "bases": {
        "open": {"reference": "open:1", "digest": ZERO, "glibc": "2.35", "python": "3.10"},
        "later": {
            "reference": "later:1",
            "digest": ZERO,
            "glibc": "2.39",
            "python": "3.12",
            "not_built": "Nobody has its torch.",
        },
        "pinned": {"reference": "pinned:1", "digest": ZERO, "glibc": "2.39"},
    },
    "images": {
        "one": {
            "name": "image_one",
            "environment_version": "1.0.0",
            "platform": "linux/arm64",
            "accelerator": "tegra",
            "targets": ["core"],
            "default_target": "core",
            "bases": ["open", "later"],
            "without_base": {"target": "parts", "builders": ["pinned"]},
            "suite": "image_testing/test-one.sh",
            "tags": ["{target}-{base}"],
        }
    },
}
FAMILY = Family.model_validate(DECLARED)
IMAGE = FAMILY.image("one")


def declare(**changes: Any) -> Family:
    declared = copy.deepcopy(DECLARED)
    declared["images"]["one"] |= changes
    return Family.model_validate(declared)


def test_the_first_base_that_can_be_had_is_looked_for_among_those_that_are_built_on() -> None:
    assert FAMILY.built_bases(IMAGE, "auto") == ("open",)


def test_a_base_that_is_not_built_on_is_refused_with_its_reason() -> None:
    with pytest.raises(UsageError, match=r"nothing is built on later: Nobody has its torch\.") as refusal:
        FAMILY.built_bases(IMAGE, "later")
    assert refusal.value.next_step == "build on open"


def test_an_image_that_is_built_on_none_of_its_bases_is_no_image() -> None:
    with pytest.raises(ValidationError, match="is built on none of its bases"):
        declare(bases=["later"])


def test_an_unknown_builder_is_named_with_the_nearest_base() -> None:
    with pytest.raises(ValidationError, match=r"without_base\.builders names no base family; .*pinned"):
        declare(without_base={"target": "parts", "builders": ["pined"]})


def test_a_base_that_brings_its_python_allows_no_other_and_only_a_built_one_is_a_default() -> None:
    combinations = [(item.base, item.python, item.is_default) for item in list_combinations(FAMILY)]
    assert combinations == [("open", "3.10", True), ("later", "3.12", False)]


def test_the_target_that_needs_no_base_can_be_named_and_is_not_among_those_that_ship() -> None:
    assert IMAGE.target("parts") == "parts"
    assert IMAGE.targets == ("core",)
    with pytest.raises(UsageError, match="did you mean parts") as refusal:
        IMAGE.target("part")
    assert "core, parts" in refusal.value.next_step


def test_an_image_keeps_the_versions_of_the_one_that_it_follows_else_of_the_first_of_its_index() -> None:
    other = DECLARED["images"]["one"] | {"name": "image_two", "follows": "one"}
    declared = copy.deepcopy(DECLARED)
    declared["images"]["two"] = other
    family = Family.model_validate(declared)
    assert family.followed(family.image("two")).name == "image_one"
    assert family.followed(family.image("one")).name == "image_one"


def test_an_unknown_image_to_follow_is_named_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"images\.one\.follows names no variant; did you mean one\?"):
        declare(follows="on")

"""Baselines: built and compared like an image, and in no matrix of the family."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from baseimages.declare import Family, baseline_of, load_dockerfile, load_family
from baseimages.errors import DeclarationError, UsageError
from tests.conftest import ROOT
from tests.declare.test_family import SMALL

OF_ONE = SMALL[SMALL.index("[images.one]") :].replace("[images.one]", "[baselines.one]")
DECLARED = SMALL + OF_ONE.replace("image_one", "legacy_one")


@pytest.fixture(scope="module")
def family() -> Family:
    return load_family(ROOT / "images.toml")


def load(folder: Path, text: str) -> Family:
    path = folder / "images.toml"
    path.write_text(text, encoding="utf-8")
    return load_family(path)


def test_a_baseline_is_found_by_its_word_and_is_no_image_of_the_family(family: Family) -> None:
    baseline = family.image(baseline_of("cpu"))
    assert baseline is family.baselines["cpu"]
    assert baseline not in family.images.values()
    assert not [name for name in family.images if name.startswith("baseline")]


def test_a_word_near_a_baselines_is_answered_with_it(family: Family) -> None:
    with pytest.raises(UsageError, match="did you mean baseline-cpu\\?"):
        family.image("baseline-cpo")


def test_a_baseline_has_the_bases_targets_and_choices_of_its_image(family: Family) -> None:
    for variant, baseline in family.baselines.items():
        image = family.images[variant]
        assert (baseline.bases, baseline.targets) == (image.bases, image.targets)
        assert (baseline.optional, baseline.suite) == (image.optional, image.suite)
        assert baseline.pythons[0] == image.pythons[0]
        assert [*baseline.cuda][:1] == [*image.cuda][:1]
        assert baseline.tensorrt[:1] == image.tensorrt[:1]


def test_a_baseline_is_not_released_and_follows_nothing(family: Family) -> None:
    for baseline in family.baselines.values():
        assert (baseline.release_tag, baseline.index, baseline.follows) == (None, None, None)


def test_its_dockerfile_lies_where_the_declaration_says(tmp_path: Path, family: Family) -> None:
    assert family.image("baseline-cpu").dockerfile == "baseline/cpu/Dockerfile"
    assert load(tmp_path, DECLARED).image("baseline-one").dockerfile == "legacy_one/Dockerfile"


def test_the_defaults_of_its_dockerfile_are_the_first_that_are_declared(family: Family) -> None:
    for baseline in family.baselines.values():
        args = load_dockerfile(ROOT / baseline.dockerfile).values({})
        declared = {
            "PYTHON_VERSION": baseline.pythons,
            "CUDA": (*baseline.cuda,),
            "TENSORRT": baseline.tensorrt,
        }
        assert [name for name, words in declared.items() if words and args[name] != words[0]] == []


def test_it_states_the_environment_of_the_image_that_it_was(family: Family) -> None:
    for variant, baseline in family.baselines.items():
        text = (ROOT / baseline.dockerfile).read_text(encoding="utf-8")
        assert f"AI_ENV={family.images[variant].name}" in text
        assert f"AI_ENV_VER={baseline.environment_version}" in text
        assert f'image.title="{baseline.name}"' in text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "[baselines.one]",
            "[baselines.two]",
            "baselines.two is the baseline of no variant; use one of: one",
        ),
        ('"legacy_one"', '"image_one"', "two images have the same name"),
        ('bases = ["tiny"]', 'bases = ["tinny"]', "baselines.one.bases names no base family"),
        ("linux/amd64", "linux/arm64", "has not the platform and targets of its image"),
        ('targets = ["core"]', 'targets = ["core", "full"]', "has not the platform and targets"),
        ('name = "legacy_one"', 'name = "legacy_one"\nfolder = "../x"', "baselines.one.folder"),
    ],
)
def test_a_baseline_that_cannot_be_one_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    own = DECLARED[len(SMALL) :]
    assert old in own
    with pytest.raises(DeclarationError, match=told):
        load(tmp_path, SMALL + own.replace(old, new))


def test_the_sessions_of_nox_are_those_of_the_images_alone(family: Family) -> None:
    declared = tomllib.loads((ROOT / "images.toml").read_text(encoding="utf-8"))
    assert sorted(declared["images"]) == sorted(family.images)

"""images.toml as declared, and as it must not be."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from baseimages import __version__
from baseimages.declare import Family, Platform, load_dockerfile, load_family, render_schema
from baseimages.errors import DeclarationError, UsageError
from tests.conftest import ROOT

FAMILY = ROOT / "images.toml"
HOSTILE = ["-v/:/h", "cpu\n", "../", "x" * 5000, "\u0441\u0440u", ""]
SMALL = """
[bases.tiny]
reference = "tiny:1"
glibc = "2.39"
digest = "sha256:{digest}"
[images.one]
name = "image_one"
environment_version = "1.0.0"
platform = "linux/amd64"
accelerator = "cpu"
targets = ["core"]
default_target = "core"
bases = ["tiny"]
suite = "image_testing/test-one.sh"
tags = ["{{target}}-{{base}}"]
""".format(digest="0" * 64)


@pytest.fixture(scope="module")
def family() -> Family:
    return load_family(FAMILY)


def refuse(folder: Path, text: str) -> DeclarationError:
    path = folder / "images.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        load_family(path)
    return caught.value


def test_the_default_base_is_that_of_each_dockerfile(family: Family) -> None:
    for image in family.variants.values():
        values = load_dockerfile(ROOT / image.dockerfile).values({})
        base = family.base(image.bases[0])
        assert values["BASE_FAMILY"] == image.bases[0]
        assert values["BASE_IMAGE"] == f"{base.reference}@{base.digest}"


def test_every_target_is_a_stage_on_every_base(family: Family) -> None:
    for image in family.variants.values():
        dockerfile = load_dockerfile(ROOT / image.dockerfile)
        for base in image.bases:
            for target in image.targets:
                assert dockerfile.stages_of(target, {"BASE_FAMILY": base})[-1].name == target


def test_the_default_target_is_the_last_stage_so_that_a_plain_build_makes_it(
    family: Family,
) -> None:
    for image in family.variants.values():
        assert load_dockerfile(ROOT / image.dockerfile).stages[-1].name == image.default_target


def test_optional_parts_name_build_arguments_of_the_dockerfile(family: Family) -> None:
    for image in family.variants.values():
        values = load_dockerfile(ROOT / image.dockerfile).values({})
        for switch, url in image.optional.items():
            assert values[switch] == "1"
            assert values[url].startswith("https://")


def test_the_dockerfile_states_the_declared_environment_version(family: Family) -> None:
    for image in family.images.values():
        text = (ROOT / image.dockerfile).read_text(encoding="utf-8")
        assert f"AI_ENV={image.name}" in text
        assert f"AI_ENV_VER={image.environment_version}" in text
        assert f'org.opencontainers.image.version="{image.environment_version}"' in text


def test_suites_exist(family: Family) -> None:
    for image in family.variants.values():
        assert (ROOT / image.suite).is_file()


def test_a_family_without_registry_can_be_bootstrapped(family: Family) -> None:
    bootstrap = family.base("debian-13").bootstrap
    assert bootstrap is not None
    assert (bootstrap.suite, bootstrap.variant) == ("trixie", "minbase")
    assert "ca-certificates" in bootstrap.include


def test_no_word_for_the_target_means_the_default(family: Family) -> None:
    assert family.image("cpu").target(None) == "full"


def test_no_word_for_the_base_means_the_preferred_one(family: Family) -> None:
    assert family.image("cpu").base(None) == "ubuntu-24.04"


@pytest.mark.parametrize(
    ("kind", "word", "nearest"),
    [("variant", "cpus", "cpu"), ("target", "ful", "full"), ("base", "debian13", "debian-13")],
)
def test_an_unknown_word_is_answered_with_the_nearest(
    family: Family, kind: str, word: str, nearest: str
) -> None:
    image = family.image("cpu")
    look_up = {"variant": family.image, "target": image.target, "base": family.base}[kind]
    with pytest.raises(UsageError, match=f"did you mean {nearest}\\?"):
        look_up(word)


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_a_hostile_word_is_refused_in_one_short_line(family: Family, word: str) -> None:
    image = family.image("cpu")
    for look_up in (family.image, family.base, image.target, image.base):
        with pytest.raises(UsageError) as caught:
            look_up(word)
        assert len(caught.value.message) < 200
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("known", "typed", "key"),
    [
        ("default_target =", "defualt_target =", "images.one.defualt_target"),
        ("digest =", "digset =", "bases.tiny.digset"),
        ("[images.one]", "[imagse.one]", "imagse"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(
    tmp_path: Path, known: str, typed: str, key: str
) -> None:
    error = refuse(tmp_path, SMALL.replace(known, typed))
    assert error.message.endswith(f"images.toml: unknown key {key}")
    nearest = known.strip("[] =").partition(".")[0]
    assert error.next_step.startswith(f"did you mean {nearest}?")


def test_an_unknown_key_of_a_bootstrap_is_named(tmp_path: Path) -> None:
    table = 'bootstrap = { suite = "trixie", varaint = "minbase" }\n[images.one]'
    error = refuse(tmp_path, SMALL.replace("[images.one]", table))
    assert "unknown key bases.tiny.bootstrap.varaint" in error.message
    assert error.next_step.startswith("did you mean variant?")


@pytest.mark.parametrize(
    ("known", "typed"),
    [
        ('reference = "tiny:1"', 'reference = "-v/:/h"'),
        ('reference = "tiny:1"', 'reference = "tiny:1\\n"'),
        ("sha256:0", "sha256:g"),
        ('name = "image_one"', 'name = "../image_one"'),
        ('name = "image_one"', 'name = "im\u0430ge"'),
        ("linux/amd64", "linux/x86_64"),
        ('accelerator = "cpu"', 'accelerator = "tpu"'),
        ("image_testing/test-one.sh", "../../bin/sh"),
        ("image_testing/test-one.sh", "/bin/sh"),
        ("{target}-{base}", "{target.__class__}"),
        ('targets = ["core"]', "targets = []"),
        ('default_target = "core"', 'default_target = "full"'),
        ('bases = ["tiny"]', 'bases = ["tinny"]'),
        ("[images.one]", '[images."-v/:/h"]'),
    ],
)
def test_a_hostile_or_contradicting_value_is_refused(tmp_path: Path, known: str, typed: str) -> None:
    assert known in SMALL
    assert refuse(tmp_path, SMALL.replace(known, typed)).next_step


def test_no_image_has_the_word_for_all_of_them(tmp_path: Path) -> None:
    error = refuse(tmp_path, SMALL.replace("[images.one]", "[images.all]"))
    assert "the word for every image" in error.message


def test_a_base_that_may_give_torch_has_a_part_of_the_locks_more(tmp_path: Path) -> None:
    two = SMALL.replace('bases = ["tiny"]', 'bases = ["tiny", "old"]')
    two = two.replace("[images.one]", '[bases.old]\nreference = "old:1"\nglibc = "2.35"\ndigest = "sha256:'
                      + "0" * 64 + '"\n[images.one]')  # fmt: skip
    (tmp_path / "images.toml").write_text(two + 'torch_archives = ["old"]\n')
    image = load_family(tmp_path / "images.toml").image("one")
    assert image.lock_parts == ("tiny", "old", "old-archive")
    assert (image.torch_sources("tiny"), image.torch_sources("old")) == (("index",), ("index", "archive"))


def test_an_image_without_a_choice_has_no_source_of_torch(family: Family) -> None:
    assert family.image("cpu").torch_sources("debian-13") == ()


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    second = SMALL[SMALL.index("[images.one]") :].replace("[images.one]", "[images.two]")
    assert "same name" in refuse(tmp_path, SMALL + second).message


INDEXED = SMALL.replace("[images.one]", '[images.one]\nindex = "both"')
SECOND = INDEXED[INDEXED.index("[images.one]") :].replace("one", "two").replace("amd64", "arm64")


def test_images_of_one_index_are_known_by_its_name_and_follow_the_first(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_text(INDEXED + SECOND, encoding="utf-8")
    family = load_family(path)
    assert family.indexes == {"both": ("one", "two")}
    assert family.first_of_index(family.image("two")) is family.image("one")


def test_an_image_without_an_index_follows_itself(family: Family) -> None:
    gpu = family.image("gpu")
    assert gpu.index is None
    assert family.first_of_index(gpu) is gpu


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("arm64", "amd64", "for one platform"),
        ('targets = ["core"]', 'targets = ["core", "full"]', "not the same targets"),
        ('index = "both"', 'index = "image_one"', "has the name of an image"),
    ],
)
def test_an_index_that_cannot_be_one_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in SECOND
    assert told in refuse(tmp_path, INDEXED + SECOND.replace(old, new)).message


@pytest.mark.parametrize(
    ("machine", "platform"),
    [
        ("x86_64", "linux/amd64"),
        ("AMD64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("arm64", "linux/arm64"),
    ],
)
def test_a_machine_is_known_in_each_of_its_spellings(machine: str, platform: str) -> None:
    assert Platform.of_machine(machine).value == platform


def test_a_machine_of_no_image_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown machine 'riscv64'"):
        Platform.of_machine("riscv64")


def test_only_an_image_whose_dockerfile_names_the_builders_platform_is_declared_cross_built(
    family: Family,
) -> None:
    for image in family.variants.values():
        stages = load_dockerfile(ROOT / image.dockerfile).stages
        crossed = any("--platform=linux/${BUILD_ON}" in stage.flags for stage in stages)
        assert image.cross_built == crossed, image.name


def test_broken_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 1" in refuse(tmp_path, "bases = [}\n").message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DeclarationError, match="is not TOML"):
        load_family(path)


def test_a_missing_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="run from a checkout"):
        load_family(tmp_path / "images.toml")


def test_a_new_image_is_only_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    gpu = SMALL[SMALL.index("[images.one]") :].replace("one", "gpu").replace('"cpu"', '"cuda"')
    path.write_text(SMALL + gpu.replace("amd64", "arm64"), encoding="utf-8")
    image = load_family(path).image("gpu")
    assert (image.platform, image.accelerator) == ("linux/arm64", "cuda")


def test_the_package_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert __version__ == project["version"]


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "images.schema.json").read_text(encoding="utf-8") == render_schema(), "run `invoke schema`"


def test_editors_find_the_schema() -> None:
    assert FAMILY.read_text(encoding="utf-8").startswith("#:schema ./images.schema.json\n")


def test_the_schema_accepts_images_toml() -> None:
    schema = json.loads(render_schema())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(tomllib.loads(FAMILY.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("images", "cpu", "tagets"), []),
        (("images", "cpu", "name"), "../x"),
        (("bases", "debian-13", "digest"), "sha256:short"),
    ],
)
def test_the_schema_refuses_what_the_model_refuses(place: tuple[str, ...], value: Any) -> None:
    declared = tomllib.loads(FAMILY.read_text(encoding="utf-8"))
    table: dict[str, Any] = declared
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = value
    assert not Draft202012Validator(json.loads(render_schema())).is_valid(declared)


def test_every_key_is_described_for_editors() -> None:
    schema = json.loads(render_schema())
    for model in (schema, *schema["$defs"].values()):
        for key, member in model.get("properties", {}).items():
            assert member.get("description"), key


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ('images = ["won"]', "losses.images names no image; did you mean one?"),
        ('targets = ["cor"]', "losses.targets names no target; did you mean core?"),
    ],
)
def test_a_loss_of_what_is_not_declared_is_refused_with_the_nearest_word(
    row: str, cause: str, tmp_path: Path
) -> None:
    loss = f'[[losses]]\n{row}\naspect = "program"\nnames = ["nano"]\nwhy = "An editor."\n'
    assert cause in refuse(tmp_path, SMALL + loss).message

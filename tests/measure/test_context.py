"""Edits of a copied context: where they land, what is copied, and refusals."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from baseimages.build import BuildRecord
from baseimages.declare import Edit, Image, load_family
from baseimages.errors import DeclarationError, MeasurementError, UsageError
from baseimages.measure.context import check_edits, edit_plan
from baseimages.measure.scenario import choose_scenario, edit_scenario, find_edit, list_scenarios
from baseimages.plan import BuildPlan
from baseimages.report import load_reports
from tests.conftest import ROOT

DOCKERFILE = """\
ARG FILE_URL=https://example.org/other
FROM tiny:1 AS base
ARG PART
ADD --checksum=sha256:00 ${FILE_URL} /file
RUN --mount=type=bind,source=scripts/list.txt,target=/list \\
    --mount=type=bind,from=other,source=/secret,target=/s \\
    --mount=type=cache,target=/cache cat /list
ADD --checksum=sha256:00 https://example.org/file /file
COPY --from=base /x /y
COPY more/a.txt more/b.txt /dest/
"""
APPEND = Edit(file="scripts/entrypoint.sh", append="# edited {edit}")


def add(plan: BuildPlan, name: str, text: str) -> None:
    path = plan.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_the_copy_has_every_source_of_the_dockerfile_and_nothing_else(
    plan: BuildPlan, tmp_path: Path
) -> None:
    add(plan, plan.dockerfile, DOCKERFILE)
    for name in ("scripts/list.txt", "more/a.txt", "more/b.txt", "secret/s", "reports/r"):
        add(plan, name, name)
    edited = edit_plan(plan, edit_scenario("x", APPEND), tmp_path / "copy", "7")
    assert files(edited.root) == {
        ".dockerignore", "image_one/Dockerfile", "scripts/entrypoint.sh", "scripts/list.txt",
        "more/a.txt", "more/b.txt",
    }  # fmt: skip


@pytest.mark.parametrize("source", [".", "${PART}/file", "*.txt"])
def test_a_source_that_may_be_anything_brings_everything_but_hidden_files(
    plan: BuildPlan, tmp_path: Path, source: str
) -> None:
    add(plan, plan.dockerfile, f"FROM tiny:1\nCOPY {source} /\n")
    add(plan, ".git/config", "x")
    copied = files(edit_plan(plan, edit_scenario("x", APPEND), tmp_path / "copy", "7").root)
    assert "secret.txt" in copied
    assert not [name for name in copied if name.startswith(".git/")]


def test_an_appended_line_is_new_in_every_run_and_the_checkout_stays(plan: BuildPlan, tmp_path: Path) -> None:
    before = (plan.root / APPEND.file).read_text()
    texts = [
        (edit_plan(plan, edit_scenario("x", APPEND), tmp_path / word, word).root / APPEND.file).read_text()
        for word in ("1", "2")
    ]
    assert texts == [f"{before}# edited 1\n", f"{before}# edited 2\n"]
    assert (plan.root / APPEND.file).read_text() == before


def test_a_pattern_replaces_its_first_match(plan: BuildPlan, tmp_path: Path) -> None:
    add(plan, "scripts/list", "a\n  curl\n  curl\n")
    edit = Edit(file="scripts/list", pattern=r"^(  curl)$", replace=r"\1 tree # {edit}")
    copy = edit_plan(plan, edit_scenario("x", edit), tmp_path / "copy", "7").root
    assert (copy / "scripts/list").read_text() == "a\n  curl tree # 7\n  curl\n"


def test_two_edits_of_one_file_are_both_made(plan: BuildPlan, tmp_path: Path) -> None:
    edits = (APPEND, Edit(file=APPEND.file, append="# more {edit}"))
    copy = edit_plan(plan, edit_scenario("x", *edits), tmp_path / "copy", "7").root
    assert (copy / APPEND.file).read_text().endswith("# edited 7\n# more 7\n")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit(file="scripts/none.sh", append="{edit}"), "has no scripts/none.sh to edit"),
        (Edit(file=APPEND.file, pattern="nowhere", replace="{edit}"), "nowhere in scripts/entrypoint.sh"),
        (Edit(file="scripts", append="{edit}"),
         "has no scripts to edit"),
    ],
)  # fmt: skip
def test_an_edit_without_its_place_is_known_before_anything_runs(
    plan: BuildPlan, tmp_path: Path, edit: Edit, said: str
) -> None:
    scenario = edit_scenario("x", edit)
    assert said in check_edits(plan, scenario)
    with pytest.raises(MeasurementError, match=r"scenarios of images\.toml"):
        edit_plan(plan, scenario, tmp_path / "copy", "7")


@pytest.mark.parametrize(
    "words",
    [
        {"append": "no new word"},
        {"append": "{edit}", "pattern": "x", "replace": "{edit}"},
        {"pattern": "x"},
        {"replace": "{edit}"},
        {"pattern": "(", "replace": "{edit}"},
        {},
    ],
)
def test_an_edit_that_means_nothing_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Edit(file="scripts/x", **words)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "-x", ".git/config"])
def test_an_edit_stays_inside_the_checkout(path: str) -> None:
    with pytest.raises(ValidationError):
        Edit(file=path, append="{edit}")


def real_images() -> list[tuple[str, str]]:
    images = load_family(ROOT / "images.toml").variants
    return [(variant, target) for variant, image in images.items() for target in image.targets]


@pytest.mark.parametrize(("variant", "target"), real_images())
def test_every_edit_of_the_family_finds_its_place_in_every_image(
    plan: BuildPlan, variant: str, target: str
) -> None:
    image = load_family(ROOT / "images.toml").image(variant)
    own = dataclasses.replace(plan, root=ROOT, dockerfile=image.dockerfile, image_name=image.name)
    edits = [each for each in list_scenarios(image, target).values() if each.edits]
    assert {each.name for each in edits} >= {"edit-script", "edit-pin", "edit-apt", "edit-entrypoint"}
    assert {each.name: check_edits(own, each) for each in edits if check_edits(own, each)} == {}


def declare(**scenarios: object) -> Image:
    image = load_family(ROOT / "images.toml").image("cpu")
    return Image.model_validate(image.model_dump() | {"scenarios": scenarios})


def test_images_toml_adds_scenarios_and_takes_the_place_of_the_familys() -> None:
    edits = [{"file": "baseline/Dockerfile", "append": "# {edit}"}]
    image = declare(
        **{"edit-pin": {"edits": edits, "reaches": ["pip install"]}, "edit-npm": {"edits": edits}}
    )
    found = list_scenarios(image, "full")
    assert found["edit-pin"].edits[0].file == "baseline/Dockerfile"
    assert found["edit-pin"].reaches == ("pip install",)
    assert found["edit-npm"].reaches == (r"baseline/Dockerfile",)


def test_a_scenario_for_one_target_leaves_the_other_as_it_is() -> None:
    edits = [{"file": "x/y", "append": "# {edit}"}]
    image = declare(**{"edit-pin": {"edits": edits, "targets": ["full"]}})
    assert list_scenarios(image, "full")["edit-pin"].edits[0].file == "x/y"
    assert list_scenarios(image, "core")["edit-pin"].edits[0].file.endswith("requirements-core.txt")


def test_what_has_a_fixed_meaning_gets_no_edits() -> None:
    image = declare(cold={"edits": [{"file": "x/y", "append": "{edit}"}]})
    with pytest.raises(DeclarationError, match="cold"):
        list_scenarios(image, "full")


def test_an_unknown_scenario_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="edit-pin"):
        choose_scenario(list_scenarios(declare(), "full"), "edit-pim")


def test_the_edit_of_a_single_benchmark_is_the_images_own() -> None:
    edits = [{"file": "x/start.sh", "append": "# {edit}"}]
    edit = find_edit(declare(**{"edit-entrypoint": {"edits": edits}}), "core")
    assert (edit.name, edit.edits[0].file) == ("edit", "x/start.sh")


def recorded_builds() -> list[BuildRecord]:
    """Builds of committed reports, whose steps have the names that BuildKit gives them."""
    parts = [part for report in load_reports(ROOT) for part in report.targets]
    return [part.build for part in parts if part.build.target != "parts"]


@pytest.mark.parametrize("build", recorded_builds(), ids=lambda each: f"{each.variant}-{each.target}")
def test_every_edit_of_the_family_reaches_a_step_of_every_recorded_build(build: BuildRecord) -> None:
    image = load_family(ROOT / "images.toml").image(build.variant)
    names = [step.name for step in build.steps if step.is_instruction]
    lost = [
        scenario.name
        for scenario in list_scenarios(image, build.target).values()
        if scenario.edits and not any(re.search(w, name) for w in scenario.reaches for name in names)
    ]
    assert lost == []

"""What went into two arms: which differences refuse a comparison, and which two recipes may have."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from baseimages.errors import MeasurementError
from baseimages.measure.inputs import describe_arm, refuse_other_inputs
from baseimages.plan import BuildPlan


def other_checkout(plan: BuildPlan, tmp_path: Path, **files: str) -> BuildPlan:
    root = tmp_path / "other"
    for name, text in ({"image_one/Dockerfile": "FROM tiny:1 AS core\n"} | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return dataclasses.replace(plan, root=root)


def test_one_recipe_with_other_locks_is_refused_and_two_recipes_may_have_them(
    plan: BuildPlan, tmp_path: Path
) -> None:
    other = other_checkout(plan, tmp_path, **{"image_one/requirements.txt": "numpy==2\n"})
    with pytest.raises(MeasurementError, match="lock files"):
        refuse_other_inputs(describe_arm(other), describe_arm(plan))
    refuse_other_inputs(describe_arm(dataclasses.replace(other, image_name="legacy")), describe_arm(plan))


def test_two_recipes_that_name_another_day_of_the_archive_are_refused(
    plan: BuildPlan, tmp_path: Path
) -> None:
    text = "ARG SNAPSHOT_DATE={}\nARG TORCH_INDEX_URL=https://example.org/cpu\nFROM tiny:1 AS core\n"
    (plan.root / plan.dockerfile).write_text(text.format("20260101"), encoding="utf-8")
    changed = {"image_one/Dockerfile": text.format("20260102")}
    other = dataclasses.replace(other_checkout(plan, tmp_path, **changed), image_name="legacy")
    with pytest.raises(MeasurementError, match="SNAPSHOT_DATE: 20260102 against 20260101"):
        refuse_other_inputs(describe_arm(other), describe_arm(plan))
    same = dataclasses.replace(other, build_args=(("SNAPSHOT_DATE", "20260101"),))
    refuse_other_inputs(describe_arm(same), describe_arm(plan))

"""The before/after: an image beside its baseline, the recipe that it replaces, where both are built here."""

from __future__ import annotations

from pathlib import Path

from baseimages.compare import TargetDelta, compare_sides
from baseimages.declare import Family, baseline_of
from baseimages.report.record import ImageReport, TargetReport, collect_report, find_part, has_builds
from baseimages.report.side import side_of


def collect_reports(root: Path, family: Family, variant: str) -> tuple[ImageReport, ...]:
    """The report of an image; before it that of its baseline, which it is compared with.

    Raises RecordError when the image is not built.
    """
    report = collect_report(root, family.image(variant), variant)
    name = baseline_of(variant)
    if name not in family.variants or not has_builds(root, family.image(name)):
        return (report,)
    before = collect_report(root, family.image(name), name)
    targets = tuple(_add_before(part, before, family) for part in report.targets)
    return before, report.model_copy(update={"targets": targets})


def _add_before(part: TargetReport, before: ImageReport, family: Family) -> TargetReport:
    old = find_part([before], part.build.target, part.build.base.family)
    return part if old is None else part.model_copy(update={"before": _compare(old, part, family)})


def _compare(old: TargetReport, new: TargetReport, family: Family) -> TargetDelta:
    sides = []
    for part in (old, new):
        build, accelerator = part.build, family.image(part.build.variant).accelerator
        name = f"{build.image_name}@{build.revision[:12]}:{build.target}-{build.base.family}"
        sides.append(side_of(part, name=name, accelerator=accelerator))
    budget = family.image(new.build.variant).budget(new.build.target)
    return compare_sides(sides[0], sides[1], family.losses, budget)

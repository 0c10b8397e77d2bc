"""The before/after: an image beside its baseline, the recipe that it replaces, where both are built here."""

from __future__ import annotations

from pathlib import Path

from baseimages.compare import Side, compare_sides
from baseimages.declare import Family, baseline_of
from baseimages.report.record import ImageReport, TargetReport, collect_report, find_part, has_builds
from baseimages.report.side import side_of


def collect_reports(root: Path, family: Family, variant: str) -> tuple[ImageReport, ...]:
    """The report of an image; before it that of its baseline, which it is compared with.

    A baseline of another revision has other locks and another entrypoint, so it is none. Raises
    RecordError when the image is not built.
    """
    report = collect_report(root, family.image(variant), variant)
    name = baseline_of(variant)
    if name not in family.variants or not has_builds(root, family.image(name)):
        return (report,)
    before = collect_report(root, family.image(name), name)
    if before.revision != report.revision:
        return (report,)
    targets = tuple(_add_before(part, before, family) for part in report.targets)
    return before, report.model_copy(update={"targets": targets})


def _add_before(part: TargetReport, before: ImageReport, family: Family) -> TargetReport:
    old = find_part([before], part.build.target, part.build.base.family)
    if old is None:
        return part
    budget = family.image(part.build.variant).budget(part.build.target)
    baseline, candidate = (_side(each, before.folder_name, family) for each in (old, part))
    delta = compare_sides(baseline, candidate, family.losses, budget)
    return part.model_copy(update={"before": delta})


def _side(part: TargetReport, revision: str, family: Family) -> Side:
    build = part.build
    name = f"{build.image_name}@{revision}:{build.target}-{build.base.family}"
    return side_of(part, name=name, accelerator=family.image(build.variant).accelerator)

"""Committed records of images that were built and whose suite passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from baseimages.command import Runner
from baseimages.compat.combination import Combination
from baseimages.declare import Family, Image
from baseimages.records import load_record
from baseimages.report import ImageReport

GIT_DEADLINE_S = 30.0
SAME, OTHER = 0, 1


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One tested image; `same_locks` is None where git does not know its revision."""

    image_name: str
    choices: tuple[str | None, ...]
    revision: str
    digest: str
    checks: int
    same_locks: bool | None

    def proves(self, combination: Combination) -> bool:
        """Whether it is this very combination."""
        chosen = (combination.base, combination.python, combination.cuda, combination.tensorrt)
        return (self.image_name, self.choices) == (combination.image.name, chosen)


def collect_evidence(root: Path, family: Family, runner: Runner) -> tuple[Evidence, ...]:
    """Every committed record whose suite passed on the published target, newest first.

    Raises RecordError for a damaged record.
    """
    paths = sorted((root / "reports").glob("*/*/record.json"))
    reports = [load_record(path, ImageReport, made_by="nox -s report") for path in paths]
    reports.sort(key=lambda report: max(part.build.started_at for part in report.targets), reverse=True)
    images = {image.name: image for image in family.images.values()}
    return tuple(
        evidence
        for report in reports
        if report.image_name in images
        for evidence in _read_report(root, report, images[report.image_name], runner)
    )


def _read_report(root: Path, report: ImageReport, image: Image, runner: Runner) -> Iterator[Evidence]:
    passed = [
        part
        for part in report.targets
        if part.suite and part.suite.count("passed") and not part.suite.count("failed")
        if part.build.target == image.default_target and not part.build.dirty
    ]
    same_locks = _compare_locks(root, image, report.revision, runner) if passed else None
    for part in passed:
        arguments = part.build.build_args
        yield Evidence(
            image_name=image.name,
            choices=(
                part.build.base.family,
                arguments.get("PYTHON_VERSION", image.pythons[0]),
                arguments.get("CUDA", next(iter(image.cuda), None)),
                arguments.get("TENSORRT", next(iter(image.tensorrt), None)),
            ),
            revision=report.revision,
            digest=part.build.manifest_digest,
            checks=part.suite.count("passed") if part.suite else 0,
            same_locks=same_locks,
        )


def _compare_locks(root: Path, image: Image, revision: str, runner: Runner) -> bool | None:
    locks = f"{image.name}/requirements*"
    argv = ("git", "--no-optional-locks", "-C", str(root), "diff", "--quiet", revision, "--", locks)
    code = runner.run(argv, deadline_s=GIT_DEADLINE_S, ok_codes=None, echo=False).returncode
    return {SAME: True, OTHER: False}.get(code)

"""Committed records of images that were built and whose suite passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from baseimages.command import Runner
from baseimages.compat.combination import Combination
from baseimages.declare import Family, History, Image, load_dockerfile, parse_dockerfile
from baseimages.report import ImageReport, load_reports

BOOTSTRAPPED = "bootstrapped"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One tested image; what was not compared with today is None.

    `emulated` names the processor that its suite ran as, empty for a real one.
    """

    image_name: str
    choices: tuple[str | None, ...]
    revision: str
    digest: str
    passed: int
    skipped: int
    emulated: str
    is_bootstrapped: bool
    left_out: tuple[str, ...]
    same_locks: bool | None
    same_recipe: bool | None

    def proves(self, combination: Combination) -> bool:
        """Whether it is this very combination."""
        chosen = (combination.python, combination.cuda, combination.tensorrt, combination.torch)
        return (self.image_name, self.choices) == (combination.image.name, (combination.base, *chosen))


def collect_evidence(root: Path, family: Family, runner: Runner) -> tuple[Evidence, ...]:
    """Every committed record whose suite passed on the published target, newest first.

    Raises RecordError for a damaged record.
    """
    images = {image.name: image for image in family.images.values()}
    return tuple(
        evidence
        for report in load_reports(root)
        if report.image_name in images
        for evidence in _read_report(root, report, images[report.image_name], runner)
    )


def _read_report(root: Path, report: ImageReport, image: Image, runner: Runner) -> Iterator[Evidence]:
    passed = [
        (part.build, part.suite)
        for part in report.targets
        if part.suite and part.suite.count("passed") and not part.suite.count("failed")
        if part.build.target == image.default_target and not part.build.dirty
    ]
    if not passed:
        return
    history = History(root=root, runner=runner)
    defaults = _read_defaults(history, image, report.revision)
    same_locks = history.is_same(report.revision, f"{image.name}/requirements*")
    recipe = (image.dockerfile, f"{image.name}/wheels.toml", "scripts")
    same_recipe = history.is_same(report.revision, *recipe)
    for build, suite in passed:
        arguments = {**defaults, **build.build_args}
        chosen = (arguments.get(name) for name in ("PYTHON_VERSION", "CUDA", "TENSORRT"))
        # From before there was a choice of torch it is the one that is the default now.
        torch = arguments.get("TORCH") or next(iter(image.torch_sources(build.base.family)), None)
        yield Evidence(
            image_name=image.name,
            choices=(build.base.family, *chosen, torch),
            revision=report.revision,
            digest=build.manifest_digest,
            passed=suite.count("passed"),
            skipped=suite.count("skipped"),
            emulated=suite.emulated,
            is_bootstrapped=build.base.origin == BOOTSTRAPPED,
            left_out=_left_out(image.optional, arguments),
            same_locks=same_locks,
            same_recipe=same_recipe,
        )


def _read_defaults(history: History, image: Image, revision: str) -> Mapping[str, str]:
    """Defaults of the build arguments then; today's where git does not know the revision.

    Nothing is proven by such a record, but its row names it.
    """
    text = history.read(revision, image.dockerfile)
    if text is None:
        return load_dockerfile(history.root / image.dockerfile).values({})
    return parse_dockerfile(text, Path(image.dockerfile)).values({})


def _left_out(optional: Iterable[str], arguments: Mapping[str, str]) -> tuple[str, ...]:
    """Parts that a build argument left out, as that argument."""
    return tuple(f"{name}=0" for name in optional if arguments.get(name) == "0")

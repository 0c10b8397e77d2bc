"""Which image a person means in a comparison: `PLACE[:TARGET[-BASE]]`.

PLACE is the path of a report (its folder or its record.json), `IMAGE@REVISION` for a committed report
(the revision's first digits will do), or `IMAGE` for what is built in this checkout. IMAGE is a variant
or a repository name. Without a target each one is meant that the place has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baseimages.declare import Family, Image, quote_word, unknown_word
from baseimages.errors import RecordError, UsageError
from baseimages.records import load_record
from baseimages.report.record import RECORD, ImageReport, TargetReport, collect_parts, load_reports

WORDS = "write reports/IMAGE/REVISION, IMAGE@REVISION or IMAGE, each with :TARGET or :TARGET-BASE behind it"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One image that a person named, by target and base, such as core-debian-13."""

    place: str
    part: TargetReport

    @property
    def name(self) -> str:
        """Target and base, as the words of a person name them."""
        return f"{self.part.build.target}-{self.part.build.base.family}"

    @property
    def title(self) -> str:
        """Place, target and base; a person can type it again."""
        return f"{self.place}:{self.name}"


def read_choice(root: Path, family: Family, word: str) -> tuple[Choice, ...]:
    """The images that a word names, at least one.

    Raises UsageError for a word that names nothing, with what is there; RecordError for a damaged record.
    """
    place, sign, target = word.rpartition(":")
    place, target = (place, target) if sign and "/" not in target else (word, "")
    found = _find_parts(root, family, place)
    chosen = tuple(c for c in found if target in ("", c.name, c.part.build.target))
    if not chosen:
        raise unknown_word(f"target of {quote_word(place)}", target, [c.name for c in found])
    return chosen


def pair_up(baseline: tuple[Choice, ...], candidate: tuple[Choice, ...]) -> list[tuple[Choice, Choice]]:
    """What is compared with what: the same target on the same base, else the same target, else the
    one image of each side. Raises UsageError where nothing goes together, with what both have.
    """
    by_name = _match({c.name: c for c in baseline}, {c.name: c for c in candidate})
    by_target = _match(
        {c.part.build.target: c for c in baseline}, {c.part.build.target: c for c in candidate}
    )
    if by_name or by_target:
        return by_name or by_target
    if len(baseline) == len(candidate) == 1:
        return [(baseline[0], candidate[0])]
    told = " and ".join(", ".join(c.title for c in side) for side in (baseline, candidate))
    raise UsageError(f"no target is on both sides: {told}", next_step="name one target of each with :TARGET")


def _match(olds: dict[str, Choice], news: dict[str, Choice]) -> list[tuple[Choice, Choice]]:
    return [(olds[name], news[name]) for name in olds if name in news]


def _find_parts(root: Path, family: Family, place: str) -> tuple[Choice, ...]:
    path = root / place
    if path.exists() and place and (path.is_file() or (path / RECORD).exists()):
        record = load_record(path if path.is_file() else path / RECORD, ImageReport, made_by="nox -s report")
        return _choose(f"{record.image_name}@{record.folder_name}", record.targets)
    name, sign, revision = place.partition("@")
    image, variant = _find_image(family, name, root)
    if sign:
        return _choose_report(root, image, revision)
    return _choose(variant, tuple(collect_parts(root, image, variant)))


def _choose(place: str, parts: tuple[TargetReport, ...]) -> tuple[Choice, ...]:
    return tuple(Choice(place=place, part=part) for part in parts)


def _choose_report(root: Path, image: Image, revision: str) -> tuple[Choice, ...]:
    reports = load_reports(root, image.name)
    fitting = [report for report in reports if revision and report.folder_name.startswith(revision)]
    if len(fitting) != 1:
        there = ", ".join(report.folder_name for report in reports) or "none"
        raise RecordError(
            f"{len(fitting)} reports of {image.name} are of revision {quote_word(revision)}",
            next_step=f"name one of those there are: {there}",
        )
    return _choose(f"{image.name}@{fitting[0].folder_name}", fitting[0].targets)


def _find_image(family: Family, name: str, root: Path) -> tuple[Image, str]:
    variants = {image.name: variant for variant, image in family.variants.items()}
    variant = variants.get(name, name)
    try:
        return family.image(variant), variant
    except UsageError as error:
        there = ", ".join(f"{report.image_name}@{report.folder_name}" for report in load_reports(root))
        step = f"{error.next_step}; reports: {there or 'none'}; {WORDS}"
        raise UsageError(error.message, next_step=step) from error

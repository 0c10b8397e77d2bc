"""Packages that the images of one index do not have in common, with their reason or without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from baseimages.compat.finding import Finding
from baseimages.compat.record import DifferenceRow
from baseimages.declare import Family
from baseimages.declare.compatibility import Compatibility, Difference
from baseimages.declare.locks import parse_versions
from baseimages.errors import DeclarationError

CODE, TITLE = "CM203", "images of one index have the same packages, or a reason"


def find_differences(root: Path, family: Family, knowledge: Compatibility) -> tuple[DifferenceRow, ...]:
    """One row for each package that an image has and the first of its index has not, or the other way.

    Raises DeclarationError for a reason that explains nothing.
    """
    rows: list[DifferenceRow] = []
    for index, (first, *others) in family.indexes.items():
        usual = _list_packages(root, family, knowledge, first)
        for variant in others:
            own = _list_packages(root, family, knowledge, variant)
            rows += [
                _explain(index, variant, package, first if package in usual else variant, knowledge)
                for package in sorted(own ^ usual)
            ]
    _check_reasons(rows, knowledge.differences)
    return tuple(rows)


def check_differences(rows: Iterable[DifferenceRow]) -> Iterator[Finding]:
    """A finding for each row without a reason."""
    for row in rows:
        if not row.why:
            message = f"of the index {row.index} only {row.only_in} has {row.package}"
            step = "add it to both, or add a [[differences]] with the reason to compatibility.toml"
            yield Finding(code=CODE, package=row.package, message=message, next_step=step)


def _list_packages(root: Path, family: Family, knowledge: Compatibility, variant: str) -> set[str]:
    """What its locks pin and what its bases take from their archive."""
    image = family.image(variant)
    names = {name for entry in knowledge.archive if entry.image == variant for name in entry.packages}
    for path in (root / image.name).glob("requirements*.txt"):
        names |= parse_versions(path.read_text(encoding="utf-8")).keys()
    return names


def _explain(index: str, variant: str, package: str, only_in: str, knowledge: Compatibility) -> DifferenceRow:
    row = DifferenceRow(index=index, image=variant, package=package, only_in=only_in)
    found = next((entry for entry in knowledge.differences if _fits(entry, row)), None)
    told = {"why": found.why, "link": found.link, "review": found.review} if found else {}
    return row.model_copy(update=told)


def _check_reasons(rows: Iterable[DifferenceRow], reasons: Iterable[Difference]) -> None:
    found = {(row.image, row.package) for row in rows}
    for reason in reasons:
        for package in reason.packages:
            if (reason.image, package) not in found:
                raise DeclarationError(
                    f"compatibility.toml: the difference of {reason.image} in {package} is none",
                    next_step="remove it there: both images have the package, or neither has",
                )


def _fits(reason: Difference, row: DifferenceRow) -> bool:
    return reason.image == row.image and row.package in reason.packages

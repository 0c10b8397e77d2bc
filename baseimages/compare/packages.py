"""Packages of two SBOMs: what came, what went, what moved, and in which direction.

A package is its PURL without version; it may be there in several versions. Which of two is newer is
told by the rules of its kind, where those are known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict
from univers.version_range import RANGE_CLASS_BY_SCHEMES
from univers.versions import InvalidVersion

from baseimages.inspect import split_package, type_of_package

Direction = Literal["added", "removed", "up", "down", "changed"]


class PackageChange(BaseModel):
    """One package and its versions on both sides; "changed" is a move without a known direction."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    package: str
    direction: Direction
    baseline: tuple[str, ...]
    candidate: tuple[str, ...]


def diff_packages(baseline: Iterable[str], candidate: Iterable[str]) -> tuple[PackageChange, ...]:
    """Compare two lists of PURLs. Raises ScanError for a text that is none."""
    old, new = _by_package(baseline), _by_package(candidate)
    return tuple(
        PackageChange(
            package=package,
            direction=_tell_direction(type_of_package(package), old[package], new[package]),
            baseline=tuple(sorted(old[package])),
            candidate=tuple(sorted(new[package])),
        )
        for package in sorted(old.keys() | new.keys())
        if old[package] != new[package]
    )


def is_newer(kind: str, version: str, other: str) -> bool | None:
    """Whether a version is newer than another, by the rules of its PURL type; None where nobody knows."""
    scheme = RANGE_CLASS_BY_SCHEMES.get(kind)
    try:
        rule = scheme.version_class if scheme else None
        return bool(rule(version) > rule(other)) if rule else None
    except InvalidVersion:
        return None


def _by_package(purls: Iterable[str]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for purl in purls:
        package, version = split_package(purl)
        found[package].add(version)
    return found


def _tell_direction(kind: str, old: set[str], new: set[str]) -> Direction:
    if not old or not new:
        return "added" if new else "removed"
    if len(old) > 1 or len(new) > 1:
        return "changed"
    newer = is_newer(kind, *new, *old)
    if newer is None:
        return "changed"
    return "up" if newer else "down"

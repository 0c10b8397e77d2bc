"""Family drift: one package at different versions in different locks, with its reason or without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from baseimages.compat.finding import Finding
from baseimages.compat.record import DriftRow
from baseimages.declare import Family
from baseimages.declare.compatibility import Archive, Compatibility, Drift
from baseimages.declare.locks import parse_versions
from baseimages.errors import DeclarationError

CODE, TITLE = "CM201", "a package has one version in all locks and archives, or a reason"


def find_drift(root: Path, family: Family, knowledge: Compatibility) -> tuple[DriftRow, ...]:
    """One row for each package that drifts, by name.

    Raises DeclarationError for a reason that explains nothing.
    """
    rows = tuple(
        _explain(name, versions, knowledge.drift)
        for name, versions in sorted(_list_versions(root, family, knowledge.archive).items())
        if len(set(versions.values())) > 1
    )
    _check_reasons(rows, knowledge.drift)
    return rows


def check_drift(rows: Iterable[DriftRow]) -> Iterator[Finding]:
    """A finding for each row without a reason."""
    for row in rows:
        if not row.why:
            told = ", ".join(f"{version} in {lock}" for lock, version in row.versions.items())
            step = "lock one version, or add a [[drift]] with the reason to compatibility.toml"
            message = f"{row.package} drifts: {told}"
            yield Finding(code=CODE, package=row.package, message=message, next_step=step)


def _check_reasons(rows: Iterable[DriftRow], reasons: Iterable[Drift]) -> None:
    drifting = {row.package: row.versions for row in rows}
    for reason in reasons:
        for name in reason.packages:
            if not _fits(reason, name, drifting.get(name, {})):
                raise DeclarationError(
                    f"compatibility.toml: the drift reason for {name} explains nothing",
                    next_step="remove it there: it has one version in all locks, or another reason",
                )


def _list_versions(root: Path, family: Family, archive: Iterable[Archive]) -> dict[str, dict[str, str]]:
    """Package -> lock -> version, over the locks of all images and what archives give."""
    versions: dict[str, dict[str, str]] = defaultdict(dict)
    for image in family.images.values():
        for path in sorted((root / image.name).glob("requirements*.txt")):
            for name, version in parse_versions(path.read_text(encoding="utf-8")).items():
                versions[name][path.relative_to(root).as_posix()] = version
    for entry in archive:
        for name, version in entry.packages.items():
            versions[name][f"{family.image(entry.image).name} {entry.base} (archive)"] = version
    return versions


def _explain(name: str, versions: dict[str, str], reasons: Iterable[Drift]) -> DriftRow:
    """The reasons that together cover the locks which differ from the others."""
    fitting = [reason for reason in reasons if _fits(reason, name, versions)]
    covered = {lock for reason in fitting for lock in reason.locks}
    rest = {version for lock, version in versions.items() if lock not in covered}
    if not fitting or len(rest) > 1:
        return DriftRow(package=name, versions=versions)
    why = " ".join(reason.why for reason in fitting)
    return DriftRow(package=name, versions=versions, why=why, review=min(r.review for r in fitting))


def _fits(reason: Drift, name: str, versions: Mapping[str, str]) -> bool:
    return name in reason.packages and not versions.keys().isdisjoint(reason.locks)

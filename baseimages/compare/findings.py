"""Findings of two scans: introduced, fixed, and those that stay.

A finding is its kind, its id, the package without version, and the path: none of them changes with
the image's digest, its name or a version that does not cure it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from baseimages.inspect import Finding, ScanRecord

Key: TypeAlias = tuple[str, ...]
CRITICAL = "CRITICAL"


class FindingsDelta(BaseModel):
    """What the candidate introduces, what it fixes, and how many stay, for one kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str
    introduced: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    stay: int


def is_grave(finding: Finding) -> bool:
    """Whether no candidate may introduce it: a secret, or something critical."""
    return finding.kind == "secret" or finding.severity == CRITICAL


def diff_findings(kind: str, baseline: ScanRecord, candidate: ScanRecord) -> FindingsDelta:
    """Compare the findings of one kind; of those that are told more than once the count is compared."""
    name = _choose_key(baseline, candidate)
    old, new = ([f for f in scan.findings if f.kind == kind] for scan in (baseline, candidate))
    introduced = _without(new, old, name)
    return FindingsDelta(
        kind=kind,
        introduced=introduced,
        fixed=_without(old, new, name),
        stay=len(new) - len(introduced),
    )


def _without(
    found: list[Finding], other: list[Finding], name: Callable[[Finding], Key]
) -> tuple[Finding, ...]:
    there, left = Counter(map(name, other)), []
    for finding in found:
        there[name(finding)] -= 1
        if there[name(finding)] < 0:
            left.append(finding)
    return tuple(left)


def _choose_key(*scans: ScanRecord) -> Callable[[Finding], Key]:
    # Records from before packages and paths were kept tell the place in one word only.
    if all(f.package or f.path for scan in scans for f in scan.findings):
        return lambda f: (f.kind, f.id, f.package, f.path)
    return lambda f: (f.kind, f.id, f.where)

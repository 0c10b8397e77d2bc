"""Changes of the contract: what a build on the candidate meets that a build on the baseline did not.

What is gone or means another thing is breaking, what is new is minor, the rest is a patch. Versions
of Python packages are read as semantic versions, which few of them promise to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict

from baseimages.compare.side import Side
from baseimages.compare.verdict import Level
from baseimages.inspect import AbilitiesRecord, ContractRecord, ElfRecord

# Variables that hold folders: one more is no loss.
LISTS_OF_FOLDERS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
# Names the build itself; it is another one each time.
VERSION_VARIABLES = ("AI_ENV_VER",)
# From here on the first number of a version is a year.
FIRST_YEAR = 1990
SINGULAR = {"codecs": "codec", "encoders": "encoder", "decoders": "decoder", "protocols": "protocol",
            "filters": "filter"}  # fmt: skip
Found: TypeAlias = "Iterator[Change]"


class Change(BaseModel):
    """One promise that changed; empty is what is not there. `reason` says why a loss is right."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    aspect: str
    name: str
    baseline: str
    candidate: str
    level: Level
    reason: str = ""

    @property
    def breaks(self) -> bool:
        """Whether it is breaking and nothing declared allows it."""
        return self.level == Level.BREAKING and not self.reason


def diff_contracts(baseline: Side, candidate: Side) -> tuple[Change, ...] | None:
    """All changes, the breaking ones first; None where either contract was not read."""
    if baseline.contract is None or candidate.contract is None:
        return None
    found = [*_diff_records(baseline.contract, candidate.contract)]
    if baseline.elf and candidate.elf:
        found += _diff_glibc(baseline.elf, candidate.elf)
    return _sort(found)


def diff_abilities(
    baseline: AbilitiesRecord | None, candidate: AbilitiesRecord | None
) -> tuple[Change, ...] | None:
    """What can be encoded, decoded, reached, filtered and imported; None where either was not asked."""
    if baseline is None or candidate is None or baseline.note or candidate.note:
        return None
    found = [*_diff_names("import", baseline.imports, candidate.imports)]
    for listed, aspect in SINGULAR.items():
        found += _diff_names(aspect, baseline.ffmpeg.get(listed, ()), candidate.ffmpeg.get(listed, ()))
    return _sort(found)


def _sort(changes: Iterable[Change]) -> tuple[Change, ...]:
    order = (Level.BREAKING, Level.MINOR, Level.PATCH)
    return tuple(sorted(changes, key=lambda c: (order.index(c.level), c.aspect, c.name)))


def _diff_records(old: ContractRecord, new: ContractRecord) -> Found:
    for aspect in ("user", "workdir"):
        yield from _diff_words(aspect, getattr(old, aspect), getattr(new, aspect))
    for aspect in ("entrypoint", "command"):
        yield from _diff_words(aspect, " ".join(getattr(old, aspect)), " ".join(getattr(new, aspect)))
    for aspect, field in (("port", "ports"), ("volume", "volumes"), ("program", "programs"),
                          ("soname", "sonames"), ("python abi", "python_abis")):  # fmt: skip
        yield from _diff_names(aspect, getattr(old, field), getattr(new, field))
    yield from _diff_values("environment", old.environment, new.environment)
    yield from _diff_values("label", old.labels, new.labels)
    packages = [{name: ", ".join(vs) for name, vs in record.python_packages.items()} for record in (old, new)]
    yield from _diff_values("python package", *packages)


def _diff_words(aspect: str, old: str, new: str) -> Found:
    if old != new:
        yield Change(aspect=aspect, name=aspect, baseline=old, candidate=new, level=Level.BREAKING)


def _diff_names(aspect: str, old: Iterable[str], new: Iterable[str]) -> Found:
    yield from _diff_values(aspect, dict.fromkeys(old, "there"), dict.fromkeys(new, "there"))


def _diff_values(aspect: str, old: Mapping[str, str], new: Mapping[str, str]) -> Found:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield Change(
                aspect=aspect,
                name=name,
                baseline=before or "",
                candidate=after or "",
                level=_judge(aspect, name, before, after),
            )


def _judge(aspect: str, name: str, before: str | None, after: str | None) -> Level:
    if before is None or after is None:
        return Level.MINOR if before is None else Level.BREAKING
    if aspect == "python package":
        return judge_versions(before, after)
    if aspect == "label" or name in VERSION_VARIABLES:
        return Level.PATCH
    keeps = name in LISTS_OF_FOLDERS and set(before.split(":")) <= set(after.split(":"))
    return Level.MINOR if keeps else Level.BREAKING


def judge_versions(before: str, after: str) -> Level:
    """What the step from one version of a Python package to another means; a step back breaks.

    Where the first number is a year it promises nothing, so its step is a minor one.
    """
    try:
        old, new = Version(before), Version(after)
    except InvalidVersion:
        return Level.MINOR
    if new < old:
        return Level.BREAKING
    if new.major != old.major:
        return Level.MINOR if old.major >= FIRST_YEAR else Level.BREAKING
    return Level.MINOR if new.minor != old.minor else Level.PATCH


def _diff_glibc(old: ElfRecord, new: ElfRecord) -> Found:
    """The C library, which programs that are added need, and what the image's Python packages need."""
    if old.glibc != new.glibc:
        level = Level.MINOR if _read(new.glibc) > _read(old.glibc) else Level.BREAKING
        yield Change(aspect="glibc", name="version", baseline=old.glibc, candidate=new.glibc, level=level)
    if old.glibc_needed != new.glibc_needed:
        yield Change(
            aspect="glibc",
            name="needed by Python packages",
            baseline=old.glibc_needed,
            candidate=new.glibc_needed,
            level=Level.PATCH,
        )


def _read(version: str) -> tuple[int, ...]:
    return tuple(int(word) for word in version.split(".") if word.isdigit())

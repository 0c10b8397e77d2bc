"""Which packages of an image are needed, judged from evidence, and what the others weigh.

Evidence, the strongest first: a person's judgement with its reason (necessity.toml); a file of it that
the suite's containers opened; dpkg's word that it is essential; a promise of the image; a package in
use that requires it; Python code in use that imports it. A package without any is dead only where
opening was measured: else it is not measured. `dead` is about the suites that ran, and no more.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.declare.names import suggest_name
from baseimages.declare.necessity import FILE_NAME, Inclusion
from baseimages.errors import DeclarationError
from baseimages.inspect.inventory import Inventory, OwnedFile
from baseimages.inspect.packages import Package
from baseimages.inspect.requirers import Requirers
from baseimages.inspect.trace import TraceRecord, spell
from baseimages.records import Record

Need = Literal["runtime", "build-only", "optional", "dead", "not measured"]
NEEDS: tuple[Need, ...] = ("runtime", "optional", "build-only", "dead", "not measured")
# Opened by who asks which packages there are, or at every start of Python: no use of the package.
METADATA = re.compile(
    r"/var/lib/dpkg/|.*\.dist-info/|.*/(?:site|dist)-packages/[^/]+\.pth$|/usr/share/doc/", re.S
)
UNUSED = "nothing opened it, nothing in use requires it"
LISTED_PATHS = 30
# A folder is listed by itself when it holds this share of the image's bytes, in a light class less.
LISTED_SHARE = 1 / 500
LARGE_CLASS = 25
NAMED_OWNERS = 3


class PackageVerdict(BaseModel):
    """One package. `opened_bytes` are those of its files that the suite's containers opened, None where
    that was not measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    version: str
    need: Need
    why: str
    asked_for: bool
    size_bytes: int
    opened_bytes: int | None


class InclusionVerdict(BaseModel):
    """A judged inclusion. `freed_bytes` would go with it: its own, and what came along for it alone;
    `opened` is whether the suite opened anything of that, None where it was not measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    need: Need
    reason: str
    packages: tuple[str, ...]
    opened: bool | None
    size_bytes: int
    freed_bytes: int


class PathWeight(BaseModel):
    """Bytes that nothing opened, at and below a path, without those that rows further down have."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    need: Need
    path: str
    files: int
    size_bytes: int
    owners: tuple[str, ...]


class AuditRecord(Record):
    """Every package of an image with its class; their bytes add up to `file_bytes`, those of all files
    that a container sees, each content counted once.

    `trace_reason` says why opening was not measured, and is empty where it was. `unopened` are the
    heaviest paths of each class, `unopened_rest_bytes` what is on none of them.
    """

    manifest_digest: str
    file_bytes: int
    trace_reason: str
    containers: int
    passed: int
    failed: int
    skipped: int
    opened_files: int | None
    packages: tuple[PackageVerdict, ...]
    inclusions: tuple[InclusionVerdict, ...]
    unopened: tuple[PathWeight, ...]
    unopened_rest_bytes: int

    def of_need(self, need: Need) -> tuple[PackageVerdict, ...]:
        """Packages of a class, the heaviest first."""
        return tuple(package for package in self.packages if package.need == need)

    def opened_bytes(self, need: Need) -> int | None:
        """Bytes of a class that were opened; None where that was not measured."""
        return None if self.trace_reason else sum(p.opened_bytes or 0 for p in self.of_need(need))


@dataclass(frozen=True, kw_only=True)
class Promised:
    """What an image promises by name, and the modules that its suite imports itself."""

    commands: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


@dataclass
class _Case:
    """What grows while packages are judged."""

    inventory: Inventory
    requirers: Requirers
    opened: Mapping[str, int]
    shared: frozenset[str]
    measured: bool
    verdicts: dict[str, tuple[Need, str]] = field(default_factory=dict)

    def judge(self, package: str, need: Need, why: str) -> None:
        """The first judgement of a package stands."""
        if package in self.inventory.packages:
            self.verdicts.setdefault(package, (need, why))

    def of_need(self, need: Need) -> set[str]:
        return {package for package, (found, _) in self.verdicts.items() if found == need}


def audit_packages(
    inventory: Inventory, trace: TraceRecord, promised: Promised, inclusions: tuple[Inclusion, ...]
) -> AuditRecord:
    """Judge every package; `inclusions` name packages of the image only (`check_inclusions`)."""
    opened = frozenset(trace.opened)
    used = [file for file in inventory.files if _is_used(file, opened)]
    # A package for who compiles has a link to each library: that one was opened tells nothing of it.
    shared = {name for file in used for name in file.shared_by if not inventory.packages[name].for_building}
    case = _Case(
        inventory, Requirers(inventory.packages), _sum_by_owner(used), frozenset(shared), not trace.reason
    )
    _judge_declared(case, inclusions)
    _judge_used(case, promised)
    _judge_required(case)
    _judge_imported(case)
    _judge_rest(case)
    return _make_record(case, trace, inclusions, used)


def check_inclusions(inclusions: tuple[Inclusion, ...], inventory: Inventory) -> None:
    """Raise DeclarationError for a row that names what is not in the image."""
    for row in inclusions:
        for package in row.packages:
            if package not in inventory.packages:
                kind = package.partition(":")[0]
                known = (name for name in inventory.packages if name.startswith(f"{kind}:"))
                raise DeclarationError(
                    f"{FILE_NAME}: {row.name}: the image has no {package}",
                    next_step=suggest_name(package, known),
                )


def _is_used(file: OwnedFile, opened: frozenset[str]) -> bool:
    return any(spell(name) in opened and not METADATA.match(name) for name in file.names)


def _sum_by_owner(files: Iterable[OwnedFile]) -> Counter[str]:
    """Bytes by owner; an owner of empty files only is in it with 0."""
    total: Counter[str] = Counter()
    for file in files:
        total[file.owner] += file.size_bytes
    return total


def _judge_declared(case: _Case, inclusions: tuple[Inclusion, ...]) -> None:
    """What a person judged, and what came along for that alone."""
    for row in inclusions:
        for package in row.packages:
            case.judge(package, row.need, row.name)
    special = {package for row in inclusions if row.need != "runtime" for package in row.packages}
    for row in inclusions:
        if row.need != "runtime":
            for package in sorted(case.requirers.list_only_for(special, row.packages)):
                case.judge(package, row.need, f"comes with {row.name}")


def _judge_used(case: _Case, promised: Promised) -> None:
    """What was opened, what dpkg keeps, what is promised."""
    for package in case.opened:
        case.judge(package, "runtime", "opened by the suite")
    for package in sorted(case.shared):
        case.judge(package, "runtime", "it links to, or lists too, a file that was opened")
    for essential in (p for p in case.inventory.packages.values() if p.essential):
        case.judge(essential.id, "runtime", "essential, says dpkg")
    for command in promised.commands:
        case.judge(case.inventory.commands.get(command, ""), "runtime", f"promised: command {command}")
    modules = case.inventory.modules()
    for module in promised.modules:
        for package in modules.get(module.partition(".")[0], ()):
            case.judge(package, "runtime", f"promised: import {module}")


def _judge_required(case: _Case) -> None:
    """What a package of a class requires is of that class: the strongest class counts."""
    for need in ("runtime", "optional", "build-only"):
        for package, by in case.requirers.follow(case.of_need(need)):
            case.judge(package, need, f"required by {by}")


def _judge_imported(case: _Case) -> None:
    """What Python code in use imports, if it is there."""
    modules, used = case.inventory.modules(), set(case.verdicts)
    importers: dict[str, set[str]] = {}
    for file in case.inventory.files:
        if file.owner in used:
            for name in file.imports & modules.keys():
                for package in modules[name] - {file.owner}:
                    importers.setdefault(package, set()).add(file.owner)
    for package, found in sorted(importers.items()):
        names = ", ".join(sorted(found)[:NAMED_OWNERS])
        case.judge(package, "optional", f"imported where it is there, by {names}")


def _judge_rest(case: _Case) -> None:
    for package in case.inventory.packages.values():
        if package.for_building:
            case.judge(package.id, "build-only", "of a section for who compiles")
        elif not case.measured:
            case.judge(package.id, "not measured", "what is opened was not watched")
        else:
            case.judge(package.id, "dead", f"{_origin(package)}; {UNUSED}")


def _origin(package: Package) -> str:
    if package.id.startswith(("part:", "folder:")):
        return "of no package"
    return "asked for by name" if package.asked_for else "came along"


def _make_record(
    case: _Case, trace: TraceRecord, inclusions: tuple[Inclusion, ...], used: list[OwnedFile]
) -> AuditRecord:
    sizes = _sum_by_owner(case.inventory.files)
    is_used = {file.names for file in used}
    unopened = [file for file in case.inventory.files if file.names not in is_used and not trace.reason]
    weights = tuple(_weigh(case, unopened))
    return AuditRecord(
        manifest_digest=case.inventory.manifest_digest,
        file_bytes=case.inventory.size_bytes,
        trace_reason=trace.reason,
        containers=trace.containers,
        passed=trace.passed,
        failed=trace.failed,
        skipped=trace.skipped,
        opened_files=None if trace.reason else len(used),
        packages=tuple(_list_packages(case, sizes)),
        inclusions=tuple(_judge_inclusion(case, row, sizes) for row in inclusions),
        unopened=weights,
        unopened_rest_bytes=sum(f.size_bytes for f in unopened) - sum(row.size_bytes for row in weights),
    )


def _list_packages(case: _Case, sizes: Counter[str]) -> Iterator[PackageVerdict]:
    for name in sorted(case.verdicts, key=lambda name: (-sizes[name], name)):
        package, (need, why) = case.inventory.packages[name], case.verdicts[name]
        yield PackageVerdict(
            id=spell(name),
            version=package.version,
            need=need,
            why=why,
            asked_for=package.asked_for,
            size_bytes=sizes[name],
            opened_bytes=case.opened.get(name, 0) if case.measured else None,
        )


def _judge_inclusion(case: _Case, row: Inclusion, sizes: Counter[str]) -> InclusionVerdict:
    freed = case.requirers.list_only_for(row.packages, row.packages) | set(row.packages)
    return InclusionVerdict(
        name=row.name,
        need=row.need,
        reason=row.reason,
        packages=row.packages,
        opened=any(package in case.opened for package in freed) if case.measured else None,
        size_bytes=sum(sizes[package] for package in row.packages),
        freed_bytes=sum(sizes[package] for package in freed),
    )


def _weigh(case: _Case, files: list[OwnedFile]) -> Iterator[PathWeight]:
    """The heaviest paths among files, for each class by itself."""
    for need in NEEDS:
        own = [file for file in files if case.verdicts[file.owner][0] == need]
        least = min(case.inventory.size_bytes, sum(f.size_bytes for f in own) * LARGE_CLASS) * LISTED_SHARE
        rows = [_describe(need, path, found) for path, found in find_heavy_paths(own, int(least) + 1)]
        yield from sorted(rows, key=lambda row: (-row.size_bytes, row.path))[:LISTED_PATHS]


def _describe(need: Need, path: str, files: list[OwnedFile]) -> PathWeight:
    owners = _sum_by_owner(files).most_common(NAMED_OWNERS)
    return PathWeight(
        need=need,
        path=spell(path),
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        owners=tuple(spell(owner) for owner, _ in owners),
    )


def find_heavy_paths(files: Iterable[OwnedFile], least_bytes: int) -> Iterator[tuple[str, list[OwnedFile]]]:
    """Paths that hold `least_bytes` or more beside what heavy paths below them hold, deepest first.

    Each file is below one of them at most, so rows can be added (hierarchical heavy hitters, Cormode
    et al., VLDB 2003, with exact counts).
    """
    below: dict[str, list[OwnedFile]] = {}
    for file in files:
        below.setdefault(file.names[0], []).append(file)
    depths = sorted({path.count("/") for path in below}, reverse=True)
    for depth in range(depths[0] if depths else 0, 0, -1):
        for path in sorted(path for path in below if path.count("/") == depth and path != "/"):
            held = below.pop(path)
            if sum(file.size_bytes for file in held) >= least_bytes:
                yield path, held
            else:
                below.setdefault(posixpath.dirname(path), []).extend(held)


def describe_audit(record: AuditRecord) -> str:
    """A few lines for a person."""
    lines = [f"opening was not measured: {record.trace_reason}"] if record.trace_reason else []
    for need in NEEDS:
        found, opened = record.of_need(need), record.opened_bytes(need)
        told = "" if opened is None else f", opened {opened / 1e6:.1f} MB"
        if found:
            size_bytes = sum(package.size_bytes for package in found)
            lines.append(f"{need}: {len(found)} packages, {size_bytes / 1e6:.1f} MB{told}")
    return "\n".join(lines) + f"\nin all {record.file_bytes / 1e6:.1f} MB of files\n"

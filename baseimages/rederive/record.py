"""Checks of a record by itself: parts that must agree, and counts whose items it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from baseimages.compare import TargetDelta, compare_sides
from baseimages.declare import Budget
from baseimages.inspect import ElfRecord, LayerIndex, ScanRecord, cost_of_update
from baseimages.measure import BenchmarkRecord, PairsRecord, judge_quantity
from baseimages.rederive.check import Check, compare, drift, leave_open, verified
from baseimages.report import ImageReport, TargetReport, find_part, side_of

# Findings of other kinds are counted and not listed.
LISTED = ("misconfiguration", "secret", "vulnerability")


def check_record(report: ImageReport, others: Iterable[ImageReport]) -> Iterator[Check]:
    """Everything that a record says twice, target by target; `others` are the reports beside it."""
    others = tuple(others)
    for number, part in enumerate(report.targets):
        place, name = f"targets.{number}", name_part(part)
        yield _check_image(report, part, f"{name}: image")
        if part.layers:
            yield _check_layers(part.layers, f"{name}: owners of bytes")
        if part.benchmark:
            yield _check_runs(part.benchmark, f"{name}: hits and misses", f"{place}.benchmark")
        for index, session in enumerate(part.pairs):
            yield _check_pairs(session, f"{name}: pairs {index + 1}", f"{place}.pairs.{index}.scenarios.*")
        if part.scan:
            yield _check_findings(part.scan, f"{name}: findings", f"{place}.scan.kinds")
        if part.elf:
            yield from _check_programs(part.elf, f"{name}: programs", f"{place}.elf")
        if part.update:
            yield _check_update(part, others, f"{name}: update of a device", f"{place}.update")
        if part.before:
            yield _check_before(part, part.before, others, f"{name}: before and after", f"{place}.before")


def name_part(part: TargetReport) -> str:
    """A target as checks name it."""
    return f"{part.build.target} on {part.build.base.family}"


def _check_image(report: ImageReport, part: TargetReport, what: str) -> Check:
    """That every part is about one image of the report's revision."""
    build = part.build
    about = [digest for digest in _list_digests(part) if digest is not None]
    if wrong := [digest for digest in about if digest != build.manifest_digest]:
        return drift(what, f"a part is about {wrong[0]}, the build made {build.manifest_digest}")
    told = (build.image_name, build.revision, build.dirty)
    belongs = (report.image_name, report.revision, report.revision.endswith("-dirty"))
    return compare(what, told, belongs, f"{len(about)} parts about {build.manifest_digest[:19]}")


def _list_digests(part: TargetReport) -> Iterator[str | None]:
    """The image that each part of a target is about, the build aside."""
    for name in type(part).model_fields.keys() - {"build"}:
        value = getattr(part, name)
        for item in value if isinstance(value, tuple) else (value,):
            yield getattr(item, "manifest_digest", None)


def _check_layers(layers: LayerIndex, what: str) -> Check:
    total = sum(layer.file_bytes for layer in layers.layers)
    seen = f"{len(layers.layers)} layers hold {total} bytes of files"
    return compare(what, sum(layers.owners.values()), total, seen)


def _check_runs(benchmark: BenchmarkRecord, what: str, place: str) -> Check:
    """Counts of the runs whose steps are kept, and what the second cold build is said to be."""
    numbers = []
    for index, run in enumerate(benchmark.runs):
        if not run.steps:
            continue
        cached = [step.cached for step in run.steps if step.is_instruction]
        if (run.hits, run.misses) != (sum(cached), len(cached) - sum(cached)):
            return drift(
                what, f"{run.scenario}: {sum(cached)} of {len(cached)} steps are hits, not {run.hits}"
            )
        numbers += [f"{place}.runs.{index}.hits", f"{place}.runs.{index}.misses"]
    if benchmark.rebuilt_digest == benchmark.manifest_digest and benchmark.differing_layers:
        return drift(what, "a second build gave the same digest, and layers that differ")
    return verified(what, f"as the steps of {len(numbers) // 2} runs say", numbers=numbers)


def _check_pairs(session: PairsRecord, what: str, place: str) -> Check:
    """What the raw runs say, judged again; the resampling has a fixed seed."""
    told = [(each.wall, each.processor) for each in session.scenarios]
    again = [
        (
            judge_quantity(each.noise, each.pairs, "duration_s"),
            judge_quantity(each.noise, each.pairs, "cpu_s"),
        )
        for each in session.scenarios
    ]
    numbers = [f"{place}.wall.*", f"{place}.processor.*"]
    return compare(what, told, again, f"{len(told)} scenarios judged again from their runs", numbers=numbers)


def _check_findings(scan: ScanRecord, what: str, place: str) -> Check:
    found = {kind: Counter(f.severity for f in scan.findings if f.kind == kind) for kind in LISTED}
    told = {kind: scan.kinds[kind].by_severity for kind in LISTED if kind in scan.kinds}
    seen = f"{len(scan.findings)} findings, by kind and severity"
    recomputed = {kind: dict(found[kind]) for kind in told}
    return compare(what, told, recomputed, seen, numbers=[f"{place}.{kind}.*" for kind in told])


def _check_programs(elf: ElfRecord, what: str, place: str) -> Iterator[Check]:
    """Counts whose items are listed; how many were found stands on the layers alone."""
    missing = sum(finding.rule == "needed" for finding in elf.findings)
    absent = sum(item.rule == "needed" for item in elf.allowed)
    told = (elf.absent, elf.needed)
    seen = f"{absent} allowed, {missing} missing of {elf.needed} needed libraries"
    recomputed = (absent, elf.found + elf.by_sibling + absent + missing)
    yield compare(what, told, recomputed, seen, numbers=[f"{place}.absent", f"{place}.needed"])
    if elf.extensions is not None:
        counts = {name: (c.needing, c.allowed) for name, c in elf.extensions.items()}
        listed = {name: (_count(elf, f"needs {name}: "), _count(elf, f"{name}: ")) for name in counts}
        numbers = [f"{place}.extensions.*.{word}" for word in ("needing", "allowed")]
        yield compare(f"{what}, extensions", counts, listed, "as they are listed", numbers=numbers)


def _count(elf: ElfRecord, opening: str) -> int:
    items = (*elf.findings, *elf.allowed)
    return sum(item.rule == "extension" and item.detail.startswith(opening) for item in items)


def _check_update(part: TargetReport, others: Iterable[ImageReport], what: str, place: str) -> Check:
    """The bytes that a device fetches, from the layers of the two records."""
    if part.update is None or part.layers is None:
        return drift(what, "it is told, and the layers are not")
    before = part.update.from_revision
    same = (r for r in others if (r.image_name, r.revision) == (part.build.image_name, before))
    held = find_part(same, part.build.target, part.build.base.family)
    if held is None or held.layers is None:
        return leave_open(what, f"there is no report of {before[:12]} with its layers")
    cost = cost_of_update(held.layers, part.layers, from_revision=before)
    seen = f"from the layers of {before[:12]} and of this one"
    return compare(what, part.update, cost, seen, numbers=[f"{place}.*"])


def _check_before(
    part: TargetReport, told: TargetDelta, others: Iterable[ImageReport], what: str, place: str
) -> Check:
    """The numbers of the comparison with the baseline, from the records of both. Reasons of losses and
    gates are images.toml's, which may have moved on, and words may.
    """
    digest, revision = told.baseline.manifest_digest, told.baseline.revision[:12]
    parts = (other for report in others for other in report.targets)
    old = next((other for other in parts if other.build.manifest_digest == digest), None)
    if old is None:
        return leave_open(what, f"there is no report of {told.baseline.variant} of {revision}")
    before, after = (side_of(each, name="", accelerator="") for each in (old, part))
    stored, again = map(_list_numbers, (told, compare_sides(before, after, (), Budget(owners={}))))
    if differing := sorted(name for name, value in stored.items() if again.get(name) != value):
        name = differing[0]
        return drift(what, f"{name}: {again.get(name)}, the record says {stored[name]}")
    seen = f"{len(stored)} numbers from the records of {told.baseline.variant} of {revision} and of this one"
    return verified(what, seen, numbers=[f"{place}.rows.*", f"{place}.owners.*"])


def _list_numbers(delta: TargetDelta) -> dict[str, tuple[float | None, float | None]]:
    rows = (*delta.rows, *(row.model_copy(update={"name": f"owner {row.name}"}) for row in delta.owners))
    return {row.name: (row.baseline, row.candidate) for row in rows}

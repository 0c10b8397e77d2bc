"""Gather the records of one image into one small, schema-versioned document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from baseimages.build import BuildRecord, ProvenanceRecord, WithoutBaseRecord
from baseimages.compare import TargetDelta
from baseimages.declare import Image
from baseimages.errors import RecordError
from baseimages.inspect import (
    AbilitiesRecord,
    AuditRecord,
    ContractRecord,
    ElfRecord,
    LayerIndex,
    ScanRecord,
    SuiteRecord,
    UpdateCost,
    cost_of_update,
)
from baseimages.measure import BenchmarkRecord, ComparisonRecord, PairsRecord, StartRecord, UpdatesRecord
from baseimages.records import Record, RecordT, WorkFolder, load_record
from baseimages.report.timings import Timing, load_timings

FOLDER = "reports"
RECORD = "record.json"


class TargetReport(BaseModel):
    """One target on one base; what was not run is None and is written as words.

    `update` is what a device fetches that holds the same target of the report before, None where
    there is no such report; `before` is the target beside that of its baseline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    build: BuildRecord
    provenance: ProvenanceRecord | None = None
    layers: LayerIndex | None
    suite: SuiteRecord | None
    scan: ScanRecord | None
    benchmark: BenchmarkRecord | None
    comparisons: tuple[ComparisonRecord, ...] = ()
    pairs: tuple[PairsRecord, ...] = ()
    start: StartRecord | None = None
    updates: UpdatesRecord | None = None
    budget_bytes: int | None = None
    update: UpdateCost | None = None
    elf: ElfRecord | None = None
    contract: ContractRecord | None = None
    abilities: AbilitiesRecord | None = None
    audit: AuditRecord | None = None
    without_base: WithoutBaseRecord | None = None
    before: TargetDelta | None = None


class ImageReport(Record):
    """Everything a report is rendered from; parts of another image than the build's are left out."""

    image_name: str
    revision: str
    targets: tuple[TargetReport, ...]
    timings: tuple[Timing, ...]

    @property
    def folder_name(self) -> str:
        """Name of the report's folder: the short revision."""
        commit, sign, dirty = self.revision.partition("-")
        return commit[:12] + sign + dirty


def collect_report(root: Path, image: Image, variant: str) -> ImageReport:
    """Read the work folder. Raises RecordError when nothing is built."""
    found = collect_parts(root, image, variant)
    latest = max(found, key=lambda part: part.build.started_at).build.revision
    older = _load_older(root, image, latest)
    return ImageReport(
        image_name=image.name,
        revision=latest,
        targets=tuple(_add_update(part, older) for part in found if part.build.revision == latest),
        timings=load_timings(root).parts,
    )


def collect_parts(root: Path, image: Image, variant: str) -> list[TargetReport]:
    """The latest build of every target and base, whatever its revision. Raises RecordError for none."""
    made_by = f"invoke build --variant {variant}"
    if not has_builds(root, image):
        raise RecordError(f"{image.name} is not built in this checkout", next_step=f"run `{made_by}`")
    return [_collect(work, image, made_by) for work in _list_builds(root, image)]


def has_builds(root: Path, image: Image) -> bool:
    """Whether any target of the image is built in this checkout."""
    return any(_list_builds(root, image))


def _list_builds(root: Path, image: Image) -> Iterator[WorkFolder]:
    for base in image.bases:
        for target in image.every_target:
            work = WorkFolder(root=root, image_name=image.name, base=base, target=target)
            if (work.path / WorkFolder.BUILD).exists():
                yield work


def find_held(root: Path, image: Image, build: BuildRecord) -> LayerIndex | None:
    """Layers of the newest older image of the same target and base that a report is about."""
    held = _find_held(build, _load_older(root, image, build.revision))
    return held.layers if held else None


def list_folders(root: Path, image_name: str = "*") -> list[Path]:
    """The folder of every report, by image and revision."""
    return sorted(path for path in (root / FOLDER).glob(f"{image_name}/*") if path.is_dir())


def load_reports(root: Path, image_name: str = "*") -> list[ImageReport]:
    """Every report that stands in reports/, the newest first."""
    paths = [folder / RECORD for folder in list_folders(root, image_name)]
    reports = [load_record(path, ImageReport, made_by="nox -s report") for path in paths if path.exists()]
    return sorted(reports, key=lambda r: max(part.build.started_at for part in r.targets), reverse=True)


def find_part(reports: Iterable[ImageReport], target: str, base: str) -> TargetReport | None:
    """The target on that base in the first of these reports that has it."""
    parts = (part for report in reports for part in report.targets)
    return next((p for p in parts if (p.build.target, p.build.base.family) == (target, base)), None)


def _load_older(root: Path, image: Image, revision: str) -> list[TargetReport]:
    """Targets of the image's other reports, the newest first."""
    reports = [report for report in load_reports(root, image.name) if report.revision != revision]
    return [part for report in reports for part in report.targets]


def _add_update(part: TargetReport, older: list[TargetReport]) -> TargetReport:
    """What a device fetches that holds the newest older image of the same target and base."""
    held = _find_held(part.build, older)
    if part.layers is None or held is None or held.layers is None:
        return part
    cost = cost_of_update(held.layers, part.layers, from_revision=held.build.revision)
    return part.model_copy(update={"update": cost})


def _find_held(build: BuildRecord, older: list[TargetReport]) -> TargetReport | None:
    return next((other for other in older if other.layers and _is_older(other.build, build)), None)


def _is_older(other: BuildRecord, build: BuildRecord) -> bool:
    same = (other.target, other.base.family) == (build.target, build.base.family)
    return same and other.started_at < build.started_at


def _collect(work: WorkFolder, image: Image, made_by: str) -> TargetReport:
    build = load_record(work.path / WorkFolder.BUILD, BuildRecord, made_by=made_by)
    return TargetReport(
        build=build,
        provenance=_same_image(work.path / WorkFolder.PROVENANCE, ProvenanceRecord, build),
        layers=_same_image(work.path / WorkFolder.LAYERS, LayerIndex, build),
        suite=_same_image(work.path / WorkFolder.SUITE, SuiteRecord, build),
        scan=_same_image(work.path / WorkFolder.SCAN, ScanRecord, build),
        benchmark=_same_image(work.path / WorkFolder.BENCHMARK, BenchmarkRecord, build),
        elf=_same_image(work.path / WorkFolder.ELF, ElfRecord, build),
        contract=_same_image(work.path / WorkFolder.CONTRACT, ContractRecord, build),
        abilities=_same_image(work.path / WorkFolder.ABILITIES, AbilitiesRecord, build),
        audit=_same_image(work.path / WorkFolder.AUDIT, AuditRecord, build),
        comparisons=tuple(_load_all(work.comparison("*"), ComparisonRecord, build)),
        pairs=tuple(_load_all(work.pairs("*"), PairsRecord, build)),
        start=_same_image(work.path / WorkFolder.START, StartRecord, build),
        updates=_same_image(work.path / WorkFolder.UPDATES, UpdatesRecord, build),
        budget_bytes=image.budget_bytes.get(build.target),
        without_base=_same_image(work.path / WorkFolder.WITHOUT_BASE, WithoutBaseRecord, build),
    )


def _load_all(pattern: Path, model: type[RecordT], build: BuildRecord) -> Iterator[RecordT]:
    for path in sorted(pattern.parent.glob(pattern.name)):
        record = _same_image(path, model, build)
        if record:
            yield record


def _same_image(path: Path, model: type[RecordT], build: BuildRecord) -> RecordT | None:
    """The record if it is about the image that was built last."""
    if not path.exists():
        return None
    record = load_record(path, model, made_by="nox")
    return record if getattr(record, "manifest_digest", None) == build.manifest_digest else None

"""Gather the records of one image into one small, schema-versioned document."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from baseimages.build import BuildRecord, WithoutBaseRecord
from baseimages.declare import Image
from baseimages.errors import RecordError
from baseimages.inspect import LayerIndex, ScanRecord, SuiteRecord
from baseimages.measure import BenchmarkRecord
from baseimages.records import Record, RecordT, WorkFolder, load_record
from baseimages.report.timings import Timing, load_timings


class TargetReport(BaseModel):
    """One target on one base; what was not run is None and is written as words."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    build: BuildRecord
    layers: LayerIndex | None
    suite: SuiteRecord | None
    scan: ScanRecord | None
    benchmark: BenchmarkRecord | None
    without_base: WithoutBaseRecord | None = None


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
    made_by = f"invoke build --variant {variant}"
    found = [
        _collect(work, made_by)
        for base in image.bases
        for target in image.every_target
        for work in (WorkFolder(root=root, image_name=image.name, base=base, target=target),)
        if (work.path / WorkFolder.BUILD).exists()
    ]
    if not found:
        raise RecordError(f"{image.name} is not built in this checkout", next_step=f"run `{made_by}`")
    latest = max(found, key=lambda part: part.build.started_at).build.revision
    return ImageReport(
        image_name=image.name,
        revision=latest,
        targets=tuple(part for part in found if part.build.revision == latest),
        timings=load_timings(root).parts,
    )


def _collect(work: WorkFolder, made_by: str) -> TargetReport:
    build = load_record(work.path / WorkFolder.BUILD, BuildRecord, made_by=made_by)
    return TargetReport(
        build=build,
        layers=_same_image(work.path / WorkFolder.LAYERS, LayerIndex, build),
        suite=_same_image(work.path / WorkFolder.SUITE, SuiteRecord, build),
        scan=_same_image(work.path / WorkFolder.SCAN, ScanRecord, build),
        benchmark=_same_image(work.path / WorkFolder.BENCHMARK, BenchmarkRecord, build),
        without_base=_same_image(work.path / WorkFolder.WITHOUT_BASE, WithoutBaseRecord, build),
    )


def _same_image(path: Path, model: type[RecordT], build: BuildRecord) -> RecordT | None:
    """The record if it is about the image that was built last."""
    if not path.exists():
        return None
    record = load_record(path, model, made_by="nox")
    return record if getattr(record, "manifest_digest", None) == build.manifest_digest else None

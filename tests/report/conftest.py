"""A complete report, small: one target, a hostile name or two, a cold run that was the build."""

from __future__ import annotations

from typing import Any

import pytest

from baseimages.build import BaseFacts, BuildRecord, EngineFacts, HostFacts, StepRecord
from baseimages.inspect import LayerIndex, ScanRecord, SuiteRecord
from baseimages.measure import BenchmarkRecord, RunRecord
from baseimages.report.record import ImageReport, TargetReport
from baseimages.report.timings import Timing

DIGEST = "sha256:" + "ab" * 32
REVISION = "c" * 40


def step(name: str, started_s: float, duration_s: float, *, cached: bool = False) -> StepRecord:
    return StepRecord(
        name=name,
        stage=name.split(maxsplit=1)[0].strip("["),
        started_s=started_s,
        duration_s=duration_s,
        cached=cached,
        is_instruction=True,
    )


@pytest.fixture
def build() -> BuildRecord:
    return make_build()


def make_build() -> BuildRecord:
    return BuildRecord(
        variant="cpu",
        image_name="image",
        target="core",
        platform="linux/amd64",
        base=BaseFacts(
            family="debian-13",
            reference="base:1",
            digest=DIGEST,
            origin="bootstrapped",
            reason="ubuntu-24.04: no | registry",
        ),
        revision=REVISION,
        dirty=False,
        source_digest=DIGEST,
        manifest_digest=DIGEST,
        tags=("image:core",),
        build_args={"WITH_NGROK": "0", "BASE_FAMILY": "debian-13"},
        engine=EngineFacts(server_version="28", buildx_version="0.29", architecture="x86_64"),
        host=HostFacts(cpu="a CPU", cores=2, memory_bytes=None, kernel="6", system="Debian"),
        started_at="2026-01-02T03:04:05Z",
        duration_s=100.0,
        export_duration_s=20.0,
        load_duration_s=5.0,
        cold=True,
        cold_reason="the build cache held no record",
        base_present=True,
        steps=(step("[os 1/2] RUN apt", 1.0, 60.0), step("[core 1/1] COPY", 61.0, 2.0)),
        progress_sha256="0" * 64,
    )


@pytest.fixture
def report(build: BuildRecord) -> ImageReport:
    part = TargetReport(
        build=build,
        layers=LayerIndex.model_validate(
            {"manifest_digest": DIGEST, "layers": [layer(0), layer(1)], "owners": {"base": 10, "os": 20}}
        ),
        suite=SuiteRecord.model_validate(
            {
                "image": "image:core",
                "manifest_digest": DIGEST,
                "cases": [
                    {"name": "a", "outcome": "passed", "duration_s": 1.0},
                    {"name": "b", "outcome": "skipped", "duration_s": 0.0, "detail": "no | GPU"},
                ],
            }
        ),
        scan=ScanRecord.model_validate(scan()),
        benchmark=BenchmarkRecord(
            manifest_digest=DIGEST,
            runs=(
                run("cold", 100.0, note="single run: the build itself"),
                run("no-op", None, valid=False, note="single run: the engine went away"),
                run("edit", 3.0, valid=False, note="single run: 1 missed: RUN apt"),
            ),
            overhead_s=None,
        ),
    )
    return ImageReport(
        image_name="image",
        revision=REVISION,
        targets=(part,),
        timings=(Timing(part="build core", duration_s=130.0),),
    )


def run(scenario: str, duration_s: float | None, *, note: str, valid: bool = True) -> RunRecord:
    return RunRecord(scenario=scenario, duration_s=duration_s, valid=valid, note=note)


def layer(number: int) -> dict[str, Any]:
    return {
        "digest": DIGEST,
        "diff_id": DIGEST,
        "media_type": "application/vnd.oci.image.layer.v1.tar+gzip",
        "compressed_bytes": 1_000_000 * (number + 1),
        "uncompressed_bytes": 3_000_000 * (number + 1),
        "file_bytes": 2_000_000,
        "entries": 7,
        "whiteouts": 0,
        "owner": "os" if number else "base",
        "created_by": f"RUN a | b {number}",
    }


def scan() -> dict[str, Any]:
    return {
        "manifest_digest": DIGEST,
        "sbom": {
            "tool": "syft 1",
            "components": {"deb": 3},
            "files": [{"form": "spdx-json", "name": "sbom.json", "sha256": "0" * 64}],
        },
        "trivy": "trivy 0",
        "kinds": {
            "secret": {"status": "scanned"},
            "vulnerability": {"status": "not scanned", "reason": "no database"},
        },
        "findings": [],
    }

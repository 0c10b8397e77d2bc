"""A small image with everything measured: its recipe is the recorded one of `metadata.json`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from baseimages.build import ProvenanceRecord, StepRecord, fold_groups, read_provenance
from baseimages.compare import Side
from baseimages.inspect import LayerIndex, ScanRecord
from tests.build.conftest import read_metadata, read_steps
from tests.compare.sides import make_side

# Of the recorded image's layers, lowest first.
OWNERS = ("base", "os", "os", "tool", "tool", "ours", "ours", "os", "os")
SIZES = (5000, 10, 400, 30, 900, 7, 8, 1, 2)
TOTAL_BYTES = sum(SIZES)


@pytest.fixture
def side() -> Side:
    """One side of a comparison, complete; tests change the other."""
    return make_side()


def diff_id(number: int) -> str:
    return f"sha256:{number:064x}"


def recipe() -> ProvenanceRecord:
    record = read_provenance(read_metadata(), read_steps("metadata"))
    assert record is not None
    return record


def cold_steps() -> tuple[StepRecord, ...]:
    return tuple(map(StepRecord.of, fold_groups(read_steps("metadata"))))


def step(name: str, duration_s: float, *, cached: bool = False) -> StepRecord:
    return StepRecord(
        name=name, stage="", started_s=0.0, duration_s=duration_s, cached=cached, is_instruction=True
    )


def layers(sizes: Iterable[int] = SIZES, *, reclaimable: int | None = 3) -> LayerIndex:
    found = [
        {
            "digest": diff_id(100 + number),
            "diff_id": diff_id(number),
            "media_type": "application/vnd.oci.image.layer.v1.tar+gzip",
            "compressed_bytes": size,
            "uncompressed_bytes": size * 3,
            "file_bytes": size * 2,
            "entries": 1,
            "whiteouts": 0,
            "owner": OWNERS[number],
            "created_by": "RUN x",
            "reclaimable_bytes": reclaimable,
        }
        for number, size in enumerate(sizes)
    ]
    return LayerIndex.model_validate({"manifest_digest": "sha256:1", "layers": found, "owners": {}})


def scan(by_layer: dict[str, int], *findings: dict[str, object]) -> ScanRecord:
    plain = {"kind": "secret", "id": "x", "severity": "HIGH", "where": "y", "title": "z"}
    return ScanRecord.model_validate(
        {
            "manifest_digest": "sha256:1",
            "sbom": {
                "tool": "syft 1",
                "components": {"deb": sum(by_layer.values())},
                "files": [],
                "by_layer": by_layer,
            },
            "trivy": "trivy 0",
            "kinds": {},
            "findings": [plain | finding for finding in findings],
        }
    )

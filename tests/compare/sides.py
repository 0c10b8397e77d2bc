"""Two sides of a comparison, small and complete, from the same build; tests change one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from baseimages.compare import Side
from baseimages.inspect import (
    AbilitiesRecord,
    ContractRecord,
    LayerIndex,
    ScanRecord,
    SuiteRecord,
)
from baseimages.measure import BenchmarkRecord
from tests.report.conftest import DIGEST, layer, make_build, run, scan

CONTRACT: dict[str, Any] = {
    "manifest_digest": DIGEST,
    "environment": {"PATH": "/usr/bin:/bin", "EE_DD": "false"},
    "user": "",
    "workdir": "/work",
    "entrypoint": ["tini", "--"],
    "command": ["bash"],
    "ports": ["80/tcp"],
    "volumes": [],
    "labels": {"created": "2026-01-01"},
    "programs": ["bash", "nano"],
    "sonames": ["libc.so.6"],
    "python_abis": ["cpython-313-x86_64-linux-gnu"],
    "python_packages": {"torch": ["2.9.1"], "pip": ["26.1"]},
}


def make_contract(**changes: Any) -> ContractRecord:
    return ContractRecord.model_validate(CONTRACT | changes)


def make_scan(**changes: Any) -> ScanRecord:
    document = scan() | changes
    document["sbom"] = document["sbom"] | {"packages": ["pkg:pypi/torch@2.9.1", "pkg:deb/debian/bash@5.2"]}
    return ScanRecord.model_validate(document)


def make_layers(owners: dict[str, int], *numbers: int) -> LayerIndex:
    layers = [layer(n) | {"digest": f"sha256:{n:064}"} for n in numbers or (0, 1)]
    return LayerIndex.model_validate({"manifest_digest": DIGEST, "layers": layers, "owners": owners})


def make_side(**changes: Any) -> Side:
    side = Side(
        name="image:core-debian-13",
        accelerator="cpu",
        build=make_build(),
        layers=make_layers({"base": 10_000_000, "wheels": 20_000_000}),
        suite=SuiteRecord.model_validate({"image": "x", "manifest_digest": DIGEST, "cases": []}),
        scan=make_scan(),
        elf=None,
        contract=make_contract(),
        abilities=AbilitiesRecord(
            manifest_digest=DIGEST, ffmpeg={"encoders": ("aac", "libx264")}, imports=("ssl", "torch")
        ),
        benchmark=BenchmarkRecord(
            manifest_digest=DIGEST, runs=(run("cold", 100.0, note="single run"),), overhead_s=None
        ),
        ledger=None,
    )
    return replace(side, **changes)

"""One side of a comparison, and whether it and the other can be compared at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from baseimages.build import BuildRecord, EngineFacts, HostFacts
from baseimages.compare.ledger import Ledger
from baseimages.inspect import (
    AbilitiesRecord,
    ContractRecord,
    ElfRecord,
    LayerIndex,
    ScanRecord,
    SuiteRecord,
)
from baseimages.measure import BenchmarkRecord, PairsRecord


@dataclass(frozen=True, kw_only=True)
class Side:
    """What is recorded about one image; None is what nobody recorded.

    `name` is how a person named it, `accelerator` what it computes on, `pairs` are the sessions in which
    it was the candidate.
    """

    name: str
    accelerator: str
    build: BuildRecord
    layers: LayerIndex | None
    suite: SuiteRecord | None
    scan: ScanRecord | None
    elf: ElfRecord | None
    contract: ContractRecord | None
    abilities: AbilitiesRecord | None
    benchmark: BenchmarkRecord | None
    ledger: Ledger | None
    pairs: tuple[PairsRecord, ...] = ()


class SideFacts(BaseModel):
    """The image that a side is about, as the comparison keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    variant: str
    target: str
    base: str
    platform: str
    revision: str
    manifest_digest: str

    @classmethod
    def of(cls, side: Side) -> SideFacts:
        """The stored form of a side."""
        build = side.build
        return cls(
            name=side.name,
            variant=build.variant,
            target=build.target,
            base=build.base.family,
            platform=build.platform,
            revision=build.revision,
            manifest_digest=build.manifest_digest,
        )


def refuse_sizes(baseline: Side, candidate: Side) -> str:
    """Why their sizes cannot be compared; empty when they can.

    They can for one platform, base family, accelerator and target.
    """
    return "; ".join(_list_unlike_images(baseline, candidate))


def refuse_times(baseline: Side, candidate: Side) -> str:
    """Why their times cannot be compared; empty when they can: also the same host and engine."""
    old, new = baseline.build, candidate.build
    unlike = [*_list_unlike_images(baseline, candidate)]
    if old.host != new.host:
        unlike.append(f"hosts {_tell_host(old.host)} and {_tell_host(new.host)}")
    if old.engine != new.engine:
        unlike.append(f"engines {_tell_engine(old.engine)} and {_tell_engine(new.engine)}")
    return "; ".join(unlike)


def _tell_host(host: HostFacts) -> str:
    memory = "unknown" if host.memory_bytes is None else f"{host.memory_bytes} bytes of"
    return f"{host.cpu}, {host.cores} cores, {memory} memory, {host.system}, kernel {host.kernel}"


def _tell_engine(engine: EngineFacts) -> str:
    return f"{engine.server_version} with buildx {engine.buildx_version} for {engine.architecture}"


def refuse_scans(baseline: Side, candidate: Side) -> str:
    """Why findings cannot be compared; empty when they can: one Trivy with one database saw both."""
    tools = [side.scan.trivy if side.scan else "" for side in (baseline, candidate)]
    return f"scanned by {tools[0]} and by {tools[1]}" if len(set(tools)) > 1 and all(tools) else ""


def refuse_packages(baseline: Side, candidate: Side) -> str:
    """Why packages cannot be compared; empty when they can: one Syft listed both."""
    tools = [side.scan.sbom.tool if side.scan else "" for side in (baseline, candidate)]
    return f"listed by {tools[0]} and by {tools[1]}" if len(set(tools)) > 1 and all(tools) else ""


def _list_unlike_images(baseline: Side, candidate: Side) -> Iterator[str]:
    old, new = baseline.build, candidate.build
    if old.platform != new.platform:
        yield f"platforms {old.platform} and {new.platform}"
    if (old.base.family, old.base.origin) != (new.base.family, new.base.origin):
        yield f"bases {old.base.family}, {old.base.origin}, and {new.base.family}, {new.base.origin}"
    if baseline.accelerator != candidate.accelerator:
        yield f"accelerators {baseline.accelerator} and {candidate.accelerator}"
    if old.target != new.target:
        yield f"targets {old.target} and {new.target}"

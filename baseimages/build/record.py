"""What a build leaves in the work folder."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.build.engine import Engine
from baseimages.build.progress import Step
from baseimages.plan import BaseImage
from baseimages.records import Record


class Part(BaseModel):
    """Base of the parts of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseFacts(Part):
    """The base image a build stood on."""

    family: str
    reference: str
    digest: str
    origin: Literal["registry", "bootstrapped", "declared"]
    reason: str

    @classmethod
    def of(cls, base: BaseImage) -> BaseFacts:
        """The stored form of a resolved base."""
        return cls(**{name: getattr(base, name) for name in cls.model_fields})


class EngineFacts(Part):
    """The engine that built."""

    server_version: str
    buildx_version: str
    architecture: str

    @classmethod
    def of(cls, engine: Engine) -> EngineFacts:
        """The stored form of an engine."""
        return cls(**{name: getattr(engine, name) for name in cls.model_fields})


class HostFacts(Part):
    """The machine: what a duration depends on."""

    cpu: str
    cores: int
    memory_bytes: int | None
    kernel: str
    system: str


class StepRecord(Part):
    """One instruction of the build; seconds since the build's first event."""

    name: str
    stage: str
    started_s: float
    duration_s: float
    cached: bool

    @classmethod
    def of(cls, step: Step) -> StepRecord:
        """The stored form of a step that started."""
        return cls(
            name=step.name,
            stage=step.stage,
            started_s=round(step.started_s or 0.0, 3),
            duration_s=round(step.duration_s, 3),
            cached=step.cached,
        )


class BuildRecord(Record):
    """One build: what was built, on what, how long it took, step by step."""

    variant: str
    image_name: str
    target: str
    platform: str
    base: BaseFacts
    revision: str
    dirty: bool
    source_date_epoch_s: int
    manifest_digest: str
    tags: tuple[str, ...]
    build_args: dict[str, str]
    engine: EngineFacts
    host: HostFacts
    started_at: str
    duration_s: float
    load_duration_s: float
    cold: bool
    cold_reason: str
    steps: tuple[StepRecord, ...]
    progress_sha256: str


def host_facts() -> HostFacts:
    """Facts of this machine; memory is None where the system does not tell."""
    return HostFacts(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        kernel=platform.release(),
        system=_system_name(),
    )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)

"""What a build leaves in the work folder."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.build.engine import Engine
from baseimages.build.progress import Spans, Step, place_of
from baseimages.plan import BaseImage, BuildPlan
from baseimages.records import Record, sha256_of


class Part(BaseModel):
    """Base of the parts of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseFacts(Part):
    """The base image a build stood on."""

    family: str
    reference: str
    digest: str
    origin: Literal["registry", "bootstrapped", "declared", "stand-in"]
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
    """One step of the build, in seconds since the build's first event.

    Steps that are no instruction (contexts, bases, exports) can be neither hit nor miss. `inputs`
    are the `id`s of the steps that it stands on; they say nothing about another run. `spans` has
    each time it ran where that was more than once. `pulls`, `extracts` and `pulled_bytes` are about
    the layers of a base that was not there. Older records know none of these.
    """

    name: str
    stage: str
    started_s: float
    duration_s: float
    cached: bool
    is_instruction: bool
    id: str = ""
    inputs: tuple[str, ...] = ()
    spans: Spans = ()
    pulls: Spans = ()
    extracts: Spans = ()
    pulled_bytes: int = 0

    @classmethod
    def of(cls, step: Step) -> StepRecord:
        """The stored form of a step that started."""
        return cls(
            name=step.name,
            stage=step.stage,
            started_s=round(step.started_s, 3),
            duration_s=round(step.duration_s, 3),
            cached=step.cached,
            is_instruction=step.is_instruction,
            id=_shorten(step.digest),
            inputs=tuple(map(_shorten, step.inputs)),
            spans=_round(step.spans) if len(step.spans) > 1 else (),
            pulls=_round(step.pulls),
            extracts=_round(step.extracts),
            pulled_bytes=step.pulled_bytes,
        )

    @property
    def intervals(self) -> Spans:
        """Each time it ran, as (start, end)."""
        return self.spans or ((self.started_s, round(self.started_s + self.duration_s, 3)),)

    @property
    def place(self) -> str:
        """Where it stands in the Dockerfile, see `place_of`."""
        return place_of(self.name)


def _shorten(digest: str) -> str:
    """Enough of a digest for the steps of one build."""
    return digest.removeprefix("sha256:")[:12]


def _round(spans: Spans) -> Spans:
    return tuple((round(start, 3), round(end, 3)) for start, end in spans)


class InputFacts(Part):
    """One file of the checkout that a build read, by its path there."""

    path: str
    sha256: str


class BuildRecord(Record):
    """One build: what was built, on what, how long it took, step by step.

    `source_digest` names the image as it stands in the cache, `manifest_digest` the same image with
    rewritten timestamps: the one that is exported, loaded and reported. `duration_s` is the wall
    time of the solve; export and load are measured apart, and a baseline that pairs built is not loaded.
    `cold` says that the build cache was provably empty, `base_present` that the base did not have to
    be pulled. `inputs` are the files that the build read, none in a record from before they were kept.
    """

    variant: str
    image_name: str
    target: str
    platform: str
    base: BaseFacts
    revision: str
    dirty: bool
    source_digest: str
    manifest_digest: str
    tags: tuple[str, ...]
    build_args: dict[str, str]
    engine: EngineFacts
    host: HostFacts
    started_at: str
    duration_s: float
    export_duration_s: float
    load_duration_s: float | None
    cold: bool
    cold_reason: str
    base_present: bool
    steps: tuple[StepRecord, ...]
    progress_sha256: str
    inputs: tuple[InputFacts, ...] = ()


def digest_inputs(plan: BuildPlan) -> tuple[InputFacts, ...]:
    """Hashes of what the plan reads. Folders are passed over: a lint rule has steps mount files."""
    files = [path for path in plan.inputs if (plan.root / path).is_file()]
    return tuple(InputFacts(path=path, sha256=sha256_of(plan.root / path)) for path in files)


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

"""What the engine measured of a build: processors, memory and traffic of its steps, and of the host.

The samples are BuildKit's (executor/resources/types/types.go). A step has some only where the
engine's control groups are of version 2; what is not there was not measured, and is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from baseimages.build.record import Part


class _Loose(BaseModel):
    """BuildKit's samples grow with its versions: what we do not read is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Processors(_Loose):
    usage: int | None = Field(None, alias="usageNanos")


class _Memory(_Loose):
    peak: int | None = None


class _Disk(_Loose):
    read: int | None = Field(None, alias="readBytes")
    written: int | None = Field(None, alias="writeBytes")


class _Network(_Loose):
    received: int | None = Field(None, alias="rxBytes")


class _Sample(_Loose):
    cpu: _Processors = Field(_Processors(), alias="cpuStat")
    memory: _Memory = Field(_Memory(), alias="memoryStat")
    disk: _Disk = Field(_Disk(), alias="ioStat")
    network: _Network = Field(_Network(), alias="netStat")


class Samples(_Loose):
    """Samples of one step; each counts from the step's start."""

    samples: tuple[_Sample, ...] = ()


class _Times(_Loose):
    user: float = 0
    nice: float = 0
    system: float = 0
    irq: float = 0
    softirq: float = 0
    iowait: float = 0
    steal: float = 0

    @property
    def busy(self) -> float:
        return self.user + self.nice + self.system + self.irq + self.softirq


class SystemSample(_Loose):
    """One sample of the host, its times in processor seconds since it started."""

    times: _Times = Field(_Times(), alias="cpuStat")


class StepUsage(Part):
    """What a step used; None is what the engine did not measure."""

    cpu_s: float | None = None
    memory_peak_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    received_bytes: int | None = None


class HostUsage(Part):
    """Processor seconds of the whole machine during a build, other programs' among them.

    `busy_s` were worked, in `iowait_s` a processor waited for a disk, and `steal_s` went to other
    machines on the same hardware.
    """

    busy_s: float
    iowait_s: float
    steal_s: float


def measure_host(samples: Sequence[SystemSample]) -> HostUsage | None:
    """The difference between the last and the first sample, None with fewer than two."""
    if len(samples) < 2:
        return None
    first, last = samples[0].times, samples[-1].times
    return HostUsage(
        busy_s=round(last.busy - first.busy, 2),
        iowait_s=round(last.iowait - first.iowait, 2),
        steal_s=round(last.steal - first.steal, 2),
    )


def sum_usage(steps: Iterable[Samples]) -> StepUsage | None:
    """What several steps used together, the peak of memory as the highest; None for no measure at all."""
    found = [sample for step in steps for sample in step.samples[-1:]]
    cpu = _total(found, lambda sample: sample.cpu.usage)
    usage = StepUsage(
        cpu_s=None if cpu is None else round(cpu / 1e9, 3),
        memory_peak_bytes=max((s.memory.peak for s in found if s.memory.peak is not None), default=None),
        read_bytes=_total(found, lambda sample: sample.disk.read),
        written_bytes=_total(found, lambda sample: sample.disk.written),
        received_bytes=_total(found, lambda sample: sample.network.received),
    )
    return None if usage == StepUsage() else usage


def _total(samples: Iterable[_Sample], read: Callable[[_Sample], int | None]) -> int | None:
    values = [value for value in map(read, samples) if value is not None]
    return sum(values) if values else None

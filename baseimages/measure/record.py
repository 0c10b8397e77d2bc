"""What a benchmark leaves in the work folder."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.build import StepRecord
from baseimages.records import Record


class RunRecord(BaseModel):
    """One run of one scenario; None stands for what was not measured, `note` then says why.

    `duration_s` is the wall time of the solve, without the export of a layout, and `cpu_s` the
    processor seconds of a private engine in that time. `hits` and `misses` count instructions, the
    halves of a `COPY --link` as one. `load_before` is the host's load average of the minute before,
    `started_at` the time (UTC) at its start, empty in records of older versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    scenario: str
    duration_s: float | None
    cpu_s: float | None = None
    hits: int = 0
    misses: int = 0
    valid: bool
    note: str
    load_before: float | None = None
    started_at: str = ""
    steps: tuple[StepRecord, ...] = ()


class BenchmarkRecord(Record):
    """Raw values of single runs.

    `rebuilt_digest` names the image that a second cold build of the plan gave, None without one, and
    `differing_layers` the numbers of its layers, from 0, that are others; None where nobody compared.
    `overhead_s` is a no-op build with this tool minus the same no-op build with plain buildx, one
    run of each. `in_place` says that the runs after the cold one used the cache of the user's engine.
    """

    manifest_digest: str
    rebuilt_digest: str | None = None
    differing_layers: tuple[int, ...] | None = None
    single_run: Literal[True] = True
    runs: tuple[RunRecord, ...]
    overhead_s: float | None
    in_place: bool = True

    def run(self, scenario: str) -> RunRecord | None:
        """The run of that scenario."""
        return next((run for run in self.runs if run.scenario == scenario), None)

    @property
    def reproduction(self) -> str:
        """Whether a second cold build gave the same image, in words."""
        if self.rebuilt_digest is None:
            return "not compared: there was no second cold build"
        if self.rebuilt_digest == self.manifest_digest:
            return "a second cold build gave the same image, digest by digest"
        return f"a second cold build gave another image, {self.rebuilt_digest}{self._difference}"

    @property
    def _difference(self) -> str:
        if self.differing_layers is None:
            return ""
        told = ", ".join(map(str, self.differing_layers))
        return f"; layers that differ: {told}" if told else "; all its layers are the same"


def describe_benchmark(record: BenchmarkRecord) -> str:
    """One line a run, for a terminal."""
    lines = [*(_describe_run(run) for run in record.runs), _describe_overhead(record)]
    return "".join([*lines, f"{record.reproduction}\n"])


def _describe_run(run: RunRecord) -> str:
    value = "not measured" if run.duration_s is None else f"{run.duration_s:.2f} s"
    counts = "" if run.duration_s is None else f"{run.hits} hits, {run.misses} misses  "
    mark = "" if run.valid or run.duration_s is None else "INVALID: "
    return f"{run.scenario:<8} {value:>13}  {counts}{mark}{run.note}\n"


def _describe_overhead(record: BenchmarkRecord) -> str:
    value = "not measured" if record.overhead_s is None else f"{record.overhead_s:.2f} s"
    return f"{'overhead':<8} {value:>13}  this tool minus plain buildx, no-op, single runs\n"

"""The words of a comparison: a verdict for each row, a level for each change."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

Unit = Literal["bytes", "count", "seconds"]
# Sizes closer than this share are told as equal: a timestamp in a layer changes its compressed bytes.
SAME_SHARE = 0.001
# Baseline and candidate; None is what was not measured.
Pair: TypeAlias = "tuple[float | None, float | None]"


class Verdict(StrEnum):
    """What a row says of the candidate."""

    BETTER = "better"
    WORSE = "worse"
    NO_CHANGE = "no change"
    CHANGED = "changed"
    """It differs, and neither way is better."""
    NO_CLAIM = "no claim"
    """Too few pairs to say anything."""
    SINGLE_RUNS = "no claim: single runs"
    NOT_COMPARABLE = "not comparable"
    NOT_MEASURED = "not measured"


class Level(StrEnum):
    """What a change means to whoever builds on the image, as semantic versioning has it."""

    PATCH = "patch"
    MINOR = "minor"
    BREAKING = "breaking"


LEVELS = tuple(Level)


class Row(BaseModel):
    """One number on both sides; None is what was not measured. `note` says why, or what stands out."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    unit: Unit
    baseline: float | None
    candidate: float | None
    verdict: Verdict
    note: str = ""

    @property
    def difference(self) -> float | None:
        """Candidate minus baseline; None where either is not measured or they cannot be compared."""
        if self.baseline is None or self.candidate is None or self.verdict == Verdict.NOT_COMPARABLE:
            return None
        return self.candidate - self.baseline

    @property
    def ratio(self) -> float | None:
        """Candidate by baseline; None where there is none."""
        return self.candidate / self.baseline if self.difference is not None and self.candidate is not None \
            and self.baseline else None  # fmt: skip


def judge(baseline: float | None, candidate: float | None, refusal: str, *, directed: bool = True) -> Verdict:
    """The verdict about a number of which less is better, or without direction about any."""
    if baseline is None or candidate is None:
        return Verdict.NOT_MEASURED
    if refusal:
        return Verdict.NOT_COMPARABLE
    if abs(candidate - baseline) <= SAME_SHARE * baseline:
        return Verdict.NO_CHANGE
    if not directed:
        return Verdict.CHANGED
    return Verdict.BETTER if candidate < baseline else Verdict.WORSE


def make_row(name: str, unit: Unit, values: Pair, refusal: str, *, directed: bool = True) -> Row:
    """The row of a number and its verdict; a refusal is its note."""
    verdict = judge(*values, refusal, directed=directed)
    note = refusal if verdict == Verdict.NOT_COMPARABLE else ""
    return Row(name=name, unit=unit, baseline=values[0], candidate=values[1], verdict=verdict, note=note)

"""A proposal: which record it changes into which, what it claims, and what was decided and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from baseimages.compare.recipe import Recipe
from baseimages.compare.rubric import GateName
from baseimages.compare.side import Side
from baseimages.declare.names import Name, RelativePath, Sentence
from baseimages.declare.tables import Declared
from baseimages.records import Record

CheckName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]
Paragraph = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=1500)]


class Decision(StrEnum):
    """What became of it."""

    KEPT = "kept"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class Evidence(Declared):
    """Where one side of a proposal is recorded."""

    report: RelativePath
    """A committed report, as image/revision."""
    target: Name
    """The target of the image."""
    base: Name
    """Its base family."""


class Proposal(Declared):
    """What a person writes about one proposal."""

    title: Sentence
    """What is proposed, as an order."""
    claim: Paragraph
    """What it is said to bring, and to whom."""
    baseline: Evidence
    """The image without it."""
    candidate: Evidence
    """The image with it."""
    decision: Decision
    """What became of it."""
    decided: date
    """The day of the decision."""
    reason: Paragraph
    """Why it was decided so."""
    gates: tuple[GateName, ...] = ()
    """Gates that it has to pass besides those of every proposal."""
    renamed_checks: dict[CheckName, CheckName] = Field(default_factory=dict)
    """Checks of the baseline's suite and what the candidate's calls the same check."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One side of a proposal; None is what nobody recorded, or git does not have."""

    side: Side
    budget_bytes: int | None
    recipe: Recipe | None


class GateOutcome(StrEnum):
    """How a gate ended; one that nothing was measured for neither passed nor failed."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"


class GateResult(BaseModel):
    """One gate and what was seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: GateName
    outcome: GateOutcome
    detail: str


class AxisResult(BaseModel):
    """One axis: its values in words, and between which points it lies.

    Points are from -1 to 1. `low` and `high` are the same where the evidence decides; without any
    evidence they are the worst and the best that the axis can give.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    weight: float
    baseline: str
    candidate: str
    low: float
    high: float
    note: str

    @property
    def is_measured(self) -> bool:
        """Whether the evidence decides its points."""
        return self.low == self.high


class ProposalRecord(Record):
    """A proposal with its evidence; the score lies between `low` and `high`, from -1 to 1."""

    name: str
    proposal: Proposal
    baseline_digest: str
    candidate_digest: str
    gates: tuple[GateResult, ...]
    axes: tuple[AxisResult, ...]
    low: float
    high: float

    @property
    def failed_gates(self) -> tuple[GateResult, ...]:
        """The gates that reject it, whatever its score."""
        return tuple(gate for gate in self.gates if gate.outcome == GateOutcome.FAILED)

    @property
    def open_gates(self) -> tuple[GateResult, ...]:
        """The gates that nothing was measured for."""
        return tuple(gate for gate in self.gates if gate.outcome == GateOutcome.OPEN)

    @property
    def open_axes(self) -> tuple[AxisResult, ...]:
        """The axes whose points the evidence does not decide."""
        return tuple(axis for axis in self.axes if not axis.is_measured)

    @property
    def verdict(self) -> str:
        """What gates and score say, in words; an incomplete score is never told as a number alone."""
        if self.failed_gates:
            return f"fails {', '.join(gate.name for gate in self.failed_gates)}"
        if self.low > 0:
            return "positive"
        if self.high < 0:
            return "negative"
        return "neutral" if self.low == self.high else "incomplete"

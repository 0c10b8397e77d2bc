"""What a verification finds: a check, its outcome, and the numbers that it recomputed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from baseimages.errors import DriftError
from baseimages.records import Record


class Outcome(StrEnum):
    """How a check ended; what cannot be asked here is never called verified."""

    VERIFIED = "verified"
    DRIFT = "drift"
    OPEN = "not recomputed"


class Check(BaseModel):
    """One thing that was asked of a report.

    `numbers` are patterns for the places of numbers in record.json that the check recomputed, such
    as `targets.0.update.*`; `detail` tells what was seen, or why it could not be asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    what: str
    outcome: Outcome
    detail: str
    numbers: tuple[str, ...] = ()


class NumberCount(BaseModel):
    """How many numbers a record holds, each counted once, by what became of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    recomputed: int
    measured: int
    open: int


class ReportProof(BaseModel):
    """Everything that was asked of one report."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    report: str
    checks: tuple[Check, ...]
    numbers: NumberCount

    @property
    def drift(self) -> tuple[Check, ...]:
        """What does not follow any more."""
        return tuple(check for check in self.checks if check.outcome == Outcome.DRIFT)


class Proof(Record):
    """The reports that were asked, and what was asked of all of them together."""

    reports: tuple[ReportProof, ...]
    together: tuple[Check, ...] = ()


def compare(what: str, stored: Any, recomputed: Any, seen: str, *, numbers: Iterable[str] = ()) -> Check:
    """A check that two values are equal; `seen` says what was recomputed from what."""
    if stored == recomputed:
        return Check(what=what, outcome=Outcome.VERIFIED, detail=seen, numbers=tuple(numbers))
    return drift(what, f"{seen}: {_short(recomputed)}, the record says {_short(stored)}")


def drift(what: str, detail: str) -> Check:
    """A check that failed."""
    return Check(what=what, outcome=Outcome.DRIFT, detail=detail)


def leave_open(what: str, why: str) -> Check:
    """A check that cannot be made here."""
    return Check(what=what, outcome=Outcome.OPEN, detail=why)


def verified(what: str, seen: str, *, numbers: Iterable[str] = ()) -> Check:
    """A check that held."""
    return Check(what=what, outcome=Outcome.VERIFIED, detail=seen, numbers=tuple(numbers))


def refuse_drift(proof: Proof) -> None:
    """Raise DriftError that names what drifted."""
    found = [f"{report.report}: {c.what}: {c.detail}" for report in proof.reports for c in report.drift]
    found += [f"{c.what}: {c.detail}" for c in proof.together if c.outcome == Outcome.DRIFT]
    if found:
        raise DriftError(
            f"{len(found)} checks of committed reports drifted\n" + "\n".join(found),
            next_step="where only the rendering changed, `invoke report --again` renders all reports from "
            "their records; otherwise take the files back from git: `git log -p -- reports/`",
        )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"

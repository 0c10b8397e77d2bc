"""The record of a compatibility run: one row for each combination, and what is wrong besides."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from baseimages.compat.combination import NO_TENSORRT
from baseimages.compat.finding import Finding
from baseimages.declare import TorchSource
from baseimages.records import Record


class Verdict(StrEnum):
    """What is known of a combination."""

    VALIDATED = "validated"
    RESOLVES = "resolves"
    BLOCKED = "blocked"
    BROKEN = "broken"
    NOT_CHECKED = "not checked"


class Part(BaseModel):
    """Base of the parts of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Size(Part):
    """Sum of the wheels that an installer would take; `without_size` of them are not in the sum."""

    wheels: int
    size_bytes: int
    without_size: int


class Row(Part):
    """One combination; `reason` explains the verdict in words."""

    variant: str
    image_name: str
    base: str
    python: str
    cuda: str | None
    tensorrt: str | None
    torch: TorchSource | None = None
    is_default: bool
    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...] = ()
    since: date | None = None
    review: date | None = None
    link: str | None = None
    revision: str | None = None
    digest: str | None = None
    size: Size | None = None

    @property
    def on(self) -> str:
        """Its base, and whether torch is that of the base's archive by choice."""
        return f"{self.base} with its torch" if self.torch is TorchSource.ARCHIVE else self.base

    @property
    def label(self) -> str:
        """What a person calls the combination."""
        words = [self.variant, self.on, f"Python {self.python}"]
        words += [f"CUDA {self.cuda}"] if self.cuda else []
        words += [f"TensorRT {self.tensorrt}"] if self.tensorrt not in (None, NO_TENSORRT) else []
        return " ".join(words)


class DriftRow(Part):
    """A package with several versions: lock -> version; `why` is empty where nobody gave a reason."""

    package: str
    versions: dict[str, str]
    why: str = ""
    review: date | None = None


class DifferenceRow(Part):
    """A package that only one image of an index has, `only_in`; `image` is the one that follows."""

    index: str
    image: str
    package: str
    only_in: str
    why: str = ""
    link: str | None = None
    review: date | None = None


class DepartureRow(Part):
    """A base that brings its own Python; `why` is empty where nobody gave a reason."""

    base: str
    reference: str
    python: str
    why: str = ""
    link: str | None = None
    review: date | None = None


class QuestionRow(Part):
    """A question to uv and its answer, both in words."""

    question: str
    outcome: str


class CompatibilityReport(Record):
    """Everything that reports/compatibility.md is rendered from."""

    checked_on: date
    questions: tuple[QuestionRow, ...]
    rows: tuple[Row, ...]
    drift: tuple[DriftRow, ...]
    differences: tuple[DifferenceRow, ...]
    departures: tuple[DepartureRow, ...]
    findings: tuple[Finding, ...]

"""The rubric: what a proposal is judged by, as data with a reason for every weight.

Each axis gives points from -1 to 1, each gate passes or not. `rubric.toml` is the one home of the
numbers; the axes are those of the maintainers' review plan.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from baseimages.declare.names import Sentence
from baseimages.declare.tables import Declared

GateName = Literal["tests", "findings", "programs", "budget", "reproducible"]


class Axis(Declared):
    """One axis of the rubric."""

    weight: float = Field(gt=0, le=10)
    """Its share in the score, among the weights of all axes."""
    why: Sentence
    """Why it has that weight."""


class ShareAxis(Axis):
    """An axis of which less is better, as a share of the baseline."""

    full: float = Field(gt=0, le=1)
    """The share less than the baseline that earns the whole point; as much more costs it."""


class CountAxis(Axis):
    """An axis of things of which fewer are better."""

    full: int = Field(gt=0, le=1000)
    """How many fewer earn the whole point; as many more cost it."""


class RiskAxis(Axis):
    """An axis that can only cost points."""

    low: float = Field(ge=-1, le=0)
    """Points where nothing changes for whoever builds on the image."""
    medium: float = Field(ge=-1, le=0)
    """Points where something they may rely on is another version."""
    high: float = Field(ge=-1, le=0)
    """Points where something they may rely on is gone."""


class Gate(Declared):
    """One gate of the rubric; it is never averaged."""

    always: bool
    """Whether every proposal has to pass it, or only one that names it."""
    why: Sentence
    """Why it is a gate."""


class Rubric(Declared):
    """Everything that rubric.toml declares."""

    compatibility: RiskAxis
    """The risk for whoever builds on the image."""
    size: ShareAxis
    """Compressed bytes, as a device fetches them."""
    build_time: ShareAxis
    """Wall time of a cold build."""
    security: CountAxis
    """Vulnerabilities of severity CRITICAL or HIGH."""
    maintenance: ShareAxis
    """Lines of the recipe that are neither empty nor comment, locks left out."""
    gates: dict[GateName, Gate]
    """Gates by name."""

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes by name, in the order of a report."""
        names = ("compatibility", "size", "build_time", "security", "maintenance")
        return {name: getattr(self, name) for name in names}

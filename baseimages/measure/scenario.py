"""What is measured, as data; and what makes a run of it valid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from baseimages.build import Step


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A way to build. `edited` is the one file that changes, relative to the checkout."""

    name: str
    hits: str
    edited: str = ""


COLD = Scenario(name="cold", hits="none")
NO_OP = Scenario(name="no-op", hits="all")
EDIT = Scenario(name="edit", hits="all but what stands on the edited file", edited="scripts/entrypoint.sh")


def find_fault(scenario: Scenario, steps: Iterable[Step]) -> str | None:
    """Why these steps are no run of the scenario, None when they are one.

    A run that hit or missed otherwise measured something else: it is invalid, not slow or fast.
    """
    steps = tuple(steps)
    if not any(step.is_instruction for step in steps):
        return "no instruction was seen"
    ran = [step for step in steps if step.is_instruction and not step.cached]
    if scenario.hits == "none":
        return _name("cached", [step for step in steps if step.is_instruction and step.cached])
    if not scenario.edited:
        return _name("missed", ran)
    touched = {step.digest for step in ran if scenario.edited in step.name}
    if not touched:
        return f"no step that ran names {scenario.edited}: the edit did not reach the image"
    expected = _downstream(touched, steps)
    return _name("missed", [step for step in ran if step.digest not in expected])


def _downstream(digests: set[str], steps: tuple[Step, ...]) -> set[str]:
    """These steps and all that stand on them."""
    found = set(digests)
    while True:
        more = {step.digest for step in steps if found & set(step.inputs)} - found
        if not more:
            return found
        found |= more


def _name(what: str, steps: list[Step]) -> str | None:
    titles = "; ".join(step.title[:80] for step in steps[:5])
    return f"{len(steps)} {what}: {titles}" if steps else None

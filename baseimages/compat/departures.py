"""Bases that bring their own Python, with their reason or without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from baseimages.compat.finding import Finding
from baseimages.compat.record import DepartureRow
from baseimages.declare import Family
from baseimages.declare.compatibility import Compatibility
from baseimages.errors import DeclarationError

CODE, TITLE = "CM204", "a base that brings its own Python has a reason"


def find_departures(family: Family, knowledge: Compatibility) -> tuple[DepartureRow, ...]:
    """One row for each base with a Python of its own.

    Raises DeclarationError for a reason that explains nothing.
    """
    own = {name: base.python for name, base in family.bases.items() if base.python}
    reasons = {entry.base: entry for entry in knowledge.departures}
    for name in reasons.keys() - own.keys():
        raise DeclarationError(
            f"compatibility.toml: the departure of {name} is none",
            next_step="remove it there: no such base brings its own Python",
        )
    rows = []
    for name, python in own.items():
        told = reasons[name].model_dump(exclude={"base"}) if name in reasons else {}
        rows.append(DepartureRow(base=name, reference=family.base(name).reference, python=python, **told))
    return tuple(rows)


def check_departures(rows: Iterable[DepartureRow]) -> Iterator[Finding]:
    """A finding for each row without a reason."""
    for row in rows:
        if not row.why:
            message = f"{row.base} brings Python {row.python}"
            step = "add a [[departures]] with the reason to compatibility.toml"
            yield Finding(code=CODE, package="", message=message, next_step=step)

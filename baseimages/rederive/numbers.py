"""Every number of a record, and what became of it: recomputed, measured, or left open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase, translate
from typing import Any

from baseimages.rederive.check import Check, NumberCount, Outcome

# What a clock, a kernel or a load says: it can be measured again, and be another.
MEASURED = (
    *("*_s", "*_s.*", "*.spans.*", "*.pulls.*", "*.extracts.*", "*.pulled_bytes"),
    *("*.load_before", "*.host.*", "*.usage.*", "*.idle_bytes", "*.torch_bytes"),
)
# No numbers about an image.
LABELS = ("schema_version", "*.schema_version")


def count_numbers(document: Any, checks: Iterable[Check]) -> NumberCount:
    """Sort the numbers of a record's JSON; one that nothing claims is open, never verified."""
    recomputed = [p for c in checks if c.outcome == Outcome.VERIFIED for p in c.numbers]
    found = {"recomputed": 0, "measured": 0, "open": 0}
    is_recomputed, is_measured = _matcher(recomputed), _matcher(MEASURED)
    for place in list_numbers(document):
        kind = "recomputed" if is_recomputed(place) else "measured" if is_measured(place) else "open"
        found[kind] += 1
    return NumberCount(**found)


def list_numbers(document: Any, place: str = "") -> Iterator[str]:
    """The places of all numbers, as keys and positions joined by dots."""
    if isinstance(document, dict | list):
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in pairs:
            yield from list_numbers(value, f"{place}.{key}" if place else str(key))
    elif isinstance(document, int | float) and not isinstance(document, bool) and not _is_label(place):
        yield place


def _is_label(place: str) -> bool:
    return any(fnmatchcase(place, pattern) for pattern in LABELS)


def _matcher(patterns: Iterable[str]) -> Callable[[str], object]:
    joined = "|".join(translate(pattern) for pattern in patterns)
    return re.compile(joined or r"(?!)").match

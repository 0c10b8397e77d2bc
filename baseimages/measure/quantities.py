"""Durations and sizes as a person types them: 90s, 20m, 1.5h; 500MB, 60GB."""

from __future__ import annotations

import re

from baseimages.declare import quote_word
from baseimages.errors import UsageError

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_duration_s(word: str) -> float:
    """Seconds. Raises UsageError."""
    number, unit = _split(word, SECONDS, "a duration", "90s, 20m or 1.5h")
    return number * SECONDS[unit]


def parse_size_bytes(word: str) -> int:
    """Bytes, by powers of ten. Raises UsageError."""
    number, unit = _split(word, BYTES, "a size", "500MB or 60GB")
    return int(number * BYTES[unit])


def _split(word: str, units: dict[str, float] | dict[str, int], kind: str, such: str) -> tuple[float, str]:
    match = re.fullmatch(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,3}})?)({'|'.join(units)})", word, re.ASCII)
    if not match or not float(match[1]):
        raise UsageError(f"{quote_word(word)} is not {kind}", next_step=f"write it like {such}")
    return float(match[1]), match[2]

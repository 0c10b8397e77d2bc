"""Markdown cells and words for numbers; nothing that a name holds can leave its cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOT_MEASURED = "not measured"
SMALLEST_BYTES = 50_000
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escape(text: str) -> str:
    """Any text as inert Markdown on one line: control characters shown, markup escaped."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\n", " "))
    return SPECIAL.sub(r"\\\1", shown)


def render_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A GitHub table; cells are taken as they are, so escape names first. Numbers lean right."""
    body = [list(row) for row in rows]
    rule = ["--:" if _is_numeric(body, index) else "---" for index in range(len(header))]
    lines = [list(header), rule, *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def megabytes(size_bytes: int | None) -> str:
    """Size in MB of 10^6 bytes, one decimal; in bytes where that would show as nothing."""
    if size_bytes is None:
        return NOT_MEASURED
    return f"{size_bytes} B" if size_bytes < SMALLEST_BYTES else f"{size_bytes / 1e6:.1f} MB"


def gigabytes(size_bytes: int | None) -> str:
    """Size in GB of 10^9 bytes, one decimal."""
    return NOT_MEASURED if size_bytes is None else f"{size_bytes / 1e9:.1f} GB"


def seconds(duration_s: float | None) -> str:
    """Duration in seconds; below ten with two decimals."""
    if duration_s is None:
        return NOT_MEASURED
    return f"{duration_s:.2f} s" if duration_s < 10 else f"{duration_s:.1f} s"


def short_digest(digest: str) -> str:
    """First twelve hex digits, as code."""
    return f"`{digest.removeprefix('sha256:')[:12]}`"


def shorten(text: str, length: int) -> str:
    """At most `length` characters, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def _is_numeric(rows: list[list[str]], index: int) -> bool:
    return bool(rows) and all(re.match(r"^[\d.]+( M?B| s)?$", row[index]) for row in rows)

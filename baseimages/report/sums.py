"""The digest manifest of a report: what `sha256sum -c` reads, over every other file of its folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from baseimages.records import sha256_of

NAME = "SHA256SUMS"
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)")


def render_sums(texts: Mapping[str, str]) -> str:
    """One line for each file, by name."""
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))


def find_departures(folder: Path) -> tuple[str, ...]:
    """How the folder departs from its manifest: files edited, gone, or not listed; none when it does not.

    A line that is no line of ours departs too: nothing outside of the folder is ever opened.
    """
    path = folder / NAME
    if not path.is_file() or path.is_symlink():
        return (f"{NAME} is missing",)
    lines = path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    matches = [_LINE.fullmatch(line) for line in lines]
    listed = {match["name"]: match["sha256"] for match in matches if match}
    present = {entry.name for entry in folder.iterdir()} - {NAME}
    told = [f"line {number} of {NAME} names no file" for number, m in enumerate(matches, 1) if not m]
    told += [f"{NAME} names a file twice"] if len(listed) < len([m for m in matches if m]) else []
    told += [f"{name} is gone" for name in sorted(listed.keys() - present)]
    told += [f"{name!a} is not listed" for name in sorted(present - listed.keys())]
    told += [
        f"{name} was changed"
        for name in sorted(listed.keys() & present)
        if not _has_digest(folder / name, listed[name])
    ]
    return tuple(told)


def _has_digest(path: Path, sha256: str) -> bool:
    return path.is_file() and not path.is_symlink() and sha256_of(path) == sha256

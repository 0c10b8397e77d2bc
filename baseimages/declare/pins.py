"""Change pins: a global ARG of a Dockerfile, wherever the family declares it."""

from __future__ import annotations

import re
from pathlib import Path

from baseimages.declare.names import unknown_word
from baseimages.errors import UsageError
from baseimages.records import write_text

CHANGE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>[A-Za-z0-9@:._/+-]+)")
SHA256 = re.compile(r"[0-9a-f]{64}")


def apply_changes(root: Path, changes: tuple[str, ...], *, dry_run: bool) -> str:
    """Set each NAME=VALUE in every Dockerfile that declares NAME; gives one line a change.

    Raises UsageError for a word of another form, a hash that is none, or a name that no Dockerfile
    declares.
    """
    if not changes:
        raise UsageError("no pin named", next_step="give --set NAME=VALUE, and its hash as another --set")
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(root.glob("*/Dockerfile"))}
    told = [line for change in changes for line in _apply(change, texts, root)]
    if not dry_run:
        for path, text in texts.items():
            if text != path.read_text(encoding="utf-8"):
                write_text(path, text)
    return "".join(f"{'would set' if dry_run else 'set'} {line}\n" for line in told)


def _apply(change: str, texts: dict[Path, str], root: Path) -> list[str]:
    match = CHANGE.fullmatch(change)
    if match is None:
        raise UsageError(f"{change[:80]!a} is not NAME=VALUE", next_step="for example FFMPEG_VERSION=7.1.6")
    if match["name"].endswith("_SHA256") and not SHA256.fullmatch(match["value"]):
        raise UsageError(f"{change[:80]!a} is no SHA-256", next_step="give its 64 lower-case hex digits")
    pattern = re.compile(rf"^ARG {match['name']}=(.*)$", re.M)
    told = []
    for path, text in texts.items():
        found = pattern.search(_global_part(text))
        if found:
            texts[path] = text[: found.start(1)] + match["value"] + text[found.end(1) :]
            told.append(f"{path.relative_to(root)}: {match['name']} {found[1]} -> {match['value']}")
    if not told:
        parts = map(_global_part, texts.values())
        known = {name for part in parts for name in re.findall(r"^ARG (\w+)=", part, re.M)}
        raise unknown_word("pin", match["name"], known)
    return told


def _global_part(text: str) -> str:
    return text.partition("\nFROM ")[0]

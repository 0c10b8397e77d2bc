"""Which words may name a thing, and what a person is told about a word that names nothing.

The patterns mean the same to pydantic (Rust), JSON Schema (ECMA 262) and Python's `fullmatch`. They
are ASCII only and anchored, so an option, a path, a newline or a look-alike letter never passes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

from baseimages.errors import UsageError

LONGEST_QUOTE = 60

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=60)]
# repository:tag as the distribution specification spells it; the digest is a key of its own.
Reference = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*(?::[0-9]{1,5})?"
        r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$",
        max_length=255,
    ),
]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
GlibcVersion = Annotated[str, StringConstraints(pattern=r"^2\.[0-9]{1,3}$")]
# Numbers and dots only, so packaging reads it whatever it says.
VersionNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]+(?:\.[0-9]+)*$", max_length=60)]
ComputeCapability = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}\.[0-9]$")]
ArgName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
ArgValue = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=1000)]
Sentence = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=400)]
# No part starts with a dot or a dash: it stays inside the checkout and is never read as an option.
RelativePath = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*$", max_length=200
    ),
]
# As dpkg's path-exclude takes it.
PathGlob = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._*/-]+$", max_length=200)]
_PLACE = r"\{(?:target|base|revision)\}"
TagTemplate = Annotated[
    str,
    StringConstraints(pattern=rf"^(?:[A-Za-z0-9_]|{_PLACE})(?:[A-Za-z0-9._-]|{_PLACE})*$", max_length=100),
]
# Segments of letters and one question each, such as py{python}-th{torch}.
_SEGMENT = r"[a-z]{1,10}\{(?:python|torch|cuda|tensorrt|onnx|transformers)\}"
ReleaseTag = Annotated[str, StringConstraints(pattern=rf"^{_SEGMENT}(?:-{_SEGMENT})*$", max_length=100)]
Repository = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*(?::[0-9]{1,5})?"
        r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$",
        max_length=200,
    ),
]


def quote_word(word: str) -> str:
    """The word for a message: one line, ASCII, no longer than 60 characters."""
    shown = ascii(word[:LONGEST_QUOTE])
    return f"{shown}... ({len(word)} characters)" if len(word) > LONGEST_QUOTE else shown


def suggest_name(word: str, known: Iterable[str]) -> str:
    """The next step: the nearest known name when there is one, and always all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word[:LONGEST_QUOTE], names, n=1)
    listed = f"use one of: {', '.join(names)}"
    return f"did you mean {near[0]}? Otherwise {listed}" if near else listed


def unknown_word(kind: str, word: str, known: Iterable[str]) -> UsageError:
    """The refusal of a word that is not among the known ones, for the caller to raise."""
    return UsageError(f"unknown {kind} {quote_word(word)}", next_step=suggest_name(word, known))

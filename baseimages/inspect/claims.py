"""Which package says that a file is its own: dpkg's lists of files, the RECORDs of Python's wheels.

They lie in the image, so a layer that brings a package brings its claim: `/var/lib/dpkg/info/*.list`, in
distroless images and where packages were lifted into a layer `/var/lib/dpkg/status.d/*.md5sums`, and
PyPA's "Recording installed projects".
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from packaging.utils import canonicalize_name

from baseimages.inspect.tar import clean_path

INFO = re.compile(r"var/lib/dpkg/(?:info/([^/:]+)(?::[^/.]+)?\.[^/.]+|status\.d/([^/]+?)(?:\.md5sums)?)")
LIST = re.compile(r"var/lib/dpkg/info/([^/:]+)(?::[^/.]+)?\.list")
SUMS = re.compile(r"var/lib/dpkg/status\.d/([^/]+)\.md5sums")
SUM = re.compile(r"[0-9a-f]{32}  ")
# Of an installed distribution: what one vendors lies deeper, and is its own.
RECORD = re.compile(r"(.*/(?:site|dist)-packages)/([^/]+?)-[^/]+\.dist-info/RECORD")
COMPILED = re.compile(r"(.*)/__pycache__/([^/]+?)\.[^/.]+(?:\.opt-\d)?\.pyc")
# dpkg's lists name what the archive named before these folders became links into /usr.
MERGED = re.compile(r"(?:bin|sbin|lib|lib32|lib64|libx32)/")
LARGEST_LIST_BYTES = 1 << 26


class Claim(NamedTuple):
    """A package's word that `path` is its own."""

    kind: Literal["dpkg", "python"]
    name: str
    path: str


Claimant = tuple[Literal["dpkg", "python"], str]


def is_list(path: str) -> bool:
    """Whether a file lists what a package owns."""
    return path.endswith((".list", ".md5sums", "/RECORD")) and any(
        pattern.fullmatch(path) for pattern in (LIST, SUMS, RECORD)
    )


def read_claims(path: str, data: bytes) -> Iterator[Claim]:
    """The claims of one list of files; folders are among them and own nothing."""
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    if found := LIST.fullmatch(path):
        yield from (Claim("dpkg", found[1], _settle(line)) for line in lines)
    elif found := SUMS.fullmatch(path):
        yield from (Claim("dpkg", found[1], _settle(SUM.sub("", line))) for line in lines)
    elif found := RECORD.fullmatch(path):
        name = canonicalize_name(found[2])
        for row in filter(None, csv.reader(lines)):
            yield Claim("python", name, _settle(posixpath.join(found[1], row[0])))


def find_claimant(path: str, claimants: dict[str, Claimant]) -> Claimant | None:
    """Whose file it is; a compiled module is whose its source is."""
    settled = _settle(path)
    if found := claimants.get(settled):
        return found
    if settled.endswith(".pyc") and (names := COMPILED.fullmatch(settled)):
        return claimants.get(f"{names[1]}/{names[2]}.py")
    own = INFO.fullmatch(settled)
    return ("dpkg", own[1] or own[2]) if own else None


def _settle(path: str) -> str:
    clean = clean_path(path)
    return f"usr/{clean}" if MERGED.match(clean) else clean

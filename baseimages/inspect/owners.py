"""Who owns the bytes of an image: a rule table from paths to owners, first match wins.

Coarse on purpose: an owner is what somebody bumps as one thing. What no rule names belongs to the
base in the base's layer and to the system packages elsewhere, so owners always add up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.inspect.claims import Claimant, find_claimant
from baseimages.inspect.merge import Fate
from baseimages.inspect.rows import LayerRows

# What says that a byte is its owner's: dpkg's list of files, a Python distribution's RECORD, npm's folder,
# a rule of the table below, nothing but the base's layer, or nothing at all.
LISTED_BYTES = 100_000
Kind = Literal["dpkg", "python", "npm", "rule", "base", "unowned"]
SHOWN_FOLDERS = 2
SITE = r"(opt/python/lib/python3\.\d+/site-packages|usr/local/lib/python3(\.\d+)?/dist-packages)/"
ARCHIVE_SITE = r"usr/lib/python3/dist-packages/"
MODULE = re.compile(r"(?:usr/local/lib|usr/share|usr/lib)/node(?:_modules|js)/((?:@[^/]+/)?[^/]+)/")
BASE, ENGINE, SYSTEM = "base", "engine", "system packages"
RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "torch",
        re.compile(rf"({SITE}|{ARCHIVE_SITE})(torch|functorch|torchgen|torchvision|torchaudio|torio)\b"),
    ),
    ("torch", re.compile(r"usr/lib/[^/]+/lib(torch|c10|caffe2|dnnl|tensorpipe|gloo)")),
    ("pip and uv", re.compile(SITE + r"(pip|uv)\b")),
    ("pip and uv", re.compile(r"(usr/local|opt/python)/bin/(pip|pip3|uv|uvx)$")),
    ("wheels", re.compile(SITE)),
    (SYSTEM, re.compile(ARCHIVE_SITE)),
    ("python", re.compile(r"(opt/python/|usr/lib/python3)")),
    ("python", re.compile(r"usr/(bin/(python|pydoc|pygettext)|lib/[^/]+/libpython)")),
    ("ffmpeg", re.compile(r"usr/local/(bin/ff|lib/lib(av|sw|postproc))")),
    # what the legacy recipe compiles beside FFmpeg, and the headers that it keeps
    ("ffmpeg", re.compile(r"usr/local/(lib/(lib(dav1d|openh264|SvtAv1)|pkgconfig/)|include/|share/ffmpeg/)")),
    ("node", re.compile(r"usr/(local/)?(bin/(node|npm|npx|corepack)$|lib/node_modules/|include/node/)")),
    ("ngrok", re.compile(r"usr/local/bin/ngrok$")),
    (ENGINE, re.compile(r"usr/s?bin/(docker|containerd|runc)")),
    ("ours", re.compile(r"usr/local/bin/entrypoint\.sh$")),
)
OWNERS = frozenset({BASE, ENGINE, SYSTEM, *(owner for owner, _ in RULES)})


class OwnedBytes(BaseModel):
    """File bytes of one package, hidden ones included; all rows add up to all file bytes.

    `owner` is the coarse owner that it is part of. `name` is a package, for the kind "rule" the owner
    that the rule names, for "base" and "unowned" the first two folders of the paths. What weighs less
    than LISTED_BYTES is summed in one row of its owner and kind, whose name is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    owner: str
    kind: Kind
    name: str
    files: int
    size_bytes: int


def owner_of(path: str, created_by: str, is_base: bool) -> str:
    """Owner of one file; `path` as in the layer's tar, `created_by` its layer's instruction."""
    if is_base:
        return BASE
    return _rule(path) or (ENGINE if _installs_engine(created_by) else SYSTEM)


def divide(path: str, owner: str, claimants: dict[str, Claimant]) -> tuple[Kind, str]:
    """Kind and name of whose a file of that coarse owner is, without a leading slash in `path`."""
    if claimant := find_claimant(path, claimants):
        return claimant
    if found := MODULE.match(path):
        return "npm", found[1]
    if rule := _rule(path):
        return "rule", rule
    return ("base" if owner == BASE else "unowned"), "/".join(path.split("/")[:-1][:SHOWN_FOLDERS])


def _installs_engine(created_by: str) -> bool:
    # One step of the legacy recipe installs everything of the system: it is not the engine's.
    return "docker.io" in created_by and "mosquitto" not in created_by


def _rule(path: str) -> str | None:
    return next((owner for owner, pattern in RULES if pattern.match(path)), None)


def owner_of_layer(own: Counter[str], created_by: str, is_base: bool) -> str:
    """Owner of most bytes of a layer; a layer without files is named after its instruction."""
    if own:
        return own.most_common(1)[0][0]
    return owner_of("", created_by, is_base)


class OwnerCount:
    """Counts the file bytes of fates by owner: each file once, at the first of its names."""

    def __init__(self, created_by: Sequence[str], base_layers: int, layers: Sequence[LayerRows]) -> None:
        self._created_by = created_by
        self._base_layers = base_layers
        self._claimants = _read_claimants(layers)
        self._layers: list[Counter[str]] = [Counter() for _ in layers]
        self._files: Counter[tuple[str, Kind, str]] = Counter()
        self._bytes: Counter[tuple[str, Kind, str]] = Counter()

    def add(self, fate: Fate) -> None:
        """Count one entry, hidden or not."""
        row = fate.row
        if row.kind != "file" or not row.is_first_name:
            return
        path = row.path
        owner = owner_of(path, self._created_by[row.layer], row.layer < self._base_layers)
        key = (owner, *divide(path, owner, self._claimants))
        self._layers[row.layer][owner] += row.size_bytes
        self._files[key] += 1
        self._bytes[key] += row.size_bytes

    def of_layer(self, number: int) -> Counter[str]:
        """Bytes of one layer by coarse owner."""
        return self._layers[number]

    @property
    def coarse(self) -> dict[str, int]:
        """Bytes of all layers by coarse owner."""
        return dict(sorted(sum(self._layers, Counter[str]()).items()))

    def list_owned(self) -> Iterator[OwnedBytes]:
        """The heaviest first, what is light summed."""
        listed: dict[tuple[str, Kind, str], tuple[int, int]] = {}
        for (owner, kind, name), size_bytes in self._bytes.items():
            key = (owner, kind, name if size_bytes >= LISTED_BYTES else "")
            files, total = listed.get(key, (0, 0))
            if size_bytes:
                listed[key] = (files + self._files[owner, kind, name], total + size_bytes)
        for (owner, kind, name), (files, size_bytes) in sorted(
            listed.items(), key=lambda i: (-i[1][1], i[0])
        ):
            yield OwnedBytes(owner=owner, kind=kind, name=name, files=files, size_bytes=size_bytes)


def _read_claimants(layers: Sequence[LayerRows]) -> dict[str, Claimant]:
    """Whose each path is; where several packages claim it, the one of the uppermost layer."""
    names: dict[Claimant, Claimant] = {}
    found: dict[str, Claimant] = {}
    for layer in layers:
        for claim in layer.claims():
            claimant = (claim.kind, claim.name)
            found[claim.path] = names.setdefault(claimant, claimant)
    return found

"""SBOMs by Syft, from the one layout, in the three forms that others read."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from baseimages.command import Runner
from baseimages.errors import ScanError
from baseimages.host import find_tool
from baseimages.inspect.layout import Layout
from baseimages.inspect.purl import name_package
from baseimages.records import sha256_of

SYFT_DEADLINE_S = 1800.0
FORMS = {
    "syft-json": "sbom.syft.json",
    "cyclonedx-json": "sbom.cdx.json",
    "spdx-json": "sbom.spdx.json",
}
# One file about many packages, written again by each that is installed: its layer is the last of
# them, and says nothing about one.
SHARED = ("/var/lib/dpkg/status", "/lib/apk/db/installed")


class SbomFile(BaseModel):
    """One file in the work folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    form: str
    name: str
    sha256: str


class Sbom(BaseModel):
    """The SBOM: components by type (deb, python, npm, ...) and the files that hold them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    tool: str
    components: dict[str, int]
    files: tuple[SbomFile, ...]
    by_layer: dict[str, int] = {}
    """Components by the diff id of the layer that brought them, lowest first; the empty id has those
    of which no file of their own is left. Older records have none of it."""
    packages: tuple[str, ...] | None = None
    """Their PURLs, sorted, each once; None in older records."""


def make_sbom(layout: Layout, folder: Path, runner: Runner) -> Sbom:
    """Run Syft. Raises ScanError when it finds no component at all."""
    syft = find_tool("syft", runner)
    outputs = [word for form, name in FORMS.items() for word in ("-o", f"{form}={folder / name}")]
    runner.run(
        [str(syft), "scan", "--quiet", f"oci-dir:{layout.path}", *outputs],
        deadline_s=SYFT_DEADLINE_S,
        env=_environment(),
    )
    document = json.loads((folder / FORMS["syft-json"]).read_bytes())
    components = Counter(item["type"] for item in document["artifacts"])
    if not components:
        raise ScanError(
            "Syft found no component in the image, so its SBOM means nothing",
            next_step="look at the layout, then build again",
        )
    files = (SbomFile(form=f, name=n, sha256=sha256_of(folder / n)) for f, n in FORMS.items())
    return Sbom(
        tool=f"syft {document['descriptor']['version']}",
        components=dict(sorted(components.items())),
        files=tuple(files),
        by_layer=count_by_layer(document["artifacts"], [layer.diff_id for layer in layout.layers]),
        packages=tuple(
            sorted({name_package(item["purl"]) for item in document["artifacts"] if item["purl"]})
        ),
    )


def count_by_layer(artifacts: Iterable[Mapping[str, Any]], diff_ids: Sequence[str]) -> dict[str, int]:
    """Components of Syft's own form by layer; `diff_ids` are those of all layers, lowest first.

    A component is where the last of its own files is: an upgrade brings it again.
    """
    order = {diff_id: number for number, diff_id in enumerate(diff_ids)}
    counts: Counter[str] = Counter()
    for artifact in artifacts:
        own = {where.get("layerID") for where in artifact["locations"] if where["path"] not in SHARED}
        counts[max(own & order.keys(), key=order.__getitem__, default="")] += 1
    return {diff_id: counts[diff_id] for diff_id in ("", *diff_ids) if counts[diff_id]}


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"SYFT_CHECK_FOR_APP_UPDATE": "false"}

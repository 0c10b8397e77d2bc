"""SBOMs by Syft, from the one layout, in the three forms that others read."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from baseimages.command import Runner
from baseimages.errors import ScanError
from baseimages.host import find_tool
from baseimages.inspect.layout import Layout
from baseimages.records import sha256_of

SYFT_DEADLINE_S = 1800.0
FORMS = {
    "syft-json": "sbom.syft.json",
    "cyclonedx-json": "sbom.cdx.json",
    "spdx-json": "sbom.spdx.json",
}


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
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"SYFT_CHECK_FOR_APP_UPDATE": "false"}

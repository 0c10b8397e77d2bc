"""Every file that a Dockerfile reads from the checkout is let into the build context."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from baseimages.declare import Instruction, load_dockerfile
from tests.conftest import ROOT

DOCKERFILES = sorted([*ROOT.glob("*/Dockerfile"), *ROOT.glob("baseline/*/Dockerfile")])
ADMITTED = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def read_files(instruction: Instruction) -> list[str]:
    """Paths in the checkout that an instruction reads."""
    mounts = [
        dict(part.partition("=")[::2] for part in m.split(",")) for m in instruction.flag_values("mount")
    ]
    found = [m["source"] for m in mounts if m.get("type") == "bind" and "from" not in m]
    if instruction.keyword == "COPY" and not instruction.flag_values("from"):
        found += instruction.text.split()[:-1]
    return found


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_a_dockerfile_reads_is_in_the_context(path: Path) -> None:
    stages = load_dockerfile(path).stages
    read = {name for stage in stages for item in stage.instructions for name in read_files(item)}
    assert read
    outside = [
        name
        for name in sorted(read)
        if not any(
            PurePosixPath(name).match(pattern) or name.startswith(pattern.removesuffix("*"))
            for pattern in ADMITTED
        )
    ]
    assert outside == []

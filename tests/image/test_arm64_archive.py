"""Where apt of an amd64 builder is told to look for arm64: beside Ubuntu's archive, in Debian's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
DEB822 = "Types: deb\nURIs: http://archive.ubuntu.com/ubuntu/\nSuites: noble\nComponents: main\n"
UBUNTU = "deb http://archive.ubuntu.com/ubuntu/ jammy main\n# deb-src http://archive.ubuntu.com/ x\n"
DEBIAN = "deb http://archive.example/debian trixie main\n"


def run_script(folder: Path, sources: dict[str, str]) -> dict[str, str]:
    """Run it on sources of this test; gives all of them afterwards."""
    (folder / "apt/sources.list.d").mkdir(parents=True)
    for name, text in sources.items():
        (folder / "apt" / name).write_text(text)
    (folder / "dpkg").write_text('#!/bin/sh\n[ "$*" = "--add-architecture arm64" ]\n')
    script = folder / "script.sh"
    text = (ROOT / "scripts" / "add-arm64-archive.sh").read_text()
    script.write_text(text.replace("/etc/apt", str(folder / "apt")))
    for path in (folder / "dpkg", script):
        path.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run([script], check=True, timeout=30, env=environment)
    files = (path for path in (folder / "apt").rglob("*") if path.is_file())
    return {str(path.relative_to(folder / "apt")): path.read_text() for path in files}


def test_ubuntu_24_04_gets_a_second_source_for_arm64(tmp_path: Path) -> None:
    found = run_script(tmp_path, {"sources.list.d/ubuntu.sources": DEB822})
    ports = found["sources.list.d/ubuntu-ports.sources"]
    assert "URIs: http://ports.ubuntu.com/ubuntu-ports/\n" in ports
    assert "Architectures: arm64\n" in ports
    assert "Architectures: amd64\n" in found["sources.list.d/ubuntu.sources"]


def test_ubuntu_22_04_gets_a_second_line_for_arm64(tmp_path: Path) -> None:
    found = run_script(tmp_path, {"sources.list": UBUNTU})
    ports = "deb [arch=arm64] http://ports.ubuntu.com/ubuntu-ports/ jammy main\n"
    assert found["sources.list.d/ubuntu-ports.list"] == ports
    assert "deb [arch=amd64] http://archive.ubuntu.com/ubuntu/ jammy main\n" in found["sources.list"]
    assert "# deb-src http://archive.ubuntu.com/ x\n" in found["sources.list"]


@pytest.mark.parametrize(
    "sources", [{"sources.list": DEBIAN}, {"sources.list.d/debian.sources": "Types: deb\n"}]
)
def test_debian_stays_as_it_is(sources: dict[str, str], tmp_path: Path) -> None:
    assert run_script(tmp_path, sources) == sources

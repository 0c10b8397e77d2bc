"""What scripts/clean-layer.sh makes of a tree: what differs from build to build goes, copies become links."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


def clean(root: Path) -> None:
    script = ROOT / "scripts" / "clean-layer.sh"
    subprocess.run(["sh", script, root], check=True, timeout=60, capture_output=True)


@pytest.fixture(name="tree")
def make_tree(tmp_path: Path) -> Path:
    """A tree with git as Debian ships it, and a log of its installation."""
    files = {
        "etc/shadow": "",
        "var/log/dpkg.log": "installed",
        "usr/bin/git": "program",
        "usr/lib/git-core/git": "program",
        "usr/bin/scalar": "one",
        "usr/lib/git-core/scalar": "another",
        "usr/bin/git-shell": "shell",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    return tmp_path


@pytest.mark.process
def test_what_git_ships_twice_is_one_file_and_what_differs_stays(tree: Path) -> None:
    clean(tree)
    assert not (tree / "var/log/dpkg.log").exists()
    assert (tree / "usr/bin/git").samefile(tree / "usr/lib/git-core/git")
    assert (tree / "usr/lib/git-core/scalar").read_text() == "another"
    assert not (tree / "usr/lib/git-core/git-shell").exists()


@pytest.mark.process
def test_a_link_of_a_lower_layer_is_not_made_again(tree: Path) -> None:
    clean(tree)
    before = (tree / "usr/lib/git-core").stat().st_mtime_ns
    clean(tree)
    assert (tree / "usr/lib/git-core").stat().st_mtime_ns == before

"""What scripts/link-git.sh makes of a tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.process
def test_what_git_ships_twice_is_one_file_and_what_differs_stays(tmp_path: Path) -> None:
    files = {
        "usr/bin/git": "program",
        "usr/lib/git-core/git": "program",
        "usr/bin/scalar": "one",
        "usr/lib/git-core/scalar": "another",
        "usr/bin/git-shell": "shell",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["sh", ROOT / "scripts" / "link-git.sh", tmp_path], check=True, timeout=60)
    assert (tmp_path / "usr/bin/git").samefile(tmp_path / "usr/lib/git-core/git")
    assert (tmp_path / "usr/lib/git-core/scalar").read_text() == "another"
    assert not (tmp_path / "usr/lib/git-core/git-shell").exists()

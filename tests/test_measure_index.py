"""The measurement of the layer index runs whole on an image of a few files; it asserts no time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process


@pytest.mark.parametrize("words", [(), ("--zstd",)])
def test_it_prints_what_was_read_and_leaves_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    if words and not shutil.which("zstd"):
        pytest.skip("tar needs the program zstd")
    script = str(ROOT / "tools" / "measure_index.py")
    size = ("--files", "48", "--megabytes", "1")
    done = subprocess.run(
        [sys.executable, script, "--folder", str(tmp_path), *size, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # 48 files, a RECORD in each of 12 layers, 11 whiteouts
    assert done.stdout.startswith("71 entries, ")
    assert re.search(r"^tar -t .*the first look takes [\d.]+ times that$", done.stdout, re.M)
    assert list(tmp_path.iterdir()) == []

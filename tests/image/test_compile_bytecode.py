"""Bytecode that ships: for the paths of the image, never looked at again, the same from build to build."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
SCRIPT = ROOT / "scripts" / "ml" / "compile_bytecode.py"
# Flags of a file of bytecode whose source is named by its hash and not checked (PEP 552).
UNCHECKED_HASH = b"\x01\x00\x00\x00"


def compile_trees(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    argv = [sys.executable, "-B", SCRIPT, folder]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def read_bytecode(folder: Path, name: str) -> bytes:
    return Path(cache_from_source(str(folder / name))).read_bytes()


def test_every_file_of_every_tree_is_compiled_for_its_path_in_the_image(tmp_path: Path) -> None:
    names = ("torch/usr/lib/a.py", "torch/usr/lib/sub/b.py", "rest/usr/lib/c.py")
    assert compile_trees(tmp_path, dict.fromkeys(names, "x = 1\n")).returncode == 0
    for name in names:
        code = read_bytecode(tmp_path, name)
        assert code[4:8] == UNCHECKED_HASH
        assert f"/{name.partition('/')[2]}".encode() in code
        assert str(tmp_path).encode() not in code


def test_the_bytes_of_a_folder_are_the_same_whatever_else_there_is(tmp_path: Path) -> None:
    """A string that another file of the process has made too is written as a reference."""
    names = [f"name_{number}" for number in range(50)]
    one, other = "".join(f"{name} = '{name}'\n" for name in names), f"words = {names}\n"
    few, many = tmp_path / "few", tmp_path / "many"
    compile_trees(few, {"t/z/one.py": one})
    compile_trees(many, {"t/z/one.py": one} | {f"t/{letter}/other.py": other for letter in "abcdefgh"})
    assert read_bytecode(few, "t/z/one.py") == read_bytecode(many, "t/z/one.py")


def test_a_file_that_does_not_compile_stops_the_build_and_is_named(tmp_path: Path) -> None:
    done = compile_trees(tmp_path, {"rest/a.py": "x = 1\n", "rest/b.py": "x = = 1\n"})
    assert done.returncode == 1
    assert "b.py" in done.stdout
    assert "do not compile" in done.stderr

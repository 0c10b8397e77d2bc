"""The program that asks an image what it can do, asked here about this Python."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("abilities", ROOT / "image_testing/abilities.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.process
def test_each_module_is_imported_by_a_python_of_its_own(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {
        "fine": "print('noise')",
        "broken": "raise OSError('libx.so.1: cannot open')",
        "gone": "import os; os._exit(3)",
        "leaving": "raise SystemExit(0)",
    }
    for name, text in sources.items():
        (tmp_path / f"{name}_module.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = {name: program.try_import(f"{name}_module") for name in (*sources, "missing")}
    assert told == {
        "fine": "",
        "broken": "OSError: libx.so.1: cannot open",
        "gone": "ended with 3",
        "leaving": "ended while it was imported",
        "missing": "ModuleNotFoundError: No module named 'missing_module'",
    }


@pytest.mark.process
def test_a_module_that_does_not_end_is_told(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endless_module.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(program, "MODULE_S", 0.5)
    assert program.try_import("endless_module") == "not imported within 0.5 s"


def test_public_modules_of_the_library_and_of_packages_are_asked_for(program: ModuleType) -> None:
    names = program.list_modules()
    assert {"ssl", "sqlite3", "pydantic", "yaml"} <= set(names)
    assert not [name for name in names if name.startswith("_")]
    assert "antigravity" not in names


@pytest.mark.process
def test_without_ffmpeg_its_lists_are_empty(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert program.ask_ffmpeg("codecs") == ""

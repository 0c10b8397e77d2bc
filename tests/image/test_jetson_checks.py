"""The checks that only a Jetson can pass, asked here what they make of right and wrong answers."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import ROOT

CHECKS = ROOT / "image_testing" / "checks"
LABELS = {"io.baseimages.tensorrt": "10.4"}


@pytest.fixture(name="jetson")
def load_checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """jetson_checks.py with its neighbours, as the runner finds them."""
    monkeypatch.syspath_prepend(str(CHECKS))
    before = set(sys.modules)
    yield importlib.import_module("jetson_checks")
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == CHECKS:
            del sys.modules[name]


def answer(jetson: Any, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the next program prints."""
    monkeypatch.setattr(jetson.core_checks, "run", lambda *_: text)
    monkeypatch.setattr(jetson.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=text))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ("", "0 packages"),
        ("libnvinfer10 10.4.0.26-1+cuda12.6\nlibnvinfer-bin 10.4.0.26-1\nlibnvinfer8 \n", "2 packages"),
    ],
)
def test_no_package_of_tensorrt_or_one_of_the_declared_release_passes(
    known: str, told: str, jetson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(jetson, monkeypatch, known)
    assert jetson.check_packages(LABELS).startswith(told)


@pytest.mark.parametrize("version", ["10.40.0-1", "10.3.0.30-1+cuda12.5", "8.6.2.3-1+cuda12.2", "110.4.0"])
def test_a_package_of_another_release_than_the_label_fails_with_both(
    version: str, jetson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(jetson, monkeypatch, f"libnvinfer10 10.4.0.26-1\nlibnvinfer-bin {version}\n")
    with pytest.raises(AssertionError, match=r"says 10\.4, dpkg has \{'libnvinfer-bin'"):
        jetson.check_packages(LABELS)


@pytest.mark.parametrize(
    ("library", "module", "told"),
    [
        (100400, "10.4.0", ""),
        (100300, "10.4.0", "libnvinfer.so.10': '10.3.0"),
        (100400, "10.3.0", "tensorrt': '10.3.0"),
    ],
)
def test_library_and_module_of_tensorrt_are_both_of_the_label(
    library: int, module: str, told: str, jetson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(__version__=module, __file__="/usr/local/lib/tensorrt/__init__.py")
    monkeypatch.setitem(sys.modules, "tensorrt", found)
    answers = SimpleNamespace(getInferLibVersion=lambda: library)
    monkeypatch.setattr(jetson.gpu_checks.ctypes, "CDLL", lambda _: answers)
    if told:
        with pytest.raises(AssertionError, match=re.escape(told)):
            jetson.check_tensorrt(LABELS)
    else:
        assert jetson.check_tensorrt(LABELS) == "10.4.0"


def test_an_index_that_the_base_still_names_fails(jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(jetson, monkeypatch, "\n")
    assert jetson.check_index() == "pip's own index alone"
    answer(jetson, monkeypatch, "https://index.example/jp6\n")
    with pytest.raises(AssertionError, match=r"index\.example"):
        jetson.check_index()


@pytest.mark.process
def test_pip_passes_over_what_the_image_sets_and_its_files_only_where_told(
    jetson: Any, tmp_path: Path
) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nextra-index-url = https://index.example/jp6\n")
    empty = {"PIP_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": ""}
    argv = [sys.executable, "-c", jetson.ASK_PIP]
    for file, found in (("/dev/null", []), (str(tmp_path / "pip.conf"), ["https://index.example/jp6"])):
        environment = empty | {"PIP_CONFIG_FILE": file}
        told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, env=environment)
        assert told.stdout.split() == found


@pytest.mark.parametrize(
    ("file", "passes"), [("/usr/lib/python3/dist-packages/a.py", True), ("/opt/python/a.py", False)]
)
def test_a_module_of_ours_in_place_of_the_bases_fails(
    file: str, passes: bool, jetson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SimpleNamespace(__file__=file, __version__="1")
    monkeypatch.setattr(jetson.importlib, "import_module", lambda _: module)
    if passes:
        assert jetson.check_owner("torch").startswith("1 at /usr/lib")
    else:
        with pytest.raises(AssertionError, match="none of the base's"):
            jetson.check_owner("torch")


def test_what_hides_the_base_is_named_and_what_only_sounds_like_it_is_not(
    jetson: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jetson, "OURS", tmp_path)
    monkeypatch.setattr(jetson.sysconfig, "get_path", lambda _: str(tmp_path))
    for name in ("nvidia_ml_py-13.0", "pandas-2.3"):
        (tmp_path / f"{name}.dist-info").mkdir()
    assert jetson.check_nothing_replaced() == "2 distributions"
    for name in ("numpy-2.2", "nvidia_cublas_cu12-12.8"):
        (tmp_path / f"{name}.dist-info").mkdir()
    with pytest.raises(AssertionError, match=r"\['numpy', 'nvidia_cublas_cu12'\]"):
        jetson.check_nothing_replaced()

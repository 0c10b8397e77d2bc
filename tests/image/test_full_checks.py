"""Which locks and which torch the suite holds an image to, by the labels of the image."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import ROOT

CHECKS = ROOT / "image_testing" / "checks"
BASE = {"io.baseimages.base-family": "debian-13"}
SOURCE = "io.baseimages.torch-source"


@pytest.fixture(name="full")
def load_checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """full_checks.py with its neighbours, as the runner finds them."""
    monkeypatch.syspath_prepend(str(CHECKS))
    before = set(sys.modules)
    yield importlib.import_module("full_checks")
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == CHECKS:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        ({}, "debian-13"),
        ({SOURCE: "index"}, "debian-13"),
        ({SOURCE: "archive"}, "debian-13-archive"),
        ({"io.baseimages.cuda": "12.8"}, "cuda-12.8"),
    ],
)
def test_the_labels_of_an_image_name_its_locks(labels: dict[str, str], part: str, full: Any) -> None:
    assert full.lock_part(BASE | labels) == part


def test_torch_of_the_archive_is_held_to_its_promise_and_the_index_s_to_its_lock(
    full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__="2.6.0+debian"))
    monkeypatch.setattr(full.core_checks, "read_lock", lambda _: {"torch": "2.9.1"})
    promised = {"debian-13-archive": "2.6.0"}
    assert full.check_torch("debian-13-archive", promised) == "2.6.0+debian"
    with pytest.raises(AssertionError, match=r"2\.9\.1"):
        full.check_torch("debian-13", promised)

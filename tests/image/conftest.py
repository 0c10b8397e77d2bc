"""Scripts of scripts/ml as modules; they run inside a build, not here."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.conftest import ROOT


def load_script(name: str) -> ModuleType:
    """A script of scripts/ml as a module; it finds its neighbours as in a build."""
    path = ROOT / "scripts" / "ml" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def _neighbours() -> Iterator[None]:
    sys.path.insert(0, str(ROOT / "scripts" / "ml"))
    yield
    sys.path.remove(str(ROOT / "scripts" / "ml"))

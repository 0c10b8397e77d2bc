"""A small checkout: one image, its locks and its knowledge."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from baseimages.command import Runner
from baseimages.compat import INDEXES, CompatibilityReport, Indexes, run_compat
from baseimages.declare import load_family
from tests.conftest import ROOT

TODAY = date(2026, 11, 24)
FIXTURES = ROOT / "tests" / "fixtures" / "compat"
FAMILY = f"""
[bases.tiny]
reference = "tiny:1"
digest = "sha256:{"0" * 64}"
glibc = "2.39"
[images.one]
name = "image_one"
environment_version = "1.0.0"
platform = "linux/amd64"
accelerator = "cpu"
targets = ["core"]
default_target = "core"
bases = ["tiny"]
suite = "image_testing/test-one.sh"
tags = ["{{target}}-{{base}}"]
"""
DOCKERFILE = "ARG PYTHON_VERSION=3.13\nFROM scratch AS core\n"
LIMITS = "[limits]\ncryptography_age_max_days = 365\n"


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """Writes what a test needs and asks for the matrix."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "image_one"

    def declare(self, keys: str = "", knowledge: str = "") -> None:
        """More keys of the image, more tables of compatibility.toml."""
        (self.root / "images.toml").write_text(FAMILY + keys, encoding="utf-8")
        (self.root / "compatibility.toml").write_text(LIMITS + knowledge, encoding="utf-8")

    def ask_for(self, *requirements: str, part: str = "tiny") -> None:
        (self.folder / "requirements.in").write_text("\n".join(requirements) + "\n", encoding="utf-8")
        (self.folder / f"requirements-{part}.in").write_text("", encoding="utf-8")

    def lock(self, pins: Iterable[tuple[str, str, str]], part: str = "tiny") -> None:
        """Pins as (name, version, sha256)."""
        text = "".join(
            f"{name}=={version} \\\n    --hash=sha256:{digest}\n" for name, version, digest in pins
        )
        (self.folder / "requirements.txt").write_text(text, encoding="utf-8")
        (self.folder / f"requirements-{part}.txt").write_text("", encoding="utf-8")

    def lock_answer(self, name: str, part: str = "tiny") -> None:
        """Lock exactly what a recorded answer holds."""
        packages = tomllib.loads(recorded(name, "toml"))["packages"]
        self.lock(
            [(p["name"], p["version"], w["hashes"]["sha256"]) for p in packages for w in p["wheels"]], part
        )

    def judge(
        self, runner: Runner, *, indexes: Indexes = INDEXES, today: date = TODAY, **options: Any
    ) -> CompatibilityReport:
        family = load_family(self.root / "images.toml")
        environ = options.pop("environ", {})
        return run_compat(self.root, family, runner, indexes=indexes, today=today, environ=environ, **options)


def recorded(name: str, stream: str) -> str:
    """A recorded stream of uv."""
    return (FIXTURES / f"{name}.{stream}").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(root=tmp_path)
    made.folder.mkdir()
    (made.folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    made.declare()
    made.ask_for("a")
    made.lock([])
    return made

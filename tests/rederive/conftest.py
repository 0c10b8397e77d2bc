"""A checkout with one committed report that verifies, and a git that is scripted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from baseimages.build import BuildRecord
from baseimages.rederive import Check, Outcome, Proof, prove_reports
from baseimages.report import ImageReport, write_report
from tests.conftest import FakeRunner
from tests.inspect.conftest import cache
from tests.report.conftest import REVISION, build, report, step

__all__ = ["build", "cache", "report"]
COMMITTED_S = 1767323044  # a second before the build of the fixture began
CREATED = "2026-01-02T03:04:04Z"
INPUTS = {"images.toml": "[images.cpu]\nbudget_bytes = { core = 5 }\n", "image/Dockerfile": "FROM x\n"}


@dataclass
class Checkout:
    """What a test breaks and then verifies."""

    root: Path
    folder: Path
    runner: FakeRunner

    def prove(self, **options: Any) -> Proof:
        return prove_reports(self.root, self.runner, Console(quiet=True), **options)

    def check(self, what: str, **options: Any) -> Check:
        """The one check of that name of the one report."""
        (report,) = self.prove(**options).reports
        (check,) = [check for check in report.checks if check.what == what]
        return check

    def drifted(self) -> dict[str, str]:
        """What drifted, and how."""
        proof = self.prove()
        found = [check for report in proof.reports for check in report.drift]
        found += [check for check in proof.together if check.outcome == Outcome.DRIFT]
        return {check.what: check.detail for check in found}

    def edit(self, change: Any) -> None:
        """Change the record and make all that is made from it anew, as someone would who hides it."""
        path = self.folder / "record.json"
        document = json.loads(path.read_text())
        change(document["targets"][0])
        write_report(self.root, ImageReport.model_validate(document))

    def script_git(self, *words: str, stdout: str = "", returncode: int = 0) -> None:
        prefix = ("git", "--no-optional-locks", "-C", str(self.root), *words)
        self.runner.script(*prefix, stdout=stdout, returncode=returncode)


@pytest.fixture
def consistent(report: ImageReport, build: BuildRecord) -> ImageReport:
    """The report of the fixtures with what the tool takes from commit, base and inputs."""
    (part,) = report.targets
    base = build.base
    taken = {
        "BASE_DIGEST": base.digest, "BASE_FAMILY": base.family, "BASE_NAME": base.reference,
        "CREATED": CREATED, "REVISION": REVISION,
    }  # fmt: skip
    inputs = [{"path": p, "sha256": hashlib.sha256(t.encode()).hexdigest()} for p, t in INPUTS.items()]
    document = part.model_dump(mode="json")
    document["build"] |= {"build_args": taken, "inputs": inputs}
    document["layers"]["owners"] = {"base": 2_000_000, "os": 2_000_000}
    document["budget_bytes"] = 5
    hit = step("[os 1/2] RUN apt", 0.0, 0.0, cached=True).model_dump()
    document["benchmark"]["runs"][2] |= {"hits": 1, "misses": 0, "steps": [hit]}
    return ImageReport.model_validate(report.model_dump() | {"targets": [document]})


@pytest.fixture
def checkout(tmp_path: Path, consistent: ImageReport, runner: FakeRunner) -> Checkout:
    folder = write_report(tmp_path, consistent).parent
    made = Checkout(root=tmp_path, folder=folder, runner=runner)
    made.script_git("log", stdout="1" * 40 + "\n")
    made.script_git("show", "-s", stdout=f"{COMMITTED_S}\n")
    made.script_git("merge-base")
    made.script_git("rev-parse", stdout="false\n")
    for path, text in INPUTS.items():
        made.script_git("show", f"{REVISION}:{path}", stdout=text)
    return made


def append(path: Path) -> None:
    path.write_text(path.read_text() + " ")


def set_value(*words: Any) -> Callable[[dict[str, Any]], None]:
    """An edit of one value of a target."""
    *path, value = words

    def change(part: dict[str, Any]) -> None:
        for word in path[:-1]:
            part = part[word]
        part[path[-1]] = value

    return change

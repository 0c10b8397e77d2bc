"""Verbs that judge committed evidence, as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tasks
from baseimages.errors import DriftError, UsageError
from tests.conftest import ROOT
from tests.tasks.conftest import call, list_files, refusal

NAME = "base_edge_node_arm64_tegra/f1bb0c9cafbf"


@pytest.fixture
def reported(checkout: Path) -> Path:
    """A checkout with one committed report."""
    shutil.copytree(ROOT / "reports" / NAME, checkout / "reports" / NAME)
    return checkout


@pytest.mark.process
def test_drift_is_told_as_json_and_is_an_exit_code_of_its_own(
    reported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tasks.report, again=True)
    capsys.readouterr()
    call(tasks.verify_report, json=True)  # outside of git: what only git tells stays open
    (proof,) = json.loads(capsys.readouterr().out)["reports"]
    assert {check["outcome"] for check in proof["checks"]} == {"verified", "not recomputed"}
    (reported / "reports" / NAME / "report.md").write_text("edited\n")
    with pytest.raises(SystemExit) as caught:
        call(tasks.verify_report, json=True)
    told = capsys.readouterr()
    assert caught.value.code == DriftError.exit_code
    assert [c["what"] for c in json.loads(told.out)["reports"][0]["checks"] if c["outcome"] == "drift"] == [
        "files",
        "rendering",
    ]
    assert told.err.startswith("error: 2 checks of committed reports drifted\n")


def test_reports_are_rendered_again_and_a_dry_run_only_says_so(
    reported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (reported / "reports" / NAME / "report.md").write_text("edited\n")
    before = list_files(reported)
    call(tasks.report, again=True, dry_run=True)
    assert capsys.readouterr().out == (
        f"would change reports/{NAME}/report.md\nwould change reports/README.md\n"
    )
    assert list_files(reported) == before
    call(tasks.report, again=True, json=True)
    told = json.loads(capsys.readouterr().out)
    assert told == {"dry_run": False, "changed": [f"reports/{NAME}/report.md", "reports/README.md"]}
    assert (reported / "reports" / NAME / "report.md").read_bytes() == (
        ROOT / "reports" / NAME / "report.md"
    ).read_bytes()
    call(tasks.report, again=True)
    assert capsys.readouterr().out == "every report is as its record renders\n"


@pytest.mark.process
def test_an_unknown_report_is_refused(reported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refusal(capsys, tasks.verify_report, only=["x/y"])
    assert (code, NAME in said) == (UsageError.exit_code, True)

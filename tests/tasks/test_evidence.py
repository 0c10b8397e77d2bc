"""Verbs that judge committed evidence, as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tasks
from baseimages import evidence
from baseimages.command import ProcessRunner
from baseimages.compare import Decision
from baseimages.declare import History
from baseimages.errors import DeclarationError, DriftError, UsageError
from baseimages.report import load_proposals
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


@pytest.mark.process
def test_a_clone_without_history_scores_no_proposal(
    reported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.score)
    assert (code, "git fetch --unshallow" in said) == (DeclarationError.exit_code, True)


def test_proposals_are_told_and_a_dry_run_writes_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evidence, "load_proposals", lambda *_: ())
    before = list_files(checkout)
    call(tasks.score, dry_run=True)
    assert capsys.readouterr().out == "nothing written\n"
    call(tasks.score, dry_run=True, json=True)
    assert json.loads(capsys.readouterr().out) == []
    assert list_files(checkout) == before


@pytest.mark.process
def test_what_was_kept_against_a_gate_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History(root=ROOT, runner=ProcessRunner())
    if not history.is_whole():
        pytest.skip("the revisions of the proposals are not in this clone (git fetch --unshallow)")
    records = load_proposals(ROOT, history)
    (failing,) = [record for record in records if record.failed_gates]
    kept = failing.proposal.model_copy(update={"decision": Decision.KEPT})
    record = failing.model_copy(update={"proposal": kept})
    monkeypatch.setattr(evidence, "load_proposals", lambda *_: (record,))
    code, said = refusal(capsys, tasks.score, dry_run=True)
    assert (code, "one-image-with-cuda: kept, and gate tests fails" in said) == (36, True)

"""The files of proposals are made of tables, records and git, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.command import ProcessRunner
from baseimages.compare import refuse_wrong_decisions
from baseimages.declare import History
from baseimages.errors import DeclarationError, UsageError
from baseimages.report import ImageReport, load_proposals, render_proposals, write_proposals, write_report
from tests.conftest import ROOT, FakeRunner

TABLE = """\
title = "Do | it"
claim = "<b>Better</b>."
decision = "rejected"
decided = 2026-01-02
reason = "No `need`."
[baseline]
report = "image/cccccccccccc"
target = "core"
base = "debian-13"
[candidate]
report = "image/cccccccccccc"
target = "core"
base = "debian-13"
"""


@pytest.fixture
def proposed(tmp_path: Path, report: ImageReport) -> Path:
    write_report(tmp_path, report)
    folder = tmp_path / "reports/proposals"
    folder.mkdir()
    (folder / "rubric.toml").write_bytes((ROOT / "reports/proposals/rubric.toml").read_bytes())
    (folder / "it.toml").write_text(TABLE)
    return folder


@pytest.fixture
def history(tmp_path: Path, runner: FakeRunner) -> History:
    """A whole clone that does not know the revision of the fixture."""
    runner.script("git", returncode=128)
    runner.script("git", "--no-optional-locks", "-C", str(tmp_path), "rev-parse", stdout="false\n")
    return History(root=tmp_path, runner=runner)


@pytest.mark.process
def test_the_committed_proposals_are_kept_by_their_evidence() -> None:
    history = History(root=ROOT, runner=ProcessRunner())
    if not history.is_whole():
        pytest.skip("the revisions of the proposals are not in this clone (git fetch --unshallow)")
    records = load_proposals(ROOT, history)
    refuse_wrong_decisions(records)
    assert {record.proposal.decision for record in records} >= {"kept", "rejected"}


def test_a_proposal_says_its_decision_its_gates_and_what_is_open(
    proposed: Path, history: History, tmp_path: Path
) -> None:
    write_proposals(tmp_path, load_proposals(tmp_path, history))
    text = (proposed / "it.md").read_text()
    assert "| decision | **rejected**, 2026-01-02 |" in text
    assert "# Do \\| it\n" in text
    assert "\\<b\\>Better" in text
    assert "| build time | 2 | 100.0 s | 100.0 s | -1.000 to +1.000 |" in text
    assert "+0.000 | +0 bytes, +0.000%" in text
    assert "-0.000" not in text
    (row,) = [line for line in (proposed / "README.md").read_text().splitlines() if "it.md" in line]
    assert "incomplete; score between -0.750 and +0.500, open: compatibility, build time, security" in row


def test_rendering_again_gives_the_same_bytes(proposed: Path, history: History, tmp_path: Path) -> None:
    records = load_proposals(tmp_path, history)
    assert render_proposals(tmp_path, records) == render_proposals(
        tmp_path, load_proposals(tmp_path, history)
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("image/cccccccccccc", "image/cccccccccccd", "did you mean image/cccccccccccc"),
        ('target = "core"', 'target = "cor"', "did you mean core on debian-13"),
    ],
)
def test_evidence_that_is_not_there_is_refused_with_the_nearest(
    old: str, new: str, told: str, proposed: Path, history: History, tmp_path: Path
) -> None:
    (proposed / "it.toml").write_text(TABLE.replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_proposals(tmp_path, history)
    assert told in caught.value.next_step


def test_a_key_that_is_none_names_the_file_and_the_nearest(
    proposed: Path, history: History, tmp_path: Path
) -> None:
    (proposed / "it.toml").write_text("claims = 1\n" + TABLE)
    with pytest.raises(DeclarationError, match=r"it\.toml: unknown key claims") as caught:
        load_proposals(tmp_path, history)
    assert "claim" in caught.value.next_step


def test_a_clone_without_the_revisions_scores_nothing(
    proposed: Path, history: History, runner: FakeRunner, tmp_path: Path
) -> None:
    runner.script("git", "--no-optional-locks", "-C", str(tmp_path), "rev-parse", stdout="true\n")
    with pytest.raises(DeclarationError, match="does not have the revisions"):
        load_proposals(tmp_path, history)

"""The proposals of a checkout are scored again; an edit, or evidence that is gone, is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.declare import History
from baseimages.rederive import Outcome
from baseimages.report import load_proposals, write_proposals
from tests.conftest import ROOT
from tests.rederive.conftest import REVISION, Checkout, append
from tests.report.test_proposals import TABLE


@pytest.fixture
def proposed(checkout: Checkout) -> Path:
    """The checkout with one proposal, scored."""
    folder = checkout.root / "reports/proposals"
    folder.mkdir()
    (folder / "rubric.toml").write_bytes((ROOT / "reports/proposals/rubric.toml").read_bytes())
    (folder / "it.toml").write_text(TABLE)
    checkout.script_git("ls-tree")
    checkout.script_git("show", f"{REVISION}:image/Dockerfile", stdout="FROM scratch AS core\n")
    history = History(root=checkout.root, runner=checkout.runner)
    write_proposals(checkout.root, load_proposals(checkout.root, history))
    return folder


def proposals_of(checkout: Checkout) -> tuple[Outcome, str]:
    (check,) = [check for check in checkout.prove().together if check.what == "proposals"]
    return check.outcome, check.detail


def test_proposals_are_scored_again(checkout: Checkout, proposed: Path) -> None:
    assert proposals_of(checkout) == (Outcome.VERIFIED, "1 proposals scored again")
    append(proposed / "it.md")
    (proposed / "other.md").write_text("made up\n")
    assert proposals_of(checkout) == (Outcome.DRIFT, "not what `invoke score` makes: it.md; other.md")


def test_a_proposal_whose_evidence_is_gone_drifted(checkout: Checkout, proposed: Path) -> None:
    (proposed / "it.toml").write_text(TABLE.replace("cccccccccccc", "dddddddddddd"))
    outcome, detail = proposals_of(checkout)
    assert (outcome, "unknown report" in detail) == (Outcome.DRIFT, True)


def test_a_shallow_clone_leaves_proposals_open(checkout: Checkout, proposed: Path) -> None:
    checkout.script_git("rev-parse", stdout="true\n")
    assert proposals_of(checkout)[0] == Outcome.OPEN

"""The Markdown of a comparison: verdicts first, only what changed, and no name leaves its cell."""

from __future__ import annotations

from dataclasses import replace

from baseimages.compare import DeltaRecord, Side, compare_sides, make_ledger
from baseimages.declare import Budget, Loss
from baseimages.report import render_delta
from tests.compare.conftest import cold_steps, layers, recipe
from tests.compare.sides import make_contract, make_scan, make_side

HOSTILE = "na|no<b>`x`</details>\n| y |"


def render(old: Side, new: Side, *losses: Loss, budget: Budget | None = None) -> str:
    delta = compare_sides(old, new, losses, budget or Budget(owners={}))
    return render_delta(DeltaRecord(allowed=(), targets=(delta,)))


def test_verdicts_and_failures_stand_before_the_tables() -> None:
    text = render(make_side(), make_side(contract=make_contract(programs=["bash"])))
    head = text.partition("## ")[0]
    assert "| **breaking** | **1 fail** |" in head
    assert "- **fails**: image:core-debian-13: 1 breaking: program nano" in head
    assert "| program | nano | there | none |" in text


def test_without_a_change_there_is_no_table_of_changes() -> None:
    text = render(make_side(), make_side())
    assert "<details>" not in text
    assert "Contract: no change.\n" in text
    assert "| **patch** | pass |" in text


def test_what_was_not_measured_says_so_and_what_measures_it() -> None:
    text = render(make_side(), make_side(contract=None, abilities=None, scan=None))
    assert "not compared: not measured" in text
    assert "Contract: not measured on one side at least; `invoke scan` reads it." in text
    assert "Abilities: not measured on one side at least; `invoke verify` asks for them." in text
    assert "Packages: not measured on one side at least" in text


def test_names_of_an_image_stay_inert_and_in_their_cells() -> None:
    odd = make_contract(programs=["bash", "nano", HOSTILE], labels={"created": HOSTILE}, environment={})
    package = make_scan().sbom.model_copy(update={"packages": (f"pkg:pypi/x@1.0{'%7C%3Cb%3E'}",)})
    new = make_side(contract=odd, scan=make_scan().model_copy(update={"sbom": package}))
    text = render(make_side(), replace(new, name=HOSTILE))
    assert text.count("<details>") == text.count("</details>")
    assert "<b>" not in text.replace("\\<b", "")
    for table in text.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") - row.count("\\|") for row in rows}) <= 1


def test_a_reason_stands_beside_its_loss() -> None:
    loss = Loss(aspect="program", names=("nano",), why="An editor.")
    text = render(make_side(), make_side(contract=make_contract(programs=["bash"])), loss)
    assert "Contract: 1 allowed loss.\n" in text
    assert "| breaking | program | nano | there | none | An editor. |" in text


def test_packages_that_moved_are_told_with_their_direction() -> None:
    sbom = make_scan().sbom.model_copy(update={"packages": ("pkg:pypi/torch@2.10.0", "pkg:deb/debian/vi@1")})
    text = render(make_side(), make_side(scan=make_scan().model_copy(update={"sbom": sbom})))
    assert "Packages: 1 removed, 1 added, 1 up.\n" in text
    assert "| pkg:pypi/torch | up | 2.9.1 | 2.10.0 |" in text


def test_the_lines_that_made_the_difference_are_told_without_a_claim_about_seconds() -> None:
    ledger = make_ledger(recipe(), cold=cold_steps(), layers=layers())
    text = render(make_side(ledger=ledger), make_side(ledger=ledger))
    assert "### Which line did it" in text
    assert "Seconds here are of single runs: no claim about them." in text
    assert "Lines of the Dockerfile: not measured" in render(make_side(), make_side(ledger=ledger))

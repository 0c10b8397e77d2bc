"""What a person may ask of pairs, and what is refused before an engine is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from baseimages.arms import wish_pairs
from tests.tasks.conftest import call, refusal, store_build


def test_the_plan_of_a_session_is_printed_without_an_engine(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    call(tasks.benchmark, variant="cpu", against=["gpu"], pairs=6, dry_run=True, seed=3)
    said = capsys.readouterr().out
    assert "candidate against baseline, seed 3" in said
    for words in ("cold             0 A/A pairs, 1 pairs", "no-op            6 A/A pairs, 6 pairs"):
        assert words in said
    assert "edit-pin" in said


def test_a_scenario_may_have_a_number_of_pairs_of_its_own(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    call(tasks.benchmark, variant="cpu", scenario=["cold=2", "edit-apt"], pairs=8, dry_run=True)
    said = capsys.readouterr().out
    assert "cold             2 A/A pairs" in said
    assert "edit-apt         8 A/A pairs" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"scenario": ["edit-pim"]}, "did you mean edit-pin"),
        ({"scenario": ["cold=0"]}, "from 1 to 1000"),
        ({"scenario": ["cold=many"]}, "from 1 to 1000"),
        ({"scenario": ["cold="]}, "from 1 to 1000"),
        ({"pairs": -1}, "from 1 to 1000"),
        ({"pairs": 10**9}, "from 1 to 1000"),
        ({"budget": "20 minutes"}, "write it like 90s, 20m or 1.5h"),
        ({"disk_budget": "60"}, "write it like 500MB or 60GB"),
        ({"pairs": 6, "against": ["baseline-arm64"]}, "unknown variant 'baseline-arm64'"),
        ({"pairs": 6, "against": ["emulated"]}, "leave --stage, emulated"),
        ({"pairs": 6, "against": ["gpu", "arm64"]}, "a second --against"),
        ({"pairs": 6, "against": ["gpu"], "stage": "os"}, "leave --stage"),
    ],
)
def test_words_that_mean_nothing_are_refused_with_the_next_step(
    checkout: Path, capsys: pytest.CaptureFixture[str], words: dict[str, object], said: str
) -> None:
    store_build(checkout, "core")
    code, error = refusal(capsys, tasks.benchmark, variant="cpu", dry_run=True, **words)
    assert code == 2
    assert said in error


def test_without_a_word_about_pairs_the_comparison_is_a_single_one() -> None:
    none = ("", "", 1)
    assert wish_pairs(("gpu",), (), 0, *none, stage="") is None
    wish = wish_pairs(("baseline",), (), 0, *none, stage="")
    assert wish
    assert wish.name_other("cpu") == "baseline-cpu"

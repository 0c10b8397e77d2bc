"""What a person may ask of pairs, and what is refused before an engine is looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tasks
from baseimages import measuring
from baseimages.arms import find_baseline_work, wish_pairs
from baseimages.declare import Revision
from baseimages.errors import BudgetError, MeasurementError
from baseimages.inspect import LayerIndex
from baseimages.plan import BaseImage, BuildPlan
from baseimages.records import WorkFolder, write_record
from baseimages.selection import Selection
from tests.measure.conftest import plan
from tests.tasks.conftest import COMMIT, DIGEST, call, refusal, store_build

__all__ = ["plan"]
OTHER_BASE = BaseImage(family="debian-13", reference="x:1", digest="sha256:0", origin="x", reason="")


def test_the_plan_of_a_session_is_printed_without_an_engine(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    call(tasks.benchmark, variant="cpu", against=["gpu"], pairs="6", dry_run=True, seed="3")
    said = capsys.readouterr().out
    assert "candidate against baseline, seed 3" in said
    for words in ("cold             0 A/A pairs, 1 pairs", "no-op            6 A/A pairs, 6 pairs"):
        assert words in said
    assert "edit-pin" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [({}, "then measure cold, no-op and edit builds"), ({"pairs": "6"}, "then plan and measure pairs")],
)
def test_what_is_not_built_would_be_built_before(
    checkout: Path, capsys: pytest.CaptureFixture[str], words: dict[str, int], told: str
) -> None:
    call(tasks.benchmark, variant="cpu", target="core", dry_run=True, **words)
    said = capsys.readouterr().out
    assert said.startswith("would build base_edge_node_amd64_cpu core, ")
    assert told in said


def test_a_benchmark_builds_what_is_not_built_and_ends_with_the_report(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def build(*_: object, **__: object) -> str:
        done.append("build")
        store_build(checkout, "core")
        return ""

    def measure(*_: object) -> None:
        done.append("measure")
        raise MeasurementError("that is enough", next_step="x")

    monkeypatch.setattr(measuring, "build", build)
    monkeypatch.setattr(measuring, "plan_again", measure)
    monkeypatch.setattr(measuring, "find_engine", lambda _: None)
    code, _ = refusal(capsys, tasks.benchmark, variant="cpu", target="core")
    assert (code, done) == (MeasurementError.exit_code, ["build", "measure"])
    monkeypatch.setattr(measuring, "benchmark", lambda *_, **__: "measured\n")
    call(tasks.benchmark, variant="cpu")
    said = capsys.readouterr().out
    assert said.startswith("measured\n")
    (report,) = checkout.glob("reports/*/*/report.md")
    assert said.endswith(f"report: {report}\n")
    call(tasks.benchmark, variant="cpu", json=True)
    assert capsys.readouterr().out == "measured\n", "a script reads one document"


def test_an_image_over_its_budget_has_its_numbers_and_its_report_before_it_fails(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = store_build(checkout, "core")
    layer = {
        "digest": DIGEST, "diff_id": DIGEST, "media_type": "x", "compressed_bytes": 10**10, "entries": 0,
        "uncompressed_bytes": 1, "file_bytes": 0, "whiteouts": 0, "owner": "os", "created_by": "",
    }  # fmt: skip
    layers = LayerIndex.model_validate({"manifest_digest": DIGEST, "layers": [layer], "owners": {}})
    work = WorkFolder(root=checkout, image_name=build.image_name, base="debian-13", target="core")
    write_record(work.path / WorkFolder.LAYERS, layers)
    monkeypatch.setattr(measuring, "benchmark", lambda *_, **__: "measured\n")
    with pytest.raises(SystemExit) as caught:
        call(tasks.benchmark, variant="cpu")
    said = capsys.readouterr()
    assert caught.value.code == BudgetError.exit_code
    assert said.out.startswith("measured\n")
    assert "report: " in said.out
    write_record(work.path / WorkFolder.LAYERS, layers.model_copy(update={"manifest_digest": "sha256:0"}))
    call(tasks.benchmark, variant="cpu")  # these are another image's


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, False),
        ({"revision": Revision(commit="b" * 40, dirty=False, epoch_s=0)}, True),
        ({"revision": Revision(commit=COMMIT, dirty=True, epoch_s=0)}, True),
        ({"build_args": (("A", "1"),)}, True),
        ({"base": OTHER_BASE}, True),
        ({"variant": "gpu"}, False),
    ],
)  # fmt: skip
def test_the_baselines_build_is_stored_unless_the_very_same_lies_there(
    checkout: Path, plan: BuildPlan, changes: dict[str, object], wanted: bool
) -> None:
    built = store_build(checkout, "core", variant="baseline-cpu")
    selection = Selection(root=checkout, variant="cpu", target="core", base="debian-13")
    same = replace(
        plan, variant="baseline-cpu", build_args=(), base=BaseImage(**built.base.model_dump()),
        revision=Revision(commit=COMMIT, dirty=False, epoch_s=0),
    )  # fmt: skip
    work = find_baseline_work(selection, replace(same, **changes))
    assert (work is not None) is wanted
    if work:
        assert work.image_name == "baseline_edge_node_amd64_cpu"


def test_a_damaged_build_of_the_baseline_is_overwritten(checkout: Path, plan: BuildPlan) -> None:
    store_build(checkout, "core", variant="baseline-cpu")
    next(checkout.rglob(WorkFolder.BUILD)).write_text("{")
    selection = Selection(root=checkout, variant="cpu", target="core", base="debian-13")
    base = replace(plan.base, family="debian-13")
    assert find_baseline_work(selection, replace(plan, variant="baseline-cpu", base=base))


def test_a_scenario_may_have_a_number_of_pairs_of_its_own(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    call(tasks.benchmark, variant="cpu", scenario=["cold=2", "edit-apt"], pairs="8", dry_run=True)
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
        ({"pairs": "0"}, "from 1 to 1000"),
        ({"pairs": "999999999"}, "from 1 to 1000"),
        ({"pairs": "-1"}, "write --pairs 6"),
        ({"pairs": "9" * 5000}, "--pairs '999"),
        ({"scenario": ["cold=" + "9" * 5000]}, "from 1 to 1000"),
        ({"pairs": "6", "seed": "one"}, "write --seed 6"),
        ({"budget": "20 minutes"}, "write it like 90s, 20m or 1.5h"),
        ({"disk_budget": "60"}, "write it like 500MB or 60GB"),
        ({"pairs": "6", "against": ["baseline-arm64"]}, "unknown variant 'baseline-arm64'"),
        ({"pairs": "6", "against": ["emulated"]}, "leave --stage, emulated"),
        ({"pairs": "6", "against": ["gpu", "arm64"]}, "a second --against"),
        ({"pairs": "6", "against": ["gpu"], "stage": "os"}, "leave --stage"),
        ({"scenario": ["edit-pin"], "in_place": True}, "leave --in-place out"),
        ({"against": ["gpu"], "rebuild": True, "in_place": True}, "leave --in-place and --rebuild out"),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_words_that_mean_nothing_are_refused_with_the_next_step_and_before_a_build(
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    words: dict[str, object],
    said: str,
    is_there: bool,
) -> None:
    if is_there:
        store_build(checkout, "core")
    code, error = refusal(capsys, tasks.benchmark, variant="cpu", target="core", dry_run=is_there, **words)
    assert code == 2
    assert said in error


def test_without_a_word_about_pairs_the_comparison_is_a_single_one() -> None:
    none = ("", "", "", "1")
    assert wish_pairs(("gpu",), (), *none, stage="") is None
    wish = wish_pairs(("baseline",), (), *none, stage="")
    assert wish
    assert wish.name_other("cpu") == "baseline-cpu"

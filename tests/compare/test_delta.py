"""A verdict for every row, a refusal where things do not compare, a gate for what may not be lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from baseimages.compare import (
    DeltaRecord,
    Ledger,
    Level,
    Row,
    Side,
    TargetDelta,
    Verdict,
    compare_sides,
    make_ledger,
    refuse_regressions,
)
from baseimages.compare.verdict import judge
from baseimages.declare import Budget, Loss
from baseimages.errors import RegressionError
from baseimages.inspect import AbilitiesRecord, SuiteRecord
from baseimages.measure import BenchmarkRecord
from baseimages.measure.pairs_record import judge_scenario
from baseimages.measure.scenario import NO_OP
from tests.compare.conftest import cold_steps, layers, recipe
from tests.compare.sides import make_contract, make_layers, make_scan, make_side
from tests.report.conftest import DIGEST, run
from tests.report.test_pairs import pair
from tests.report.test_pairs import record as pairs_record

NO_BUDGET = Budget(owners={})


def compare(old: Side, new: Side, *losses: Loss, budget: Budget = NO_BUDGET) -> TargetDelta:
    return compare_sides(old, new, losses, budget)


def record(delta: TargetDelta, *allowed: Level) -> DeltaRecord:
    return DeltaRecord(allowed=allowed, targets=(delta,))


def rows(delta: TargetDelta) -> dict[str, Row]:
    return {row.name: row for row in delta.rows}


def verdicts(delta: TargetDelta) -> dict[str, str]:
    return {row.name: str(row.verdict) for row in delta.rows}


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (100.0, 99.0, Verdict.BETTER),
        (100.0, 101.0, Verdict.WORSE),
        (100_000.0, 100_001.0, Verdict.NO_CHANGE),
        (0.0, 1.0, Verdict.WORSE),
        (None, 1.0, Verdict.NOT_MEASURED),
        (1.0, None, Verdict.NOT_MEASURED),
    ],
)
def test_less_is_better_and_what_is_missing_is_not_measured(
    old: float | None, new: float | None, verdict: Verdict
) -> None:
    assert judge(old, new, "") == verdict


def test_an_image_against_itself_has_nothing_to_tell(side: Side) -> None:
    delta = compare(side, side)
    assert (delta.owners, delta.packages, delta.contract, delta.abilities) == ((), (), (), ())
    assert delta.level == Level.PATCH
    told = verdicts(delta)
    assert (told["compressed"], told["packages"], told["time, cold"]) == (
        "no change",
        "no change",
        "no claim: single runs",
    )
    refuse_regressions(record(delta))


def test_single_runs_give_raw_values_and_a_ratio_but_no_claim(side: Side) -> None:
    runs = (run("cold", 50.0, note=""), run("edit", 3.0, note="", valid=False))
    fast = replace(side, benchmark=BenchmarkRecord(manifest_digest=DIGEST, runs=runs, overhead_s=None))
    row = rows(compare(side, fast))["time, cold"]
    assert (row.baseline, row.candidate, row.ratio) == (100.0, 50.0, 0.5)
    assert row.verdict == "no claim: single runs"
    assert verdicts(compare(side, fast))["time, edit"] == "not measured"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": {"cpu": "another"}}, "hosts a CPU, 2 cores"),
        ({"host": {"kernel": "7"}}, "kernel 7"),
        ({"engine": {"server_version": "29"}}, "engines 28 with buildx 0.29"),
    ],
)
def test_times_of_another_host_or_engine_are_not_comparable_but_sizes_are(
    side: Side, changes: dict[str, dict[str, str]], words: str
) -> None:
    parts = {name: getattr(side.build, name).model_copy(update=update) for name, update in changes.items()}
    delta = compare(side, replace(side, build=side.build.model_copy(update=parts)))
    assert verdicts(delta)["time, cold"] == "not comparable"
    assert words in rows(delta)["time, cold"].note
    assert verdicts(delta)["compressed"] == "no change"


def with_build(side: Side, changes: dict[str, Any]) -> Side:
    base = side.build.base.model_copy(update=changes.pop("base", {}))
    return replace(side, build=side.build.model_copy(update={"base": base, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": "linux/arm64"},
        {"base": {"family": "ubuntu-24.04"}},
        {"base": {"origin": "registry"}},
        {"target": "full"},
    ],
)
def test_on_another_base_or_platform_only_the_contract_is_compared(
    side: Side, changes: dict[str, Any]
) -> None:
    other = replace(with_build(side, changes), contract=make_contract(programs=["bash"]))
    delta = compare(side, other)
    for name in ("compressed", "uncompressed", "layers", "time, cold"):
        assert verdicts(delta)[name] == "not comparable"
        assert rows(delta)[name].note
        assert (rows(delta)[name].difference, rows(delta)[name].ratio) == (None, None)
    assert [change.name for change in delta.breaking] == ["nano"]


def test_images_for_other_accelerators_are_not_weighed_against_each_other(side: Side) -> None:
    delta = compare(side, replace(side, accelerator="cuda"))
    assert rows(delta)["compressed"].note == "accelerators cpu and cuda"


def test_a_row_without_a_record_is_not_measured_and_never_zero(side: Side) -> None:
    bare = replace(side, layers=None, suite=None, scan=None, benchmark=None, contract=None, abilities=None)
    delta = compare(side, bare)
    assert set(verdicts(delta).values()) == {"not measured"}
    assert {row.candidate for row in delta.rows} == {None}
    assert (delta.packages, delta.contract, delta.abilities, delta.level) == (None, None, None, None)


def test_vulnerabilities_that_nobody_looked_for_are_not_measured(side: Side) -> None:
    row = rows(compare(side, side))["vulnerability"]
    assert (row.baseline, row.verdict, row.note) == (None, "not measured", "no database")


def test_findings_of_two_databases_are_not_comparable(side: Side) -> None:
    kinds = {"vulnerability": {"status": "scanned", "by_severity": {"HIGH": 2}}}
    old, new = (replace(side, scan=make_scan(trivy=tool, kinds=kinds)) for tool in ("trivy 1", "trivy 2"))
    delta = compare(old, new)
    assert (delta.findings, verdicts(delta)["vulnerability"]) == ((), "not comparable")
    assert "trivy 1" in rows(delta)["vulnerability"].note


def test_the_owner_that_moved_most_comes_first(side: Side) -> None:
    heavy = replace(side, layers=make_layers({"base": 10_000_001, "wheels": 30_000_000, "node": 5}, 0, 1, 2))
    delta = compare(side, heavy)
    assert [row.name for row in delta.owners] == ["wheels", "node", "base"]
    assert rows(delta)["compressed"].note == "an update from the baseline fetches 1 of 3 layers, 3.0 MB"
    assert verdicts(delta)["layers"] == "changed"


def test_reclaimable_bytes_are_compared_only_where_every_layer_tells_them(side: Side) -> None:
    def with_waste(*sizes: int | None) -> Side:
        index = make_layers({"base": 1})
        told = (
            one.model_copy(update={"reclaimable_bytes": size})
            for one, size in zip(index.layers, sizes, strict=True)
        )
        return replace(side, layers=index.model_copy(update={"layers": tuple(told)}))

    row = rows(compare(with_waste(5, 100), with_waste(0, 3)))["reclaimable"]
    assert (row.baseline, row.candidate, row.verdict) == (105, 3, "better")
    assert verdicts(compare(with_waste(5, 100), with_waste(0, None)))["reclaimable"] == "not measured"


def test_a_loss_without_a_reason_fails_and_names_what_is_lost(side: Side) -> None:
    other = replace(
        side,
        contract=make_contract(programs=["bash"]),
        abilities=AbilitiesRecord(
            manifest_digest=DIGEST, ffmpeg={"encoders": ("aac",)}, imports=("ssl", "torch")
        ),
    )
    delta = compare(side, other)
    assert delta.level == Level.BREAKING
    with pytest.raises(RegressionError, match="2 breaking: program nano, encoder libx264") as caught:
        refuse_regressions(record(delta))
    assert "[[losses]]" in caught.value.next_step
    refuse_regressions(record(delta, Level.BREAKING))


def test_a_loss_with_a_reason_passes_and_the_reason_is_told(side: Side) -> None:
    other = replace(side, contract=make_contract(programs=["bash"]))
    loss = Loss(images=("cpu",), targets=("core",), aspect="program", names=("nan?",), why="An editor.")
    delta = compare(side, other, loss)
    assert [(change.name, change.reason) for change in delta.changes] == [("nano", "An editor.")]
    assert delta.level == Level.MINOR
    refuse_regressions(record(delta))


@pytest.mark.parametrize(
    "loss",
    [
        Loss(images=("gpu",), aspect="program", names=("nano",), why="Of another image."),
        Loss(targets=("full",), aspect="program", names=("nano",), why="Of another target."),
        Loss(aspect="soname", names=("nano",), why="Of another kind."),
        Loss(aspect="program", names=("nan",), why="Of another name."),
    ],
)
def test_a_reason_for_something_else_allows_nothing(side: Side, loss: Loss) -> None:
    delta = compare(side, replace(side, contract=make_contract(programs=["bash"])), loss)
    assert [change.name for change in delta.breaking] == ["nano"]


def test_a_budget_that_is_passed_fails_whatever_is_allowed(side: Side) -> None:
    heavy = replace(side, layers=make_layers({"base": 10_000_000, "wheels": 22_500_000}))
    budget = Budget(total_bytes=2_999_999, owners={"wheels": 22_000_000})
    with pytest.raises(RegressionError) as caught:
        refuse_regressions(record(compare(side, heavy, budget=budget), Level.BREAKING))
    assert "it weighs 3000000 bytes compressed, 1 more than its budget; grown, as files: wheels +2.5 MB" in (
        caught.value.message
    )
    assert (
        "wheels weighs 22500000 bytes as files, 500000 more than its budget; +2.5 MB" in caught.value.message
    )


def test_a_failing_check_and_a_new_secret_or_critical_finding_fail(side: Side) -> None:
    case = {"name": "a", "outcome": "failed", "duration_s": 1.0}
    suite = SuiteRecord.model_validate({"image": "x", "manifest_digest": DIGEST, "cases": [case]})
    kinds = {"secret": {"status": "scanned", "by_severity": {"HIGH": 1}}}
    secret = {"kind": "secret", "id": "key", "severity": "HIGH", "where": "/k", "title": "", "path": "/k"}
    new = replace(side, suite=suite, scan=make_scan(findings=[secret], kinds=kinds))
    delta = compare(replace(side, scan=make_scan(kinds={"secret": {"status": "scanned"}})), new)
    assert delta.failures == ("1 checks of its suite fail", "it introduces the secret key (HIGH) in /k")
    assert verdicts(delta)["secret"] == "worse"
    assert verdicts(delta)["failed checks"] == "worse"


def test_a_comparison_is_stored_and_read_again() -> None:
    other = make_side(contract=make_contract(programs=[]), layers=make_layers({"base": 1}))
    kept = record(compare(make_side(), other))
    assert DeltaRecord.model_validate_json(kept.model_dump_json()) == kept


@pytest.fixture
def ledger() -> Ledger:
    return make_ledger(recipe(), cold=cold_steps(), layers=layers())


def test_lines_are_compared_where_sizes_are(side: Side, ledger: Ledger) -> None:
    old, new = replace(side, ledger=ledger), replace(side, ledger=ledger)
    told = compare(old, new).ledger
    assert told is not None
    assert (told.difference.compressed_bytes, told.difference.cold_s) == (0, 0)
    assert compare(old, with_build(new, {"platform": "linux/arm64"})).ledger is None
    assert compare(old, side).ledger is None


def test_seconds_of_lines_are_left_out_where_hosts_differ(side: Side, ledger: Ledger) -> None:
    host = side.build.host.model_copy(update={"cpu": "another"})
    old, new = replace(side, ledger=ledger), with_build(replace(side, ledger=ledger), {"host": host})
    told = compare(old, new).ledger
    assert told is not None
    assert (told.baseline.cold_s, told.candidate.cold_s) == (None, None)
    assert told.difference.compressed_bytes == 0


def with_pairs(side: Side, candidate_s: float, count: int = 8, **arm: str) -> Side:
    """It was the candidate of a session of no-op builds against the same variant and revision."""
    scenario = judge_scenario(NO_OP, (pair(2.0, 2.01),) * count, (pair(2.0, candidate_s),) * count, "")
    session = pairs_record(scenario)
    assert session.baseline is not None
    own = {"variant": side.build.variant, "revision": side.build.revision} | arm
    return replace(
        side, pairs=(session.model_copy(update={"baseline": session.baseline.model_copy(update=own)}),)
    )


@pytest.mark.parametrize(
    ("candidate_s", "count", "verdict"),
    [(1.0, 8, "better"), (4.0, 8, "worse"), (2.001, 8, "no change"), (1.0, 3, "no claim")],
)
def test_pairs_against_this_baseline_have_the_last_word(
    side: Side, candidate_s: float, count: int, verdict: str
) -> None:
    row = rows(compare(side, with_pairs(side, candidate_s, count)))["time, no-op"]
    assert (row.verdict, row.baseline, row.candidate) == (verdict, 2.0, candidate_s)
    assert f"{count} pairs" in row.note


@pytest.mark.parametrize("arm", [{"variant": "gpu"}, {"revision": "d" * 40}])
def test_pairs_against_another_baseline_say_nothing(side: Side, arm: dict[str, str]) -> None:
    assert "time, no-op" not in rows(compare(side, with_pairs(side, 1.0, **arm)))

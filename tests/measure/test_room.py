"""What a session runs, stores and leaves out where room is short: arm after arm, or not at all."""

from __future__ import annotations

import itertools

import pytest

from baseimages.measure import pairs
from baseimages.measure.pairs_record import PairsRecord
from baseimages.measure.scenario import COLD, NO_OP
from baseimages.records import WorkFolder
from tests.measure.conftest import BOTH, EDIT_PIN, FakeBench, Run


@pytest.mark.parametrize("is_full", [False, True])
def test_what_was_not_built_is_stored_between_its_cold_run_and_the_others_if_it_can_be(
    run: Run,
    bench: type[FakeBench],
    work: WorkFolder,
    stored: list[PairsRecord],
    monkeypatch: pytest.MonkeyPatch,
    is_full: bool,
) -> None:
    monkeypatch.setattr(bench, "is_full", is_full)
    record = run((COLD, 1), (NO_OP, 2), baseline_work=work, budget_s=600.0)
    assert [what for _, what, _ in bench.log if what.startswith("stored")] == ["stored in image_one"]
    assert bench.log.index(("baseline", "stored in image_one", False)) == 2
    scenario = record.scenario("no-op")
    assert scenario
    assert len(scenario.pairs) == 2, "neither its end nor its time is one of the pairs'"
    assert stored[0].scenario("cold"), "what was measured is kept before anything else is tried"


def test_single_pairs_are_run_arm_by_arm_so_that_one_engine_is_held_at_a_time(
    run: Run, bench: type[FakeBench], work: WorkFolder, stored: list[PairsRecord]
) -> None:
    record = run((COLD, 1), (NO_OP, 1), (EDIT_PIN, 1), baseline_work=work)
    assert [(name, what) for name, what, _ in bench.log] == [
        ("baseline", "cold"), ("baseline", "stored in image_one"), ("baseline", "no-op"),
        ("baseline", "edit-pin"), ("baseline", "released"),
        ("candidate", "cold"), ("candidate", "no-op"), ("candidate", "edit-pin"), ("closed", ""),
    ]  # fmt: skip
    for scenario in record.scenarios:
        (pair,) = scenario.pairs
        assert (pair.first, pair.baseline.duration_s, pair.candidate.duration_s) == ("baseline", 100.0, 50.0)
        assert "no claim" in scenario.cannot
    assert record.apart
    assert [len(each.scenarios) for each in stored] == [3, 3, 3]
    assert "broken off" in stored[0].scenarios[1].cannot


def test_what_one_arm_did_not_run_is_no_pair_and_says_why(
    run: Run, bench: type[FakeBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = itertools.chain(["", "", "", "the disk is full"], itertools.repeat(""))
    monkeypatch.setattr(pairs.DiskWatch, "find_obstacle", lambda *_, **__: next(found))
    cold, no_op = run((COLD, 1), (NO_OP, 1)).scenarios
    assert [len(each.pairs) for each in (cold, no_op)] == [1, 1]
    assert (no_op.pairs[0].baseline.duration_s, no_op.pairs[0].candidate.note) == (100.0, "the disk is full")
    assert (cold.failed, no_op.failed) == (0, 1)
    bench.log.clear()
    no_op = run((COLD, 1), (NO_OP, 1), scenarios={"baseline": {"cold": COLD}}).scenarios[1]
    assert "not run, baseline" in no_op.cannot
    assert "no-op" not in [what for _, what, _ in bench.log]


def test_the_second_run_of_a_pair_asks_for_the_room_that_the_first_took(
    run: Run, bench: type[FakeBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = itertools.chain(["", "5.0 GB are free"], itertools.repeat("the disk is full"))
    monkeypatch.setattr(pairs.DiskWatch, "find_obstacle", lambda *_, **__: next(found))
    cold, no_op = run((COLD, 2), (NO_OP, 1)).scenarios
    assert [what for _, what, _ in bench.log if what] == ["cold"]
    (pair,) = cold.pairs
    assert [run.note for run in (pair.baseline, pair.candidate) if not run.valid] == ["5.0 GB are free"]
    assert "1 of 2 pairs run: the disk is full" in cold.cannot
    assert "not run: no cold run left a build of" in no_op.cannot


def test_an_arm_that_did_not_build_costs_the_other_no_further_run(run: Run, bench: type[FakeBench]) -> None:
    bench.times["candidate"] = None
    cold, no_op = run((COLD, 1), (NO_OP, 6)).scenarios
    assert (cold.failed, no_op.failed, no_op.pairs) == (1, 0, ())
    assert "no cold run left a build of candidate" in no_op.cannot
    assert "no-op" not in [what for _, what, _ in bench.log]


def test_within_a_budget_of_time_both_arms_run_each_scenario_before_the_next(
    run: Run, bench: type[FakeBench]
) -> None:
    record = run((COLD, 1), (NO_OP, 1), (EDIT_PIN, 1), budget_s=299.0)
    assert not record.apart
    assert {name for name, _, _ in bench.log[:2]} == {*BOTH}
    assert [len(each.pairs) for each in record.scenarios] == [1, 1, 0]


def test_a_session_stops_when_its_disk_budget_is_spent(
    run: Run, bench: type[FakeBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs.DiskWatch, "find_obstacle", lambda *_, **__: "the disk budget is spent")
    cold = run((COLD, 1), disk_budget_bytes=10).scenario("cold")
    assert cold
    assert "the disk budget is spent" in cold.cannot
    assert [what for _, what, _ in bench.log if what] == ["released"]
    cold = run((COLD, 2), disk_budget_bytes=10).scenario("cold")
    assert cold
    assert "0 of 2 pairs run: the disk budget is spent" in cold.cannot

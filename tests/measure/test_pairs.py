"""Sessions of pairs: order, noise first, refusals, budgets, and records that keep every raw run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from baseimages.build import BuildRecord
from baseimages.errors import MeasurementError
from baseimages.measure import describe_pairs, load_known
from baseimages.measure.bench import Arm
from baseimages.measure.pairs_record import OTHER_DAY, PairRecord, PairsRecord, judge_quantity
from baseimages.measure.record import BenchmarkRecord, RunRecord
from baseimages.measure.scenario import COLD, NO_OP, Scenario
from baseimages.measure.schedule import Schedule, make_schedule
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder, write_record
from tests.measure.conftest import BOTH, DIGEST, EDIT_PIN, FakeBench, Run, made


def test_the_baseline_meets_itself_first_and_then_the_candidate_back_to_back(
    run: Run, bench: type[FakeBench]
) -> None:
    record = run((COLD, 1), (NO_OP, 6))
    names = [name for name, scenario, _ in bench.log if scenario == "no-op"]
    assert names[:12] == ["baseline"] * 12
    assert all({*names[at : at + 2]} == {*BOTH} for at in range(12, 24, 2))
    scenario = record.scenario("no-op")
    assert scenario
    assert {pair.first for pair in scenario.pairs} == {*BOTH}, "a mixed order"
    assert [name for name, _ in zip(names[12::2], scenario.pairs, strict=True)] == [
        pair.first for pair in scenario.pairs
    ]


def test_a_clear_difference_is_claimed_with_its_raw_values(run: Run) -> None:
    scenario = run((COLD, 1), (NO_OP, 6)).scenario("no-op")
    assert scenario
    assert (scenario.wall.verdict, scenario.wall.ratio, scenario.wall.n) == ("faster", 0.5, 6)
    assert (scenario.processor.verdict, scenario.processor.ratio) == ("no significant change", 1.0)
    assert [pair.candidate.duration_s for pair in scenario.pairs] == [50.0] * 6
    assert len(scenario.noise) == 6


def test_a_failed_run_is_counted_not_repeated_and_says_nothing(
    run: Run, bench: type[FakeBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.times["candidate"] = None
    monkeypatch.setattr(bench, "engine_of", lambda *_: "an engine")
    record = run((COLD, 1), (NO_OP, 6))
    scenario = record.scenario("no-op")
    assert scenario
    assert (scenario.failed, scenario.wall.verdict) == (6, "not measured")
    assert "it did not build" in scenario.wall.reason
    assert len([1 for name, what, _ in bench.log if (name, what) == ("candidate", "no-op")]) == 6
    assert "6 pairs failed" in describe_pairs(record)


def test_cold_pairs_keep_their_engines_for_the_runs_after_them(run: Run, bench: type[FakeBench]) -> None:
    run((NO_OP, 2))
    assert {keep for _, scenario, keep in bench.log if scenario == "cold"} == {True}
    assert {keep for _, scenario, keep in bench.log if scenario == "no-op"} == {False}


def test_an_image_against_itself_gives_its_noise_and_no_verdict(run: Run) -> None:
    record = run((COLD, 1), (NO_OP, 6), names=("candidate",))
    assert record.baseline is None
    scenario = record.scenario("no-op")
    assert scenario
    assert (len(scenario.noise), len(scenario.pairs), scenario.wall.n) == (6, 0, 0)
    assert (scenario.wall.verdict, scenario.wall.noise_floor) == ("not measured", 0.0)
    assert "against itself" in describe_pairs(record)


def test_a_session_stops_within_its_budget_and_says_what_is_left(run: Run, bench: type[FakeBench]) -> None:
    record = run((COLD, 1), (NO_OP, 6), budget_s=600.0)
    scenario = record.scenario("no-op")
    assert scenario
    assert (len(scenario.noise), len(scenario.pairs)) == (2, 0)
    assert "2 of 6 A/A pairs run: the budget of 600 s is spent" in scenario.cannot
    assert bench.clock.now - 1000 <= 600


def test_the_first_cold_pair_is_run_although_the_budget_is_spent(run: Run) -> None:
    record = run((COLD, 6), (NO_OP, 1), budget_s=1.0)
    cold = record.scenario("cold")
    assert cold
    assert len(cold.pairs) == 1


def test_an_arm_without_the_scenario_runs_neither_and_is_named(run: Run, bench: type[FakeBench]) -> None:
    record = run((COLD, 1), (EDIT_PIN, 6), scenarios={"baseline": {"cold": COLD}})
    scenario = record.scenario("edit-pin")
    assert scenario
    assert "not run, baseline" in scenario.cannot
    assert not [what for _, what, _ in bench.log if what == "edit-pin"]


def test_an_edit_that_finds_no_place_is_not_run(run: Run, plan: BuildPlan) -> None:
    (plan.root / "scripts" / "entrypoint.sh").unlink()
    scenario = run((COLD, 1), (EDIT_PIN, 6)).scenario("edit-pin")
    assert scenario
    assert scenario.wall.verdict == "not measured"
    assert "scripts/entrypoint.sh to edit" in scenario.cannot


def test_a_session_that_is_broken_off_leaves_what_it_measured(
    run: Run, bench: type[FakeBench], stored: list[PairsRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = bench.run

    def interrupt(self: FakeBench, arm: Arm, scenario: Scenario, *, keep: bool = False) -> RunRecord:
        if scenario.name == "no-op":
            raise KeyboardInterrupt
        return ordinary(self, arm, scenario, keep=keep)

    monkeypatch.setattr(bench, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run((COLD, 1), (NO_OP, 6))
    (record,) = stored
    cold, no_op = record.scenarios
    assert len(cold.pairs) == 1
    assert "broken off" in no_op.cannot
    assert bench.log[-1] == ("closed", "", False)


def test_a_session_leaves_no_folder(run: Run, work: WorkFolder) -> None:
    run((COLD, 1))
    assert list(work.path.iterdir()) == []


def test_a_record_comes_back_from_its_text_with_engine_seed_and_inputs(run: Run) -> None:
    record = run((COLD, 1), (NO_OP, 6))
    assert PairsRecord.model_validate_json(record.model_dump_json()) == record
    assert (record.seed, record.manifest_digest) == (7, DIGEST)
    assert record.engine
    assert '"enabled": false' in record.engine.settings
    assert record.candidate.inputs.base.family == "tiny"


def replan(plan: BuildPlan, **base: str) -> BuildPlan:
    return dataclasses.replace(plan, base=dataclasses.replace(plan.base, **base))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: replan(plan, digest="sha256:" + "9" * 64), "base: tiny"),
        (lambda plan: replan(plan, family="other"), "against tiny"),
        (lambda plan: replan(plan, origin="bootstrapped"), "bootstrapped"),
        (lambda plan: dataclasses.replace(plan, target="full"), "target: full against core"),
        (lambda plan: dataclasses.replace(plan, platform="linux/arm64"), "linux/arm64 against"),
    ],
    ids=["digest", "family", "origin", "target", "platform"],
)
def test_other_inputs_are_refused_by_name_before_anything_runs(
    run: Run, bench: type[FakeBench], plan: BuildPlan, change: Callable[[BuildPlan], BuildPlan], said: str
) -> None:
    with pytest.raises(MeasurementError, match="not comparable") as caught:
        run((COLD, 1), other=change(plan))
    assert said in caught.value.message
    assert bench.log == []


def pair(baseline: RunRecord, candidate: RunRecord) -> PairRecord:
    return PairRecord(first="baseline", baseline=baseline, candidate=candidate)


def test_runs_of_two_days_are_not_comparable_because_an_archive_moves() -> None:
    later = made("cold", 50.0, day="2026-01-03T00:00:01Z")
    found = [pair(made("cold", 100.0), later)] * 6
    assert found[0].fault == OTHER_DAY
    assert judge_quantity([], found, "duration_s").verdict == "not comparable"


def test_a_value_below_the_tick_of_the_clock_is_not_measured() -> None:
    found = [pair(made("no-op", 1.0, cpu_s=0.0), made("no-op", 1.0, cpu_s=None))] * 6
    result = judge_quantity([], found, "cpu_s")
    assert (result.n, result.verdict) == (0, "not measured")
    assert judge_quantity([], found, "duration_s").n == 6


def test_steps_are_kept_for_the_first_valid_pair_alone(run: Run, built: BuildRecord) -> None:
    from baseimages.measure.pairs_record import judge_scenario

    full = made("cold", 1.0).model_copy(update={"steps": built.steps})
    bad = full.model_copy(update={"valid": False})
    record = judge_scenario(COLD, (), [pair(bad, full), pair(full, full), pair(full, full)], "")
    assert [bool(each.candidate.steps) for each in record.pairs] == [False, True, False]


def test_known_durations_come_from_the_nearest_record(
    run: Run, work: WorkFolder, built: BuildRecord, tmp_path: Path
) -> None:
    other = WorkFolder(root=tmp_path, image_name="image_two", base="tiny", target="core")
    folders = {"candidate": work, "baseline": other}
    assert load_known(folders, "two") == {}
    write_record(work.path / WorkFolder.BUILD, built)
    assert load_known(folders, "two") == {("candidate", "cold"): 100.0}
    runs = (made("cold", 90.0), made("no-op", None), made("edit", 3.0))
    benchmark = BenchmarkRecord(manifest_digest=DIGEST, runs=runs, overhead_s=None)
    write_record(work.path / WorkFolder.BENCHMARK, benchmark)
    assert load_known(folders, "two") == {
        ("candidate", "cold"): 90.0,
        ("candidate", "edit-entrypoint"): 3.0,
    }
    write_record(work.pairs("two"), run((COLD, 1)))
    known = load_known(folders, "two")
    assert (known["candidate", "cold"], known["baseline", "cold"]) == (50.0, 100.0)


def test_a_schedule_is_what_is_run(run: Run, bench: type[FakeBench]) -> None:
    schedule: Schedule = make_schedule([(COLD, 2), (NO_OP, 3)], arms=BOTH, known={}, seed=7, budget_s=None)
    run((COLD, 2), (NO_OP, 3))
    assert len(bench.log) - 1 == 2 * sum(each.pairs + each.noise for each in schedule.portions)

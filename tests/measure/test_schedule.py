"""Which pairs are run: within a budget the cheap ones first, and what does not fit is said."""

from __future__ import annotations

import pytest

from baseimages.declare import Edit
from baseimages.errors import UsageError
from baseimages.measure.quantities import parse_duration_s, parse_size_bytes
from baseimages.measure.scenario import CI_WARM, COLD, FACTORY_COLD, NO_OP, edit_scenario
from baseimages.measure.schedule import ENGINE_S, Portion, Schedule, describe_schedule, make_schedule

BOTH = ("baseline", "candidate")
EDIT = edit_scenario("edit-pin", Edit(file="lock.txt", append="# {edit}"))
KNOWN = {
    ("baseline", "cold"): 900.0, ("candidate", "cold"): 300.0,
    ("baseline", "no-op"): 1.0, ("candidate", "no-op"): 1.0,
    ("baseline", "edit-pin"): 60.0, ("candidate", "edit-pin"): 20.0,
}  # fmt: skip


def plan(*wishes, arms=BOTH, known=KNOWN, budget_s=None, seed=1) -> Schedule:
    return make_schedule(wishes, arms=arms, known=known, seed=seed, budget_s=budget_s)


def portion(schedule: Schedule, name: str) -> Portion:
    (found,) = [each for each in schedule.portions if each.scenario.name == name]
    return found


def test_a_claim_gets_as_many_pairs_of_the_baseline_with_itself_as_it_needs() -> None:
    found = portion(plan((COLD, 1), (NO_OP, 10)), "no-op")
    assert (found.pairs, found.noise, found.cannot) == (10, 6, "")


def test_below_six_pairs_nothing_is_claimed_so_no_noise_is_measured() -> None:
    found = portion(plan((COLD, 1), (NO_OP, 5)), "no-op")
    assert (found.pairs, found.noise) == (5, 0)
    assert "no claim" in found.cannot


def test_an_image_against_itself_has_noise_alone() -> None:
    found = portion(plan((COLD, 1), (NO_OP, 4), arms=("candidate",)), "no-op")
    assert (found.pairs, found.noise) == (0, 4)
    assert "no verdict" in found.cannot


@pytest.mark.parametrize("scenario", [NO_OP, EDIT, CI_WARM], ids=lambda each: each.name)
def test_what_stands_on_a_build_gets_a_cold_pair_to_stand_on(scenario) -> None:
    schedule = plan((scenario, 6))
    assert [(each.scenario.name, each.pairs) for each in schedule.portions] == [
        ("cold", 1), (scenario.name, 6),
    ]  # fmt: skip


def test_what_starts_from_nothing_gets_no_cold_pair() -> None:
    assert [each.scenario for each in plan((FACTORY_COLD, 6)).portions] == [FACTORY_COLD]


def test_without_a_budget_everything_is_run_and_its_time_is_told() -> None:
    schedule = plan((COLD, 1), (EDIT, 6))
    assert schedule.estimate_s == 900 + 300 + 2 * ENGINE_S + 6 * 80 + 6 * 120


def test_in_a_small_budget_the_cheap_scenarios_keep_their_pairs() -> None:
    schedule = plan((EDIT, 10), (NO_OP, 10), budget_s=1300.0)
    assert portion(schedule, "no-op").pairs == 10
    found = portion(schedule, "edit-pin")
    assert (found.pairs, found.noise) == (0, 0)
    assert found.cannot.startswith("none of 10 pairs fit the budget")
    assert schedule.estimate_s <= 1300


def test_as_many_pairs_as_fit_are_run_and_the_rest_is_said() -> None:
    found = portion(plan((EDIT, 10), budget_s=1230 + 6 * 120 + 7 * 80), "edit-pin")
    assert (found.pairs, found.noise, found.cannot) == (7, 6, "7 of 10 pairs fit the budget")


def test_where_a_claim_does_not_fit_raw_points_are_taken_without_noise() -> None:
    found = portion(plan((EDIT, 10), budget_s=1230 + 3 * 80), "edit-pin")
    assert (found.pairs, found.noise) == (3, 0)
    assert "3 of 10 pairs fit the budget" in found.cannot
    assert "no claim" in found.cannot


def test_the_first_cold_pair_is_run_whatever_the_budget_because_the_others_stand_on_it() -> None:
    schedule = plan((COLD, 6), (NO_OP, 6), budget_s=10.0)
    assert (portion(schedule, "cold").pairs, portion(schedule, "no-op").pairs) == (1, 0)


def test_cold_pairs_share_what_the_cheap_ones_left() -> None:
    schedule = plan((COLD, 3), (NO_OP, 6), budget_s=2 * 1230 + 24.0)
    assert (portion(schedule, "no-op").pairs, portion(schedule, "cold").pairs) == (6, 2)


def test_what_nobody_knows_the_time_of_is_planned_whole_and_comes_last() -> None:
    schedule = plan((EDIT, 6), (NO_OP, 6), known={("baseline", "no-op"): 1.0, ("candidate", "no-op"): 1.0})
    assert [each.scenario.name for each in schedule.portions] == ["cold", "no-op", "edit-pin"]
    assert schedule.estimate_s is None
    assert "of unknown duration" in describe_schedule(schedule)


def test_the_order_within_pairs_is_mixed_and_comes_from_the_seed() -> None:
    schedule, other = plan((NO_OP, 50)), plan((NO_OP, 50), seed=2)
    found = portion(schedule, "no-op")
    order = schedule.orders(found, 50, "pairs")
    assert order == schedule.orders(found, 50, "pairs")
    assert order != other.orders(found, 50, "pairs")
    assert order != schedule.orders(found, 50, "noise")
    assert 10 < sum(order) < 40


@pytest.mark.parametrize(("word", "value"), [("90s", 90.0), ("20m", 1200.0), ("1.5h", 5400.0)])
def test_durations_as_people_type_them(word: str, value: float) -> None:
    assert parse_duration_s(word) == value


@pytest.mark.parametrize(("word", "value"), [("60GB", 60 * 10**9), ("500MB", 5 * 10**8)])
def test_sizes_as_people_type_them(word: str, value: int) -> None:
    assert parse_size_bytes(word) == value


@pytest.mark.parametrize("word", ["", "20", "m", "-5m", "0s", "1e9s", "5 m", "٣m", "20m\n", "9" * 40 + "s"])
def test_what_is_no_duration_is_refused_with_an_example(word: str) -> None:
    with pytest.raises(UsageError, match="20m"):
        parse_duration_s(word)

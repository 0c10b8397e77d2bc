"""What pairs may be called: on data of known truth, simulated with fixed seeds, and on recorded runs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from baseimages.measure.statistics import (
    MIN_PAIRS,
    find_interval,
    find_smallest_change,
    judge_pairs,
    log_ratios,
)

SIMULATIONS = 100
RATIOS = (1.0, 0.95, 0.9, 0.8)
# A host as a benchmark meets it: 5 % of noise, one run in ten 30 % slower, and a slow drift.
NOISE, SPIKE, SPIKE_RATE, DRIFT = 0.05, 1.3, 0.1, 0.02
QUIET = [(100.0, 100.5), (101.0, 100.0), (100.0, 99.5), (99.0, 99.5), (100.0, 100.4), (100.0, 99.7)]


def simulate(source: np.random.Generator, n: int, ratio: float) -> list[tuple[float, float]]:
    """Pairs on such a host, of a candidate that takes `ratio` of the baseline's time."""
    drift = np.exp(np.cumsum(source.normal(0, DRIFT, n)))

    def arm() -> np.ndarray:
        spikes = np.where(source.random(n) < SPIKE_RATE, SPIKE, 1.0)
        return 100 * drift * spikes * np.exp(source.normal(0, NOISE, n))

    return list(zip(arm().tolist(), (arm() * ratio).tolist(), strict=True))


def share(verdicts: list[str], *named: str) -> float:
    return sum(verdict in named for verdict in verdicts) / len(verdicts)


def judge_many(n: int, ratio: float) -> list[str]:
    source = np.random.default_rng(1)
    return [
        judge_pairs(simulate(source, n, ratio), simulate(source, MIN_PAIRS, 1.0)).verdict
        for _ in range(SIMULATIONS)
    ]


def test_false_alarms_are_rare_and_real_changes_are_found() -> None:
    """`pytest -s -k false_alarms` prints the table."""
    print(f"\nshare of {SIMULATIONS} simulated sessions with a claim, by pairs and true ratio")
    print("pairs" + "".join(f"{ratio:>7.2f}" for ratio in RATIOS))
    table = {}
    for n in (6, 8, 10, 20):
        rows = {ratio: judge_many(n, ratio) for ratio in RATIOS}
        table[n] = {ratio: share(row, "faster", "slower") for ratio, row in rows.items()}
        print(f"{n:>5}" + "".join(f"{told:>7.2f}" for told in table[n].values()))
        assert table[n][1.0] <= 0.05, "false alarms"
        assert share(rows[0.8], "slower") == 0
    assert table[6][0.8] >= 0.5
    assert table[10][0.8] >= 0.9
    assert table[20][0.9] >= 0.7


def test_half_the_time_is_found_by_the_fewest_pairs_that_may_claim() -> None:
    assert share(judge_many(MIN_PAIRS, 0.5), "faster") >= 0.95


def test_the_same_noise_in_the_other_direction_gives_the_other_verdict() -> None:
    source = np.random.default_rng(2)
    pairs = simulate(source, 12, 0.6)
    swapped = [(candidate, baseline) for baseline, candidate in pairs]
    assert (judge_pairs(pairs, QUIET).verdict, judge_pairs(swapped, QUIET).verdict) == ("faster", "slower")


@pytest.mark.parametrize("n", [6, 9, 10, 20])
def test_the_smallest_change_is_one_that_is_found_four_times_in_five(n: int) -> None:
    """Planted where the noise is normal, as the formula takes it to be."""
    source = np.random.default_rng(3)
    logs = [source.normal(0, 0.05, n) for _ in range(SIMULATIONS)]
    told = float(np.median([find_smallest_change(each, 0.0) for each in logs]))
    bounds = [find_interval(each + told) for each in logs]
    found = sum(each is not None and each[0] > 0 for each in bounds) / SIMULATIONS
    assert found == pytest.approx(0.8, abs=0.12)


def test_more_pairs_find_smaller_changes_and_more_noise_hides_them() -> None:
    source = np.random.default_rng(4)
    few, many = source.normal(0, 0.05, 10), source.normal(0, 0.05, 40)
    assert find_smallest_change(few, 0.0) > find_smallest_change(many, 0.0)
    assert find_smallest_change(3 * few, 0.0) > find_smallest_change(few, 0.0)
    assert find_smallest_change(many, 0.3) > 0.3


@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_pairs_claim_nothing_however_clear_they_are(n: int) -> None:
    result = judge_pairs([(100.0, 1.0)] * n, QUIET)
    assert result.verdict == ("no claim" if n else "not measured")
    assert (result.low, result.high, result.smallest_change) == (None, None, None) or not n


def test_the_raw_medians_of_few_pairs_are_told() -> None:
    result = judge_pairs([(100.0, 50.0), (110.0, 44.0), (90.0, 54.0)], [])
    assert (result.baseline_median, result.candidate_median, result.ratio) == (100.0, 50.0, 0.5)


def test_without_a_noise_floor_nothing_is_claimed() -> None:
    result = judge_pairs([(100.0, 50.0 + n) for n in range(6)], [])
    assert result.verdict == "no claim"
    assert "A/A" in result.reason


def test_a_change_that_equal_images_show_as_well_is_no_change() -> None:
    pairs = [(100.0, 97.0 + n / 10) for n in range(6)]
    noisy = [(100.0, 100.0 * (1.08 if n % 2 else 0.93)) for n in range(6)]
    assert judge_pairs(pairs, QUIET).verdict == "faster"
    result = judge_pairs(pairs, noisy)
    assert (result.verdict, result.reason) == (
        "no significant change", "two runs of one image differ as much",
    )  # fmt: skip


def test_from_six_pairs_on_the_interval_is_the_smallest_and_the_largest_ratio() -> None:
    result = judge_pairs([(100.0, 50.0 + 2 * n) for n in range(6)], QUIET)
    assert (result.low, result.high) == (0.5, 0.6)
    assert "96.9%" in result.interval


def test_the_interval_of_six_covers_the_median_as_often_as_it_says() -> None:
    """All 2^6 ways in which six pairs can lie about their true median, each as likely."""
    logs = [np.array(signs) * 0.1 for signs in itertools.product((-1.0, 1.0), repeat=6)]
    covered = sum(low <= 0 <= high for low, high in filter(None, map(find_interval, logs)))
    assert covered / len(logs) == 1 - 2 / 2**6


def test_from_ten_pairs_on_the_interval_is_a_bootstrap_that_never_changes() -> None:
    logs = np.random.default_rng(5).normal(-0.1, 0.05, 15)
    first = find_interval(logs)
    assert first == find_interval(logs)
    assert first is not None
    assert logs.min() < first[0] < float(np.median(logs)) < first[1] < logs.max()


def test_one_spike_does_not_decide() -> None:
    steady = [(100.0, 80.0 + n) for n in range(10)]
    assert judge_pairs([*steady, (100.0, 900.0)], QUIET).verdict == "faster"


def test_noise_alone_tells_what_as_many_pairs_could_find() -> None:
    result = judge_pairs([], QUIET)
    assert result.verdict == "not measured"
    assert result.noise_floor == pytest.approx(0.005, abs=0.001)
    assert result.smallest_change is not None


@pytest.mark.parametrize("bad", [(0.0, 1.0), (1.0, -1.0), (1.0, math.nan), (math.inf, 1.0)])
def test_what_is_no_duration_has_no_ratio(bad: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="two positive numbers"):
        log_ratios([(1.0, 1.0), bad])


# No-op builds of a tiny image by two recipes that differ in the name of one script, each in its own
# private engine on a busy host with two cores: (baseline, candidate) seconds as they were recorded.
RECORDED_NOISE = [
    (0.267, 0.362), (0.267, 0.333), (0.357, 0.252), (0.345, 0.357), (0.352, 0.435), (0.290, 0.277),
]  # fmt: skip
RECORDED = [
    (0.322, 0.398), (0.353, 0.367), (0.364, 0.341), (0.325, 0.352), (0.294, 0.242), (0.296, 0.284),
    (0.459, 0.287), (0.387, 0.311), (0.373, 0.353), (0.357, 0.357), (0.302, 0.445), (0.393, 0.463),
]  # fmt: skip


@pytest.mark.parametrize("n", [6, 10, 12])
def test_recorded_runs_of_equal_work_are_not_called_different(n: int) -> None:
    result = judge_pairs(RECORDED[:n], RECORDED_NOISE)
    assert result.verdict == "no significant change"
    assert result.noise_floor == pytest.approx(0.24, abs=0.01)
    assert result.smallest_change is not None
    assert result.smallest_change > 0.25, "a busy host finds no small change, and says so"


def test_recorded_runs_with_a_planted_change_are_called_so() -> None:
    planted = [(baseline, candidate * 0.5) for baseline, candidate in RECORDED]
    assert judge_pairs(planted, RECORDED_NOISE).verdict == "faster"

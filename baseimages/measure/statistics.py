"""Pairs and what may be said about them: median ratio, interval, noise floor, verdict.

The unit is one pair, a baseline run and a candidate run back to back, so that what slows a host for
minutes slows both. Everything happens on the logarithm of their ratio, in which twice as fast and
twice as slow are equally far from equal.

interval  From 6 pairs on the smallest and the largest ratio: the median of what pairs would give
          lies between them with at least 1 - 2 / 2^n, 96.9 % at n = 6 (the sign test's interval of
          order statistics). From 10 pairs on the percentile bootstrap of the median (Efron 1979),
          10,000 resamples of a fixed seed.
floor     The median size of the differences between two runs of one and the same image (A/A). What
          half of all pairs of equal things differ by is no difference of things.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

MIN_PAIRS = 6
BOOTSTRAP_PAIRS = 10
RESAMPLES = 10_000
SEED = 20250809
CONFIDENCE = 0.95
POWER = 0.8
# Standard error of a median by that of a mean, for normal noise.
MEDIAN_ERROR = math.sqrt(math.pi / 2)

Verdict = Literal["faster", "slower", "no significant change", "no claim", "not comparable", "not measured"]
Pair = tuple[float, float]
Logs = npt.NDArray[np.float64]


class PairedResult(BaseModel):
    """What `n` pairs of one quantity say of the candidate; None where they say nothing.

    Medians are in the unit of the values. `ratio` is the median of candidate by baseline, `low` to
    `high` its interval, made as `interval` says. `noise_floor` and `smallest_change` are relative: at
    0.05 what moved by less than 5 % is noise, or would be missed more often than once in five.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    n: int
    baseline_median: float | None = None
    candidate_median: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    noise_floor: float | None = None
    smallest_change: float | None = None
    verdict: Verdict
    reason: str


def judge_pairs(pairs: Sequence[Pair], noise: Sequence[Pair]) -> PairedResult:
    """The verdict on (baseline, candidate) `pairs`, given the A/A pairs `noise`.

    Without pairs the noise alone tells what as many pairs could find. Values are positive, whatever
    their unit. Raises ValueError for others.
    """
    floor = find_noise_floor(noise)
    if not pairs:
        return PairedResult(
            n=0,
            noise_floor=_relative(floor),
            smallest_change=_relative(find_smallest_change(log_ratios(noise), floor)),
            verdict="not measured",
            reason="no valid pair",
        )
    logs = log_ratios(pairs)
    bounds = find_interval(logs)
    verdict, reason = _decide(logs, bounds, floor)
    return PairedResult(
        n=len(pairs),
        baseline_median=_rounded(np.median([baseline for baseline, _ in pairs])),
        candidate_median=_rounded(np.median([candidate for _, candidate in pairs])),
        ratio=_rounded(math.exp(np.median(logs))),
        low=_rounded(math.exp(bounds[0])) if bounds else None,
        high=_rounded(math.exp(bounds[1])) if bounds else None,
        interval=_name_interval(len(pairs)),
        noise_floor=_relative(floor),
        smallest_change=_relative(find_smallest_change(logs, floor)),
        verdict=verdict,
        reason=reason,
    )


def log_ratios(pairs: Sequence[Pair]) -> Logs:
    """The logarithms of candidate by baseline. Raises ValueError for values that are not positive."""
    values = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    if not np.all(np.isfinite(values)) or np.any(values <= 0):
        raise ValueError("a ratio needs two positive numbers")
    logs: Logs = np.log(values[:, 1] / values[:, 0])
    return logs


def find_interval(logs: Logs) -> tuple[float, float] | None:
    """The interval of the median log ratio; None below `MIN_PAIRS`."""
    if len(logs) < MIN_PAIRS:
        return None
    if len(logs) < BOOTSTRAP_PAIRS:
        return float(logs.min()), float(logs.max())
    draws = np.random.default_rng(SEED).integers(0, len(logs), (RESAMPLES, len(logs)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.median(logs[draws], axis=1), (tail, 1 - tail))
    return float(low), float(high)


def find_noise_floor(noise: Sequence[Pair]) -> float | None:
    """The median size of the A/A pairs' log ratios; None without any."""
    return float(np.median(np.abs(log_ratios(noise)))) if noise else None


def find_smallest_change(logs: Logs, floor: float | None) -> float | None:
    """The log ratio that this many pairs of this spread show four times in five.

    For normal noise of the spread s of the pairs. [min, max] excludes 0 when all n pairs lie on one
    side, which each does with POWER^(1/n); the bootstrapped median has the error 1.25 s / sqrt(n). It
    must rise above the floor too. None below `MIN_PAIRS`.
    """
    n = len(logs)
    if n < MIN_PAIRS:
        return None
    spread, normal = float(np.std(logs, ddof=1)), NormalDist()
    error = MEDIAN_ERROR * spread / math.sqrt(n)
    above_floor = (floor or 0.0) + normal.inv_cdf(POWER) * error
    if n < BOOTSTRAP_PAIRS:
        return max(above_floor, normal.inv_cdf(POWER ** (1 / n)) * spread)
    return max(above_floor, (normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)) * error)


def _decide(logs: Logs, bounds: tuple[float, float] | None, floor: float | None) -> tuple[Verdict, str]:
    if bounds is None:
        return "no claim", f"{len(logs)} valid pairs, a claim needs {MIN_PAIRS}"
    if floor is None:
        return "no claim", "no A/A run told how far equal images differ"
    low, high = bounds
    if low <= 0 <= high:
        return "no significant change", "the interval holds 1"
    if abs(float(np.median(logs))) <= floor:
        return "no significant change", "two runs of one image differ as much"
    verdict: Verdict = "faster" if high < 0 else "slower"
    return verdict, "the interval lies on one side of 1 and the median above the noise"


def _name_interval(n: int) -> str:
    if n < MIN_PAIRS:
        return ""
    if n < BOOTSTRAP_PAIRS:
        return f"smallest and largest ratio, {1 - 2 / 2**n:.1%}"
    return f"percentile bootstrap of the median, {CONFIDENCE:.0%}, seed {SEED}"


def _relative(change: float | None) -> float | None:
    return None if change is None else _rounded(math.expm1(change))


def _rounded(value: float | np.floating) -> float:
    # Five digits that count: a no-op takes tenths of a second, a cold build an hour.
    return float(f"{float(value):.5g}")

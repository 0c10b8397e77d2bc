"""Measure: what a build costs, scenario by scenario.

Enters: a plan and the record of its build. Leaves: `BenchmarkRecord`, raw values of single
runs, and `ComparisonRecord`, cold runs of several plans side by side,
and `StartRecord`, what a start costs.
"""

from baseimages.measure.benchmark import run_benchmark
from baseimages.measure.comparison import (
    EMULATED,
    ComparisonRecord,
    describe_comparison,
    emulate,
    load_cold,
    run_comparison,
)
from baseimages.measure.isolated import isolated_engine
from baseimages.measure.record import BenchmarkRecord, RunRecord, describe_benchmark
from baseimages.measure.start import StartRecord, run_start

__all__ = [
    "BenchmarkRecord",
    "ComparisonRecord",
    "EMULATED",
    "RunRecord",
    "StartRecord",
    "describe_benchmark",
    "describe_comparison",
    "emulate",
    "load_cold",
    "isolated_engine",
    "run_benchmark",
    "run_comparison",
    "run_start",
]

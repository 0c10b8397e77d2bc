"""Measure: what a build costs, scenario by scenario.

Enters: a plan and the record of its build. Leaves: `BenchmarkRecord`, raw values of single runs.
"""

from baseimages.measure.benchmark import run_benchmark
from baseimages.measure.isolated import isolated_engine
from baseimages.measure.record import BenchmarkRecord, RunRecord, describe_benchmark

__all__ = [
    "BenchmarkRecord",
    "RunRecord",
    "describe_benchmark",
    "isolated_engine",
    "run_benchmark",
]

"""Measure: what a build costs, scenario by scenario.

Enters: a plan and the record of its build. Leaves: `BenchmarkRecord`, raw values of single runs;
`ComparisonRecord`, cold runs of several plans side by side; `PairsRecord`, interleaved pairs with
what they carry; `StartRecord`, what a start costs; and `UpdatesRecord`, what edits cost a device.
"""

from baseimages.measure.bench import Arm, Bench
from baseimages.measure.benchmark import run_benchmark
from baseimages.measure.builder import private_engine
from baseimages.measure.comparison import (
    EMULATED,
    ComparisonRecord,
    describe_comparison,
    emulate,
    load_cold,
    run_comparison,
)
from baseimages.measure.isolated import isolated_engine
from baseimages.measure.known import load_known
from baseimages.measure.pairs import run_pairs
from baseimages.measure.pairs_record import (
    ArmRecord,
    PairRecord,
    PairsRecord,
    ScenarioRecord,
    describe_pairs,
    describe_scenario,
    judge_quantity,
)
from baseimages.measure.quantities import parse_duration_s, parse_size_bytes
from baseimages.measure.record import BenchmarkRecord, RunRecord, describe_benchmark
from baseimages.measure.scenario import Scenario, choose_edit, choose_scenario, find_edit, list_scenarios
from baseimages.measure.schedule import BASELINE, CANDIDATE, Schedule, describe_schedule, make_schedule
from baseimages.measure.start import StartRecord, run_start
from baseimages.measure.statistics import PairedResult, judge_pairs
from baseimages.measure.updates import (
    EditCost,
    Update,
    UpdatesRecord,
    describe_updates,
    run_updates,
    usual_changes,
)

__all__ = [
    "BASELINE",
    "CANDIDATE",
    "EMULATED",
    "Arm",
    "ArmRecord",
    "Bench",
    "BenchmarkRecord",
    "ComparisonRecord",
    "PairRecord",
    "PairedResult",
    "PairsRecord",
    "RunRecord",
    "Scenario",
    "ScenarioRecord",
    "Schedule",
    "StartRecord",
    "EditCost",
    "Update",
    "UpdatesRecord",
    "choose_edit",
    "describe_updates",
    "run_updates",
    "usual_changes",
    "choose_scenario",
    "describe_benchmark",
    "describe_comparison",
    "describe_pairs",
    "describe_scenario",
    "describe_schedule",
    "emulate",
    "find_edit",
    "isolated_engine",
    "judge_pairs",
    "judge_quantity",
    "list_scenarios",
    "load_cold",
    "load_known",
    "make_schedule",
    "parse_duration_s",
    "parse_size_bytes",
    "private_engine",
    "run_benchmark",
    "run_comparison",
    "run_pairs",
    "run_start",
]

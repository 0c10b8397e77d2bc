"""What the engine measured is told; what it did not measure is None and never 0.

The fields are those of BuildKit's executor/resources/types/types.go.
"""

from __future__ import annotations

from typing import Any

from baseimages.build.usage import Samples, StepUsage, SystemSample, measure_host, sum_usage


def samples(*values: dict[str, Any]) -> Samples:
    return Samples.model_validate({"samples": values, "sysCPUStat": {"user": 1}})


def test_the_last_sample_counts_because_each_counts_from_the_start() -> None:
    step = samples(
        {"cpuStat": {"usageNanos": 5}, "ioStat": {"readBytes": 10, "writeBytes": 20}},
        {
            "cpuStat": {"usageNanos": 2_000_000_000},
            "memoryStat": {"peak": 4096, "oomKillEvents": 0},
            "ioStat": {"readBytes": 100, "writeBytes": 200},
            "netStat": {"rxBytes": 300},
        },
    )
    assert sum_usage([step]) == StepUsage(
        cpu_s=2.0, memory_peak_bytes=4096, read_bytes=100, written_bytes=200, received_bytes=300
    )


def test_steps_of_one_line_add_up_and_memory_is_the_highest() -> None:
    one = samples({"cpuStat": {"usageNanos": 1_000_000_000}, "memoryStat": {"peak": 10}})
    other = samples({"cpuStat": {"usageNanos": 500_000_000}, "memoryStat": {"peak": 30}})
    assert sum_usage([one, other]) == StepUsage(cpu_s=1.5, memory_peak_bytes=30)


def test_controllers_that_are_bound_elsewhere_leave_their_fields_unmeasured() -> None:
    usage = sum_usage([samples({"cpuStat": {"usageNanos": 7_000_000}, "memoryStat": {}})])
    assert usage == StepUsage(cpu_s=0.007)


def test_without_any_sample_there_is_no_usage() -> None:
    assert sum_usage([]) is None
    assert sum_usage([samples()]) is None
    assert sum_usage([samples({"timestamp": "2026-01-01T00:00:00Z"})]) is None


def test_the_host_is_the_difference_between_the_ends() -> None:
    first = {"user": 10, "nice": 1, "system": 5, "idle": 100, "iowait": 2, "softirq": 1, "steal": 3}
    last = {"user": 14, "nice": 1, "system": 6, "idle": 300, "iowait": 2.5, "softirq": 1, "steal": 3}
    host = measure_host([SystemSample.model_validate({"cpuStat": times}) for times in (first, first, last)])
    assert host is not None
    assert (host.busy_s, host.iowait_s, host.steal_s) == (5, 0.5, 0)


def test_one_sample_of_the_host_is_no_measure() -> None:
    assert measure_host([SystemSample.model_validate({"cpuStat": {"user": 1}})]) is None
    assert measure_host([]) is None

"""A benchmark in words: what was not measured is never a number."""

from __future__ import annotations

from baseimages.measure import BenchmarkRecord, RunRecord, describe_benchmark

DIGEST, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
VALID = RunRecord(scenario="no-op", duration_s=1.234, hits=5, valid=True, note="single run")
UNMEASURED = RunRecord(scenario="cold", duration_s=None, valid=False, note="it needs root")
INVALID = RunRecord(scenario="edit", duration_s=2.0, hits=3, misses=2, valid=False, note="2 missed: x")
RECORD = BenchmarkRecord(manifest_digest=DIGEST, runs=(UNMEASURED, VALID, INVALID), overhead_s=None)


def line_of(name: str, record: BenchmarkRecord = RECORD) -> str:
    (line,) = [line for line in describe_benchmark(record).splitlines() if line.startswith(name)]
    return " ".join(line.split())


def test_a_run_is_described_by_its_time_and_its_counts() -> None:
    assert line_of("no-op") == "no-op 1.23 s 5 hits, 0 misses single run"


def test_a_run_that_was_not_measured_has_its_reason_and_no_number() -> None:
    assert line_of("cold") == "cold not measured it needs root"


def test_an_invalid_run_is_marked() -> None:
    assert line_of("edit") == "edit 2.00 s 3 hits, 2 misses INVALID: 2 missed: x"


def test_an_overhead_that_was_not_measured_is_words() -> None:
    assert line_of("overhead").startswith("overhead not measured")


def test_an_overhead_of_zero_is_a_number() -> None:
    assert line_of("overhead", RECORD.model_copy(update={"overhead_s": 0.0})).startswith("overhead 0.00 s")


def test_a_run_is_found_by_its_scenario() -> None:
    assert RECORD.run("edit") is INVALID
    assert RECORD.run("unknown") is None


def test_without_a_second_cold_build_nothing_is_said_of_reproduction() -> None:
    assert RECORD.reproduction.startswith("not compared")


def test_a_second_cold_build_is_compared_by_digest() -> None:
    same = RECORD.model_copy(update={"rebuilt_digest": DIGEST})
    other = RECORD.model_copy(update={"rebuilt_digest": OTHER})
    assert "gave the same image" in same.reproduction
    assert other.reproduction.endswith(f"another image, {OTHER}")
    config = other.model_copy(update={"differing_layers": ()})
    assert config.reproduction.endswith("; all its layers are the same")
    layers = other.model_copy(update={"differing_layers": (2, 15)})
    assert layers.reproduction.endswith("; layers that differ: 2, 15")

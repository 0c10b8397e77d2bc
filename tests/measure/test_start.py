"""What a start costs: told of a native container, labelled or left out where it is emulated."""

from __future__ import annotations

from baseimages.build import BuildRecord
from baseimages.measure import run_start
from tests.build.conftest import ENGINE
from tests.conftest import FakeRunner

RUN = ("docker", "run", "--rm")


def test_seconds_of_the_entrypoint_are_kept_raw(built: BuildRecord) -> None:
    runner = FakeRunner()
    runner.script(*RUN, "--platform=linux/arm64", stdout="20000\n10000\n30000\n")
    record = run_start(built.model_copy(update={"platform": "linux/arm64"}), ENGINE, runner)
    assert (record.emulated, record.entrypoint_s) == (True, (0.02, 0.01, 0.03))
    assert record.entrypoint_median_s == 0.02


def test_an_emulated_container_tells_no_memory(built: BuildRecord) -> None:
    runner = FakeRunner()
    runner.script(*RUN, "--platform=linux/arm64", stdout="1\n")
    record = run_start(built.model_copy(update={"platform": "linux/arm64"}), ENGINE, runner)
    assert (record.idle_bytes, record.torch_bytes) == (None, None)
    assert "emulated" in record.note
    assert len(runner.calls) == 1


def test_a_native_container_tells_its_memory(built: BuildRecord) -> None:
    runner = FakeRunner()
    runner.script(*RUN, stdout="147456\n")
    core = run_start(built, ENGINE, runner)
    assert (core.idle_bytes, core.torch_bytes) == (147456, None)
    full = run_start(built.model_copy(update={"target": "full"}), ENGINE, runner)
    assert full.torch_bytes == 147456 * 1024


def test_what_cannot_run_here_is_not_measured_and_says_why(built: BuildRecord) -> None:
    runner = FakeRunner()
    runner.script(*RUN, returncode=1, stderr="exec /usr/bin/tini: exec format error")
    record = run_start(built.model_copy(update={"platform": "linux/arm64"}), ENGINE, runner)
    assert (record.entrypoint_s, record.entrypoint_median_s, record.idle_bytes) == ((), None, None)
    assert record.note == "no container of linux/arm64 runs here: exec /usr/bin/tini: exec format error"

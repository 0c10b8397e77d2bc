"""The suites' own script, driven with a fake engine: where it runs the image, emulates it, or skips."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
SUITE = ROOT / "image_testing" / "test-arm64-cpu.sh"
# Written by hand. $ENGINE is the architecture that the engine tells, $EMULATES the exit code of a
# first command in the image. Every call is kept; the checks inside answer with one that passed.
DOCKER = """\
#!/bin/bash
echo "$*" >> "$CALLS"
case "$*" in
  info*) echo "$ENGINE" ;;
  "image inspect --format"*) echo '{}' ;;
  "run --rm -e EE_DD=false image true") exit "$EMULATES" ;;
  create*) echo container ;;
  *runner.py*) cat > /dev/null; echo '<testsuite><testcase name="a" time="0"/></testsuite>' ;;
esac
"""


@pytest.fixture
def run_suite(tmp_path: Path):
    """Runs the suite against an engine; gives the finished process, the calls and the JUnit text."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def run(engine: str, *, emulates: int = 0) -> tuple[subprocess.CompletedProcess[str], str, str]:
        env = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "CALLS": str(tmp_path / "calls"),
            "ENGINE": engine,
            "EMULATES": str(emulates),
        }
        words = [SUITE, "image", "--junit", tmp_path / "junit.xml"]
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
        return done, (tmp_path / "calls").read_text(), (tmp_path / "junit.xml").read_text()

    return run


def test_on_its_own_architecture_nothing_is_emulated(run_suite) -> None:
    done, calls, junit = run_suite("aarch64")
    assert (done.returncode, "emulated" in done.stdout) == (0, False)
    assert "QEMU_CPU" not in calls
    assert "--privileged" in calls
    assert 'name="a"' in junit


def test_where_it_is_emulated_the_checks_run_as_the_least_processor_and_say_so(run_suite) -> None:
    done, calls, _ = run_suite("x86_64")
    assert done.returncode == 0
    assert "emulated as cortex-a72: the engine runs amd64" in done.stdout
    (inside,) = [call for call in calls.splitlines() if call.startswith("run --rm -i ")]
    assert "-e QEMU_CPU=cortex-a72 -e BASEIMAGES_EMULATED=cortex-a72 image" in inside


def test_an_emulated_engine_inside_is_left_out(run_suite) -> None:
    assert "--privileged" not in run_suite("x86_64")[1]


def test_where_nothing_emulates_the_suite_is_skipped_with_the_cure(run_suite) -> None:
    done, calls, junit = run_suite("x86_64", emulates=1)
    assert done.returncode == 0
    assert "skipped: the image is for arm64, the engine runs amd64" in done.stdout
    assert "./bootstrap.sh --with-emulation" in done.stdout
    assert "runner.py" not in calls
    assert "<skipped" in junit


def test_an_engine_that_does_not_answer_is_no_skip(run_suite) -> None:
    with pytest.raises(FileNotFoundError):  # no JUnit file: nothing may count as run
        run_suite("")


def test_whoever_watches_is_told_each_container_before_it_starts(
    run_suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    monkeypatch.setenv("SUITE_CONTAINERS", str(folder))
    done, calls, _ = run_suite("aarch64")
    assert done.returncode == 0
    started = [line for line in calls.splitlines() if line.startswith(("run ", "create "))]
    assert len(started) > 5
    assert all(line.split()[1] == "--cidfile" and str(folder) in line for line in started)
    assert not any("--cidfile" in line for line in calls.splitlines() if line.startswith("image"))

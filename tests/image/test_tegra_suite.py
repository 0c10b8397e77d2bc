"""image_testing/test-tegra.sh with an engine of answers: on a Jetson, beside one, and elsewhere.

The engine is a program named `docker`. Its answers are written by hand after what Docker and
NVIDIA's runtime say on other machines; none was recorded on a Jetson.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
LABELS = {
    "org.opencontainers.image.title": "base_edge_node_arm64_tegra",
    "io.baseimages.target": "full",
    "io.baseimages.jetpack": "6.1",
    "io.baseimages.tensorrt": "10.4",
}
UNKNOWN_RUNTIME = "docker: Error response from daemon: unknown or invalid runtime name: nvidia"
BROKEN_RUNTIME = "nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1"
PASSED = '<testsuite name="test-tegra"><testcase name="a" time="0"/></testsuite>'
FAILED = (
    '<testsuite name="test-tegra"><testcase name="a" time="0"><failure message="x"/></testcase></testsuite>'
)
# $DOCKER is the folder of answers; each call is kept as a line of it. The checks come by standard
# input, and what they were told from outside is kept for the test.
DOCKER = """#!/bin/sh
echo "$*" >> "$DOCKER/calls"
case "$*" in
  "info --format"*) cat "$DOCKER/architecture" ;;
  "image inspect --format"*) cat "$DOCKER/labels" ;;
  "image inspect"*) ;;
  "run --rm -i "*) tar -x -O ./outside.tsv > "$DOCKER/outside.tsv" 2> /dev/null || cat > /dev/null
    cat "$DOCKER/junit"; exit "$(cat "$DOCKER/code")" ;;
  *"--runtime nvidia"*) cat "$DOCKER/runtime" >&2; [ ! -s "$DOCKER/runtime" ] ;;
  *"exit 37"*) printf 'a b'; exit 37 ;;
  *pgrep*) echo none ;;
  *"/comm"*) printf 'cat\\ntini\\n' ;;
  *--read-only*) echo runs ;;
  *"--entrypoint"*) exit 64 ;;
  *"EE_DD=1"*privileged* | *privileged*"EE_DD=1"*) echo inside ;;
  *"EE_DD=1"*) exit 69 ;;
  *" pwd") echo /exe_eng_base ;;
esac
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the suite said and left, and what it asked of the engine."""

    code: int
    said: str
    junit: ElementTree.Element | None
    calls: list[str]
    outside: str


def run_suite(
    folder: Path, *, architecture: str = "aarch64", runtime: str = "", junit: str = PASSED, code: int = 0
) -> Outcome:
    answers = {
        "architecture": architecture, "labels": json.dumps(LABELS), "runtime": runtime,
        "junit": junit, "code": str(code),
    }  # fmt: skip
    for name, text in answers.items():
        (folder / name).write_text(text)
    program = folder / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    report = folder / "junit.xml"
    done = subprocess.run(
        [ROOT / "image_testing" / "test-tegra.sh", "image:1", "--junit", report],
        capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": f"{program.parent}:{os.environ['PATH']}", "DOCKER": str(folder)},
    )  # fmt: skip
    outside = folder / "outside.tsv"
    return Outcome(
        code=done.returncode,
        said=done.stdout + done.stderr,
        junit=ElementTree.parse(report).getroot() if report.exists() else None,
        calls=(folder / "calls").read_text().splitlines(),
        outside=outside.read_text() if outside.exists() else "",
    )


def checks_call(outcome: Outcome) -> str:
    (call,) = [call for call in outcome.calls if call.startswith("run --rm -i ")]
    return call.partition(" image:1")[0]


def test_on_a_jetson_the_checks_run_with_its_runtime_and_every_answer_from_outside_is_right(
    tmp_path: Path,
) -> None:
    outcome = run_suite(tmp_path)
    assert outcome.code == 0, outcome.said
    assert checks_call(outcome) == "run --rm -i -e EE_DD=false --runtime nvidia -e BASEIMAGES_GPU=present"
    assert outcome.junit is not None
    assert [case.get("name") for case in outcome.junit] == ["a"]
    rows = [line.split("\t") for line in outcome.outside.splitlines()]
    assert ["the runtime nvidia starts a container", "yes", "yes"] in rows
    assert [row for row in rows if row[1] != row[2]] == []


def test_a_failing_check_on_the_device_is_the_suites_failure_and_its_report_is_kept(tmp_path: Path) -> None:
    outcome = run_suite(tmp_path, junit=FAILED, code=1)
    assert outcome.code == 1
    assert outcome.junit is not None
    assert outcome.junit.find("testcase/failure") is not None


def skipped(outcome: Outcome) -> str:
    """Name and reason of the one skipped case."""
    assert outcome.junit is not None
    (case,) = outcome.junit
    (reason,) = case
    assert (reason.tag, outcome.junit.get("tests"), outcome.junit.get("skipped")) == ("skipped", "1", "1")
    return f"{case.get('name')}: {reason.get('message')}"


def test_a_device_without_the_runtime_skips_everything_as_manual(tmp_path: Path) -> None:
    outcome = run_suite(tmp_path, runtime=UNKNOWN_RUNTIME)
    assert outcome.code == 0
    assert skipped(outcome) == "runtime: manual on a Jetson: the engine has no runtime nvidia"
    assert "skipped: manual on a Jetson: the engine has no runtime nvidia" in outcome.said
    assert not [call for call in outcome.calls if call.startswith("run --rm -i ")]


def test_a_runtime_that_is_there_and_starts_nothing_is_a_failure_and_no_reason_to_skip(
    tmp_path: Path,
) -> None:
    outcome = run_suite(tmp_path, runtime=f"docker: Error response from daemon\n{BROKEN_RUNTIME}", code=1)
    assert outcome.code == 1
    assert checks_call(outcome) == "run --rm -i -e EE_DD=false"
    assert f"the runtime nvidia starts a container\tyes\t{BROKEN_RUNTIME}" in outcome.outside


def test_on_amd64_everything_is_skipped_as_manual_and_no_container_is_started(tmp_path: Path) -> None:
    outcome = run_suite(tmp_path, architecture="x86_64")
    assert outcome.code == 0
    assert skipped(outcome).startswith(
        "architecture: manual on a Jetson: the image is for arm64, the engine runs amd64, the client "
    )
    assert not [call for call in outcome.calls if call.startswith("run")]


def test_without_an_engine_nothing_is_called_skipped(tmp_path: Path) -> None:
    outcome = run_suite(tmp_path, architecture="")
    assert outcome.code == 2
    assert outcome.junit is None
    assert "no container engine answers" in outcome.said

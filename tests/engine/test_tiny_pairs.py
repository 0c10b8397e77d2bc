"""Ring 2: interleaved pairs of a tiny image, in private engines that leave nothing behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CalledProcessError, Popen
from typing import Any

import pytest

from baseimages.command import ProcessRunner
from baseimages.measure import isolated_engine
from baseimages.measure.bench import prune_argv
from tests.engine.conftest import DOCKERFILE, Checkout, docker, wait_until
from tests.engine.test_tiny_build import assert_no_bridges_of_the_dead, is_running

pytestmark = pytest.mark.engine
WORDS = ("benchmark", "--variant", "tiny")
# The same image by another recipe: a script that the other has not is edited in its place.
OTHER = DOCKERFILE.replace("COPY --link scripts/entrypoint.sh", "COPY --link scripts/start.sh")


@pytest.fixture
def rivals(checkout: Checkout) -> Checkout:
    """A checkout with a second image, `baseline-tiny`, that declares its own edit."""
    family = (checkout.root / "images.toml").read_text()
    image = family[family.index("[images.tiny]") :]
    other = image.replace("[images.tiny]", "[baselines.tiny]").replace(checkout.name, f"{checkout.name}-old")
    edit = """
[baselines.tiny.scenarios.edit-entrypoint]
edits = [{ file = "scripts/start.sh", pattern = "^(#!.*)$", replace = "\\\\1\\n# {edit}" }]
"""
    checkout.write("images.toml", f"{family}{other}{edit}")
    checkout.write(f"{checkout.name}-old/Dockerfile", OTHER)
    checkout.write("scripts/start.sh", '#!/bin/sh\nexec "$@"\n')
    checkout.commit("Add a rival")
    return checkout


def measure(checkout: Checkout, *words: str) -> dict[str, Any]:
    done = checkout.invoke(*WORDS, "--json", *words)
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    if record["engine"] is None:
        pytest.skip("ring 2: no private engine can run here")
    builds = [line for line in done.stderr.splitlines() if line.startswith("+ docker") and " build " in line]
    assert builds
    assert [line for line in builds if "--host unix://" not in line] == [], "built in the user's engine"
    return record


def assert_nothing_left(checkout: Checkout) -> None:
    assert not is_running(str(checkout.root))
    assert str(checkout.root) not in Path("/proc/mounts").read_text()
    assert list(checkout.root.glob(".work/**/benchmark-*")) == []
    assert_no_bridges_of_the_dead()


def test_pairs_against_the_baseline_hit_what_they_must_and_leave_nothing(rivals: Checkout) -> None:
    rivals.build()
    words = ("--against", "baseline", "--pairs", "2", "--scenario", "no-op", "--scenario", "edit-entrypoint")
    record = measure(rivals, *words)
    scenarios = {each["name"]: each for each in record["scenarios"]}
    assert list(scenarios) == ["cold", "no-op", "edit-entrypoint"]
    for name, count in (("cold", 1), ("no-op", 2), ("edit-entrypoint", 2)):
        runs = [pair[arm] for pair in scenarios[name]["pairs"] for arm in ("baseline", "candidate")]
        assert [(run["valid"], run["note"]) for run in runs if not run["valid"]] == []
        assert len(runs) == 2 * count
        assert all(run["cpu_s"] is not None for run in runs)
        assert scenarios[name]["wall"]["verdict"] == "no claim"
    assert {pair["candidate"]["misses"] for pair in scenarios["no-op"]["pairs"]} == {0}
    assert {pair["baseline"]["misses"] for pair in scenarios["edit-entrypoint"]["pairs"]} == {1}
    assert_nothing_left(rivals)
    assert_the_baseline_is_built(rivals)


def assert_the_baseline_is_built(rivals: Checkout) -> None:
    (path,) = (rivals.root / ".work" / f"{rivals.name}-old").rglob("build.json")
    built = json.loads(path.read_text())
    assert (built["cold"], built["load_duration_s"]) == (True, None)
    images = json.loads((path.parent / "layout" / "index.json").read_text())["manifests"]
    assert {image["digest"] for image in images} == {built["manifest_digest"]}
    assert {step["cached"] for step in built["steps"] if step["is_instruction"]} == {False}
    with pytest.raises(CalledProcessError):  # until a verb wants a container of it
        docker("image", "inspect", built["tags"][0])


def test_single_pairs_hold_one_engine_at_a_time(rivals: Checkout) -> None:
    rivals.build()
    words = ("--pairs", "1", "--scenario", "no-op", "--scenario", "edit-entrypoint", "--json")
    done = rivals.invoke(*WORDS, "--against", "baseline", *words)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    if record["engine"] is None:
        pytest.skip("ring 2: no private engine can run here")
    for scenario in record["scenarios"]:
        (pair,) = scenario["pairs"]
        assert (pair["baseline"]["valid"], pair["candidate"]["valid"]) == (True, True), pair
    sockets = re.findall(r"^\+ docker --host unix://(\S+) buildx \S+ \S+ build ", done.stderr, re.M)
    assert len(set(sockets)) == 2
    assert sockets == sorted(sockets, key=sockets.index), "nothing of one comes after the other"
    assert_nothing_left(rivals)
    assert_the_baseline_is_built(rivals)


def test_every_scenario_of_the_family_is_a_run_of_itself_or_says_why_not(checkout: Checkout) -> None:
    checkout.build()
    names = ("factory-cold", "layers-cold", "ci-warm", "edit-pin", "edit-entrypoint")
    record = measure(checkout, "--pairs", "1", *(word for name in names for word in ("--scenario", name)))
    scenarios = {each["name"]: each for each in record["scenarios"]}
    for name in ("cold", "layers-cold", "ci-warm", "edit-entrypoint"):
        (pair,) = scenarios[name]["noise"]
        assert [pair[arm]["valid"] for arm in ("baseline", "candidate")] == [True, True], pair
    (pair,) = scenarios["factory-cold"]["noise"]
    assert pair["candidate"]["duration_s"] is None
    assert "requirements-core.txt to edit" in scenarios["edit-pin"]["cannot"]
    assert_nothing_left(checkout)


def test_a_private_engine_collects_no_garbage_and_loses_its_layers_without_its_cache_mounts(
    tiny_base: str, tmp_path: Path
) -> None:
    runner, archive = ProcessRunner(), tmp_path / "base.tar"
    docker("save", "-o", str(archive), tiny_base)
    with isolated_engine(runner, tmp_path) as private:

        def run(*words: str, stdin: str | None = None) -> str:
            return runner.run(words, deadline_s=60, stdin=stdin).stdout

        def build(command: str) -> None:
            step = f"FROM {tiny_base}\nRUN --mount=type=cache,id=kept,target=/c {command}\n"
            words = private.buildx("build", *private.build_options, "--output=type=cacheonly", "-")
            run(*words, stdin=step)

        assert "GC Policy" not in run(*private.buildx("inspect"))
        run(*private.argv("load", "-i", str(archive)))
        build("mkdir -p /c/mark")
        assert "regular" in run(*private.buildx("du", "--verbose"))
        run(*prune_argv(private))
        held = run(*private.buildx("du", "--verbose"))
        assert "exec.cachemount" in held
        assert "regular" not in held
        build("rm -r /c/mark")  # fails where the mount is empty


def test_ctrl_c_in_the_middle_of_pairs_leaves_no_engine(
    checkout: Checkout, interrupt: Callable[[Popen[str]], None]
) -> None:
    checkout.build()
    process = checkout.start(*WORDS, "--pairs", "50", "--scenario", "no-op", start_new_session=True)
    engine = f"--data-root={checkout.root}"
    assert wait_until(lambda: is_running(engine) or process.poll() is not None, limit_s=60)
    if process.poll() is not None:
        pytest.skip("ring 2: no private engine can run here")
    interrupt(process)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert_nothing_left(checkout)

"""A bumped pin: one version and its hashes move, everything else of the lock stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from baseimages.declare import Family, load_family
from baseimages.declare.bump import bump_pin
from baseimages.errors import UsageError
from tests.conftest import ROOT, FakeRunner

LOCK = """\
# Made by `nox -s lock` from requirements.in; do not edit.
alpha==1.0 \\
    --hash=sha256:aa
    # via -r requirements.in
beta==2.0 \\
    --hash=sha256:bb
gamma==3.0 \\
    --hash=sha256:cc
"""


@pytest.fixture
def family() -> Family:
    return load_family(ROOT / "images.toml")


@pytest.fixture
def checkout(tmp_path: Path, family: Family) -> Path:
    folder = tmp_path / family.image("cpu").name
    folder.mkdir()
    (folder / "requirements.txt").write_text(LOCK)
    return tmp_path


def answer(runner: FakeRunner, versions: dict[str, str]) -> None:
    """uv, which knows one version for each requirement that it may be asked."""
    asked = runner.run

    def run(argv: Any, **options: Any) -> Any:
        requirement = (Path(options["cwd"]) / "one.in").read_text().strip()
        runner.script(
            *argv[:3], stdout=f"beta=={versions[requirement]} \\\n    --hash=sha256:{requirement}\n"
        )
        return asked(argv, **options)

    runner.run = run  # type: ignore[method-assign] -- only here uv answers by what it is asked


def bump(checkout: Path, family: Family, runner: FakeRunner) -> Any:
    return bump_pin(checkout, family, family.image("cpu"), "Beta", runner)


def test_a_pin_moves_to_the_newest_version_and_nothing_else_does(
    checkout: Path, family: Family, runner: FakeRunner
) -> None:
    answer(runner, {"beta": "2.1"})
    found = bump(checkout, family, runner)
    assert (found.old, found.new) == ("2.0", "2.1")
    assert found.lock == f"{family.image('cpu').name}/requirements.txt"
    pin = "beta==2.0 \\\n    --hash=sha256:bb"
    assert found.text == LOCK.replace(pin, "beta==2.1 \\\n    --hash=sha256:beta")


def test_where_the_newest_is_locked_the_one_before_it_is_taken(
    checkout: Path, family: Family, runner: FakeRunner
) -> None:
    answer(runner, {"beta": "2.0", "beta<2.0": "1.9"})
    assert bump(checkout, family, runner).new == "1.9"


def test_the_one_distribution_is_asked_for_the_platform_of_the_image(
    checkout: Path, family: Family, runner: FakeRunner
) -> None:
    answer(runner, {"beta": "2.1"})
    bump(checkout, family, runner)
    assert {"--no-deps", "--generate-hashes", "x86_64-manylinux_2_39"} <= set(runner.calls[0])


def test_what_no_lock_pins_is_refused_with_the_nearest_name(
    checkout: Path, family: Family, runner: FakeRunner
) -> None:
    with pytest.raises(UsageError, match="gamma"):
        bump_pin(checkout, family, family.image("cpu"), "gama", runner)
    assert runner.calls == []

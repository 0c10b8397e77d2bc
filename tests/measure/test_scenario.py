"""A run that hit or missed otherwise than its scenario says is no run of it."""

from __future__ import annotations

import dataclasses

import pytest

from baseimages.build import Step
from baseimages.measure.scenario import COLD, EDIT, NO_OP, Scenario, find_fault
from tests.build.conftest import read_steps


def change(steps: tuple[Step, ...], part: str, **changes: bool) -> list[Step]:
    """The steps, with changes to those whose name has that part."""
    return [dataclasses.replace(step, **changes) if part in step.name else step for step in steps]


@pytest.mark.parametrize(
    ("scenario", "stream"),
    [(COLD, "cold"), (NO_OP, "no-op"), (EDIT, "edit")],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_run_that_did_what_its_scenario_says_has_no_fault(scenario: Scenario, stream: str) -> None:
    assert find_fault(scenario, read_steps(stream)) is None


def test_a_cold_run_with_a_hit_is_invalid() -> None:
    steps = change(read_steps("cold"), "[tool 2/2]", cached=True)
    assert str(find_fault(COLD, steps)).startswith("1 cached: [tool 2/2] RUN mkdir")


def test_a_base_that_was_there_does_not_spoil_a_cold_run() -> None:
    steps = read_steps("cold")
    assert [step.cached for step in steps if "FROM" in step.name] == [True]
    assert find_fault(COLD, steps) is None


def test_a_no_op_run_with_a_miss_is_invalid() -> None:
    steps = change(read_steps("no-op"), "[core 3/3]", cached=False)
    assert find_fault(NO_OP, steps) == "1 missed: [core 3/3] RUN cat /entrypoint /tool/file"


def test_contexts_and_exports_do_not_spoil_a_no_op_run() -> None:
    steps = read_steps("no-op")
    assert [step.name for step in steps if not step.cached]
    assert find_fault(NO_OP, steps) is None


@pytest.mark.parametrize("scenario", [COLD, NO_OP, EDIT], ids=lambda scenario: scenario.name)
def test_a_run_without_any_instruction_measured_nothing(scenario: Scenario) -> None:
    ran = [step for step in read_steps("no-op") if not step.is_instruction]
    assert find_fault(scenario, ran) == "no instruction was seen"


def test_an_edit_that_reached_no_step_is_invalid() -> None:
    fault = find_fault(EDIT, read_steps("no-op"))
    assert str(fault).startswith("no step ran that the edit of scripts/entrypoint.sh concerns")


def test_an_edit_that_only_joined_a_layer_anew_is_invalid() -> None:
    assert "did not reach the image" in str(find_fault(EDIT, read_steps("relinked")))


def test_an_edit_may_miss_what_stands_on_the_edited_file() -> None:
    ran = {step.title for step in read_steps("edit") if step.is_instruction and not step.cached}
    assert "[core 3/3] RUN cat /entrypoint /tool/file" in ran


def test_an_edit_that_missed_more_than_its_dependents_is_invalid() -> None:
    fault = find_fault(EDIT, change(read_steps("edit"), "[tool 2/2]", cached=False))
    assert str(fault).startswith("1 missed: [tool 2/2] RUN mkdir")


def test_only_the_first_faults_are_listed_and_all_are_counted() -> None:
    steps = [
        Step(digest=str(n), name=f"[os {n}/9] RUN {'x' * 500}", inputs=("b",), spans=((0, 1),))
        for n in range(9)
    ]
    fault = str(find_fault(NO_OP, steps))
    assert fault.startswith("9 missed: [os 0/9]")
    assert len(fault) < 500

"""A record says what was found; what a machine does not tell is None."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform

import pytest

from baseimages.build import BaseFacts, EngineFacts, Step, StepRecord
from baseimages.build.record import digest_inputs, host_facts
from baseimages.plan import BuildPlan
from tests.build.conftest import BASE, ENGINE


@pytest.fixture(autouse=True)
def _no_uname(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library starts `uname` for these two where files do not tell."""
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "platform", lambda terse: "Linux-6")


def test_a_step_is_stored_in_milliseconds() -> None:
    step = Step(digest="a", name="[os 1/1] RUN x", inputs=("b",), spans=((1.23456, 3.45678),))
    record = StepRecord.of(step)
    assert (record.started_s, record.duration_s, record.stage) == (1.235, 2.222, "os")


def test_a_step_keeps_what_it_stands_on_and_each_time_it_ran() -> None:
    step = Step(
        digest="sha256:" + "a" * 64,
        name="[os 1/2] RUN x",
        inputs=("sha256:" + "b" * 64,),
        spans=((1.0, 2.0), (5.00049, 6.0)),
    )
    record = StepRecord.of(step)
    assert (record.id, record.inputs, record.place) == ("a" * 12, ("b" * 12,), "os 1/2 RUN")
    assert record.intervals == ((1.0, 2.0), (5.0, 6.0))
    once = StepRecord.of(Step(digest="a", name="x", spans=((1.0, 2.5),)))
    assert (once.spans, once.intervals) == ((), ((1.0, 2.5),))


def test_a_step_of_an_older_record_is_read() -> None:
    older = {"name": "x", "stage": "s", "started_s": 1.0, "duration_s": 2.0, "cached": False}
    record = StepRecord.model_validate(older | {"is_instruction": True})
    assert (record.intervals, record.inputs) == (((1.0, 3.0),), ())


def test_a_base_is_stored_with_the_reason_why_it_was_taken() -> None:
    assert BaseFacts.of(BASE).reason == "tiny: the engine holds it"


def test_an_engine_is_stored_without_the_way_to_reach_it() -> None:
    assert EngineFacts.of(ENGINE).model_dump() == {
        "server_version": "28.5.2",
        "buildx_version": "0.29.1",
        "architecture": "x86_64",
    }


def test_inputs_are_stored_by_path_and_digest_and_folders_passed_over(plan: BuildPlan) -> None:
    (plan.root / "scripts").mkdir()
    (plan.root / "scripts/a.sh").write_bytes(b"a\r\n")
    read = dataclasses.replace(plan, inputs=("scripts", "scripts/a.sh", "scripts/none.sh"))
    (fact,) = digest_inputs(read)
    assert (fact.path, fact.sha256) == ("scripts/a.sh", hashlib.sha256(b"a\r\n").hexdigest())


def test_memory_that_the_system_does_not_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", refuse)
    assert host_facts().memory_bytes is None


def test_a_system_without_os_release_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", dict)
    assert host_facts().system == "Linux-6"

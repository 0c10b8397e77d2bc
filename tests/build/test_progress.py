"""BuildKit's progress: recorded streams are read as they came, damaged ones harm nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from baseimages.build import Step, fold_groups
from baseimages.build.progress import (
    LOG_TAIL_BYTES,
    LOG_TAIL_LINES,
    LONGEST_OBJECT_LINES,
    MESSAGE_LINES,
    ProgressReader,
)
from tests.build.conftest import read_steps, read_stream

START, END = "2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z"
STREAMS = ("cold", "no-op", "edit", "relinked", "failed", "metadata")


def read(text: str) -> ProgressReader:
    reader = ProgressReader()
    for line in text.splitlines():
        reader.feed(line)
    return reader


def vertexes(*told: dict[str, Any]) -> str:
    return json.dumps({"vertexes": told})


def log(vertex: str, data: bytes) -> str:
    return json.dumps({"logs": [{"vertex": vertex, "data": base64.b64encode(data).decode()}]})


def hits(steps: tuple[Step, ...]) -> dict[str, bool]:
    """Whether each instruction was a hit, by its name without the values of its arguments."""
    return {" ".join(step.title.split()[:4]): step.cached for step in steps if step.is_instruction}


def step_named(steps: tuple[Step, ...], part: str) -> Step:
    (found,) = [step for step in steps if part in step.name]
    return found


def test_every_instruction_of_a_cold_build_is_a_miss() -> None:
    assert hits(read_steps("cold")) == {
        "[core 3/3] RUN cat": False,
        "[core 2/3] COPY --link": False,
        "[core 1/3] COPY --link": False,
        "[tool 2/2] RUN mkdir": False,
        "[os 2/2] RUN echo": False,
    }


def test_every_instruction_of_the_same_build_again_is_a_hit() -> None:
    assert list(hits(read_steps("no-op")).values()) == [True] * 5


def test_a_base_image_is_no_instruction_though_it_is_cached() -> None:
    base = step_named(read_steps("no-op"), "FROM docker.io")
    assert base.cached
    assert not base.is_instruction


def test_contexts_and_exports_are_internal() -> None:
    steps = read_steps("cold")
    assert {step.stage for step in steps} == {"tool", "os", "core", "base", "internal"}
    assert step_named(steps, "exporting to image").stage == "internal"


def test_a_failed_step_is_named_with_its_log_and_not_the_one_that_was_canceled() -> None:
    failed = read(read_stream("failed")).failed
    assert failed is not None
    step, tail = failed
    assert step.stage == "broken"
    assert tail == "first line\nthe cause: no such thing"


def test_a_step_that_was_canceled_is_not_to_blame_though_it_is_seen_first() -> None:
    canceled = {"digest": "a", "name": "x", "started": START, "error": "exit code: 137: context canceled"}
    broken = {"digest": "b", "name": "y", "started": START, "error": "exit code: 7"}
    failed = read(f"{vertexes(canceled)}\n{vertexes(broken)}").failed
    assert failed is not None
    assert failed[0].name == "y"


def test_a_build_that_succeeded_has_no_failed_step() -> None:
    assert read(read_stream("cold")).failed is None


def test_plain_lines_between_the_events_are_kept_as_messages() -> None:
    messages = list(read(read_stream("failed")).messages)
    assert messages[0] == "Broken:5"
    assert messages[-1].startswith("ERROR: failed to build: failed to solve")


def test_a_copied_layer_that_is_joined_anew_is_one_hit() -> None:
    folded = fold_groups(read_steps("relinked"))
    assert hits(folded) == {
        "[core 3/3] RUN cat": False,
        "[core 2/3] COPY --link": True,
        "[core 1/3] COPY --link": True,
        "[tool 2/2] RUN mkdir": True,
        "[os 2/2] RUN echo": False,
    }


def test_the_halves_of_a_linked_copy_become_one_step_with_the_instructions_name() -> None:
    steps = read_steps("cold")
    halves = [step for step in steps if "scripts/entrypoint.sh" in step.name]
    whole = step_named(fold_groups(steps), "scripts/entrypoint.sh")
    assert len(halves) == 2
    assert whole.name == "[core 2/3] COPY --link scripts/entrypoint.sh /entrypoint"
    assert set(whole.spans) == {span for half in halves for span in half.spans}


def test_steps_without_a_group_stay_apart() -> None:
    steps = read_steps("failed")
    assert fold_groups(steps) == steps


def test_a_failure_of_either_half_is_a_failure_of_the_copy() -> None:
    join = Step(digest="a", name="LINK COPY", group="g", is_join=True, error="disk full")
    copy = Step(digest="b", name="COPY", group="g")
    assert [step.error for step in fold_groups([join, copy])] == ["disk full"]


def test_a_step_that_was_restarted_has_two_spans_and_does_not_count_the_wait() -> None:
    first = {"digest": "a", "name": "[1/1] RUN x", "started": START, "completed": END}
    again = {"digest": "a", "started": "2026-01-01T00:00:10Z", "completed": "2026-01-01T00:00:11Z"}
    (step,) = read(f"{vertexes(first)}\n{vertexes(again)}").steps
    assert step.spans == ((0.0, 2.0), (10.0, 11.0))
    assert step.duration_s == 3.0
    assert not step.is_running


def test_a_restarted_step_of_a_real_build_is_one_step() -> None:
    step = step_named(read_steps("cold"), "load build definition")
    assert len(step.spans) == 2
    assert step.duration_s < 1.0


def test_spans_that_overlap_are_counted_once() -> None:
    step = Step(digest="a", name="x", spans=((0.0, 4.0), (1.0, 2.0), (3.0, 6.0)))
    assert step.duration_s == 6.0


def test_a_step_without_an_end_is_running() -> None:
    (step,) = read(vertexes({"digest": "a", "name": "x", "started": START})).steps
    assert step.is_running
    assert step.duration_s == 0.0


def test_a_step_that_never_started_is_no_step() -> None:
    assert read(vertexes({"digest": "a", "name": "x"})).steps == ()


def test_what_later_events_leave_out_is_remembered() -> None:
    first = {"digest": "a", "name": "[os 1/1] RUN x", "inputs": ["b"], "started": START}
    events = (first, {"digest": "a", "cached": True}, {"digest": "a", "completed": END})
    (step,) = read("\n".join(map(vertexes, events))).steps
    assert (step.name, step.inputs, step.cached) == ("[os 1/1] RUN x", ("b",), True)


@pytest.mark.parametrize("name", STREAMS)
def test_times_count_from_the_first_event(name: str) -> None:
    steps = read_steps(name)
    assert steps[0].started_s == 0.0
    assert all(0 <= start <= end < 3 for step in steps for start, end in step.spans)


def test_what_an_earlier_build_did_to_a_shared_step_is_no_time_of_this_build() -> None:
    base = step_named(read_steps("cold"), "FROM docker.io")  # recorded: it ran 90 s before
    assert (base.cached, base.spans, base.duration_s) == (True, (), 0.0)


def test_a_step_that_another_build_began_counts_from_this_builds_start() -> None:
    mine = {"digest": "a", "name": "[internal] x", "started": "2026-01-01T00:00:01Z", "completed": END}
    shared = {"digest": "b", "name": "[1/1] RUN x", "started": START, "completed": END}
    steps = read(f"{vertexes(mine)}\n{vertexes(shared)}").steps
    assert [step.spans for step in steps] == [((0.0, 1.0),), ((0.0, 1.0),)]


@pytest.mark.parametrize("name", STREAMS)
def test_the_older_form_with_objects_over_several_lines_gives_the_same(name: str) -> None:
    lines = (
        json.dumps(json.loads(line), indent="\t") if line.startswith("{") else line
        for line in read_stream(name).splitlines()
    )
    older, newer = read("\n".join(lines)), read(read_stream(name))
    assert older.steps == newer.steps
    assert older.messages == newer.messages


@pytest.mark.parametrize(
    "junk",
    ["WARNING: no output specified", '{"vertexes": 7}', '{"vertexes":[{"name":"no digest"}]}', "7", "null"],
)
def test_a_junk_line_is_a_message_and_harms_no_step(junk: str) -> None:
    stream = read_stream("no-op").splitlines()
    reader = read("\n".join([*stream[:9], junk, *stream[9:]]))
    assert reader.steps == read_steps("no-op")
    assert list(reader.messages) == [junk]


def test_blank_lines_are_no_messages() -> None:
    assert not read("\n   \n\n").messages


def test_an_object_that_never_ends_is_given_up() -> None:
    endless = "\n".join(["{", *(f"line {number}" for number in range(LONGEST_OBJECT_LINES))])
    reader = read(f"{endless}\n{read_stream('no-op')}")
    assert reader.steps == read_steps("no-op")


def test_only_the_last_messages_are_kept() -> None:
    messages = read("\n".join(f"line {number}" for number in range(MESSAGE_LINES + 5))).messages
    assert (messages[0], len(messages)) == ("line 5", MESSAGE_LINES)


def test_the_log_of_a_failed_step_is_cut_at_its_front() -> None:
    noise = b"".join(b"%d\n" % number for number in range(LOG_TAIL_BYTES))
    vertex = vertexes({"digest": "a", "name": "x", "started": START, "completed": END, "error": "code 1"})
    failed = read(f"{log('a', noise)}\n{log('a', b'the cause')}\n{vertex}").failed
    assert failed is not None
    lines = failed[1].splitlines()
    assert (lines[-1], len(lines)) == ("the cause", LOG_TAIL_LINES)


def test_a_character_that_is_cut_between_two_events_is_whole_in_the_log() -> None:
    umlaut = "ä".encode()
    vertex = vertexes({"digest": "a", "name": "x", "started": START, "error": "code 1"})
    failed = read(f"{log('a', umlaut[:1])}\n{log('a', umlaut[1:])}\n{vertex}").failed
    assert failed is not None
    assert failed[1] == "ä"


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("[os 2/2] RUN x", "os"),
        ("[linux/arm64 os 2/2] RUN x", "os"),
        ("[2/2] RUN x", ""),
        ("[linux/arm64 2/2] RUN x", ""),
        ("[internal] load build context", "internal"),
        ("exporting to image", "internal"),
        ("", "internal"),
    ],
)
def test_a_stage_is_read_from_the_steps_name(name: str, stage: str) -> None:
    assert Step(digest="a", name=name).stage == stage


def test_a_listener_is_told_of_each_change_of_a_step_that_started() -> None:
    told: list[bool] = []
    reader = ProgressReader(lambda step: told.append(step.is_running))
    for event in (
        {"digest": "a", "name": "x"},
        {"digest": "a", "started": START},
        {"digest": "a", "started": START, "completed": END},
    ):
        reader.feed(vertexes(event))
    assert told == [True, False]


def status(vertex: str, id: str, name: str, start: int, end: int | None, total: int = 0) -> str:
    told = {"id": id, "vertex": vertex, "name": name, "total": total, "current": total}
    told["started"] = f"2026-01-01T00:00:{start:02d}Z"
    if end is not None:
        told["completed"] = f"2026-01-01T00:00:{end:02d}Z"
    return json.dumps({"statuses": [told]})


def test_layers_of_a_base_that_is_fetched_and_unpacked_are_told_apart() -> None:
    base = {"digest": "a", "name": "[os 1/2] FROM example.org/base@sha256:1", "started": START}
    events = (
        vertexes(base),
        status("a", "sha256:11", "downloading", 1, None, 700),
        status("a", "sha256:11", "done", 1, 4, 700),
        status("a", "sha256:22", "done", 2, 5, 300),
        status("a", "extracting sha256:11", "extracting", 5, 7),
        status("a", "resolve example.org/base", "", 0, 1),
    )
    (step,) = read("\n".join(events)).steps
    assert (step.pulls, step.extracts, step.pulled_bytes) == (((1, 4), (2, 5)), ((5, 7),), 1000)


def test_what_an_export_tells_of_layers_is_no_pull() -> None:
    export = {"digest": "a", "name": "exporting to image", "started": START}
    (step,) = read(f"{vertexes(export)}\n{status('a', 'sha256:11', 'pushing', 1, 2, 9)}").steps
    assert (step.pulls, step.pulled_bytes) == ((), 0)


def test_a_status_of_an_unknown_step_harms_nothing() -> None:
    assert read(status("a", "sha256:11", "done", 1, 2)).steps == ()


def test_what_stands_on_a_half_of_a_linked_copy_stands_on_the_whole() -> None:
    steps = {step.digest: step for step in fold_groups(read_steps("cold"))}
    last = step_named(tuple(steps.values()), "RUN cat")
    assert [steps[digest].name.split()[0:3] for digest in last.inputs] == [["[core", "2/3]", "COPY"]]
    copy = steps[last.inputs[0]]
    assert {steps[digest].name.split()[0] for digest in copy.inputs} == {"[core", "[internal]"}
    assert all(digest not in step.inputs for digest, step in steps.items())

"""Progress for people: one line a step where nothing moves, rows in a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from baseimages.build import Step, display
from baseimages.build.display import LONGEST_TITLE, show_steps
from baseimages.build.progress import ProgressReader
from tests.build.conftest import read_stream

RUNNING = Step(digest="a", name="[os 1/1] RUN [red]make\n  all[/red]", inputs=("b",), is_running=True)
ENDED = Step(digest="a", name=RUNNING.name, inputs=("b",), spans=((0.0, 2.5),))
SHORT = Step(digest="c", name="[os 2/2] RUN true", inputs=("b",), spans=((0.0, 0.2),))
TITLE = "[os 1/1] RUN [red]make all[/red]"


def shown(*steps: Step, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=150, color_system=None)
    with show_steps(console) as show:
        for step in steps:
            show(step)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_step_is_one_line_at_its_start_and_one_at_its_end() -> None:
    assert shown(RUNNING, RUNNING, ENDED).splitlines() == [f"   starts  {TITLE}", f"    2.5 s  {TITLE}"]


def test_a_step_with_output_gives_a_sign_of_life_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.0, 101.0, 140.0, 140.0, 141.0, 141.0])
    monkeypatch.setattr(display.time, "monotonic", lambda: next(clock))
    assert shown(RUNNING, RUNNING, RUNNING, ENDED).splitlines() == [
        f"   starts  {TITLE}",
        f"   40 s, runs  {TITLE}",
        f"    2.5 s  {TITLE}",
    ]


def test_a_short_step_leaves_no_line_at_its_end() -> None:
    assert shown(SHORT) == ""


def test_a_hit_leaves_no_line() -> None:
    assert shown(Step(digest="a", name="[1/1] RUN x", inputs=("b",), cached=True, is_running=True)) == ""


def test_what_has_no_inputs_leaves_no_line() -> None:
    assert shown(Step(digest="a", name="[internal] load build context", is_running=True)) == ""


def test_a_long_title_is_cut_and_stays_on_one_line() -> None:
    (line,) = shown(Step(digest="a", name="x" * 5000, inputs=("b",), is_running=True)).splitlines()
    assert line == f"   starts  {'x' * LONGEST_TITLE}"


def test_a_terminal_keeps_a_line_of_a_longer_step_and_reads_no_markup_in_it() -> None:
    assert f"    2.5 s  {TITLE}" in shown(RUNNING, ENDED, terminal=True)


def test_a_terminal_keeps_no_line_of_a_short_step() -> None:
    running = Step(digest="c", name=SHORT.name, inputs=("b",), is_running=True)
    assert "0.2 s" not in shown(running, SHORT, terminal=True)


def test_a_whole_build_is_shown_in_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=150)
    with show_steps(console) as show:
        reader = ProgressReader(show)
        for line in read_stream("failed").splitlines():
            reader.feed(line)
    assert isinstance(console.file, io.StringIO)
    assert "[broken 1/1] RUN sleep 1" in console.file.getvalue()

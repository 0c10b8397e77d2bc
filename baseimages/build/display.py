"""Progress for people: moving rows in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from baseimages.build.progress import Step

SHOWN_S = 1.0
HEARTBEAT_S = 30.0
LONGEST_TITLE = 110

Show = Callable[[Step], None]


@contextmanager
def show_steps(console: Console) -> Iterator[Show]:
    """Yield what is told of each change of a step."""
    if not console.is_terminal:
        yield _Lines(console).show
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Rows(progress).show


class _Lines:
    """One line when a step starts to run, one with its seconds when a longer one ends; in between,
    while it has output, a sign of life.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started: dict[str, float] = {}
        self._printed = 0.0

    def show(self, step: Step) -> None:
        if step.cached or not step.inputs:
            return
        now = time.monotonic()
        if step.is_running and step.digest not in self._started:
            self._started[step.digest] = now
            self._print("   starts", step)
        elif step.is_running and now - self._printed >= HEARTBEAT_S:
            self._print(f"{now - self._started[step.digest]:5.0f} s, runs", step)
        elif not step.is_running and step.duration_s >= SHOWN_S:
            self._print(f"{step.duration_s:7.1f} s", step)

    def _print(self, prefix: str, step: Step) -> None:
        self._printed = time.monotonic()
        text = f"{prefix}  {step.title[:LONGEST_TITLE]}"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Rows:
    """A row for each running step; a line remains of each longer one that ended."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rows: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        title = escape(step.title[:LONGEST_TITLE])
        if step.is_running and step.digest not in self._rows:
            self._rows[step.digest] = self._progress.add_task(title, total=None)
        elif not step.is_running and step.digest in self._rows:
            self._progress.remove_task(self._rows.pop(step.digest))
            if step.duration_s >= SHOWN_S:
                self._progress.console.print(f"{step.duration_s:7.1f} s  {title}", highlight=False)

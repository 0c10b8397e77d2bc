"""BuildKit's progress stream, read live and reduced to steps.

`--progress=rawjson` writes JSON objects with `vertexes`, `statuses` and `logs`
(client/graph.go of BuildKit). Newer clients write one object a line, older ones spread one over
several, so text is gathered until it parses.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

LOG_TAIL_LINES = 40
STAGE = re.compile(r"^\[(?:(?P<platform>linux/\S+) )?(?P<stage>[^\]]*?)\s*(?P<step>\d+/\d+)?\] ")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One vertex that did work; times are seconds since the first event of the stream."""

    digest: str
    name: str
    started_s: float | None = None
    duration_s: float = 0.0
    cached: bool = False
    error: str = ""
    has_inputs: bool = False

    @property
    def stage(self) -> str:
        """The stage of the Dockerfile, or `internal`."""
        match = STAGE.match(self.name)
        return (match["stage"] if match else "") or "internal"

    @property
    def is_instruction(self) -> bool:
        """Whether it is an instruction of a Dockerfile, and so can be a hit or a miss."""
        return self.has_inputs and self.name.startswith("[") and self.stage != "internal"


class ProgressReader:
    """Feed lines; `steps` then has them in order of first sight. Bounded by the build's size."""

    def __init__(self, on_step: Callable[[Step], None] | None = None) -> None:
        self.log_tail: deque[str] = deque(maxlen=LOG_TAIL_LINES)
        self._steps: dict[str, Step] = {}
        self._buffer = ""
        self._zero: float | None = None
        self._on_step = on_step
        self._logs: dict[str, deque[str]] = {}

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps that started."""
        return tuple(step for step in self._steps.values() if step.started_s is not None)

    @property
    def failed(self) -> tuple[Step, str] | None:
        """The step that broke the build and the tail of its output."""
        for step in self._steps.values():
            if step.error and "context canceled" not in step.error:
                return step, "\n".join(self._logs.get(step.digest, ()))
        return None

    def feed(self, line: str) -> None:
        """Take one line of standard error; what is not JSON is kept as log."""
        text = f"{self._buffer}\n{line}" if self._buffer else line
        if not text.lstrip().startswith("{"):
            self._keep(line)
            return
        try:
            event, _ = json.JSONDecoder().raw_decode(text.lstrip())
        except ValueError:
            self._buffer = text
            return
        self._buffer = ""
        self._take(event)

    def _keep(self, line: str) -> None:
        if line.strip():
            self.log_tail.append(line)

    def _take(self, event: dict[str, Any]) -> None:
        for vertex in event.get("vertexes") or []:
            self._take_vertex(vertex)
        for log in event.get("logs") or []:
            self._take_log(log)

    def _take_vertex(self, vertex: dict[str, Any]) -> None:
        digest = vertex["digest"]
        step = self._steps.get(digest) or Step(digest=digest, name=vertex.get("name", ""))
        started, completed = (_seconds(vertex.get(key)) for key in ("started", "completed"))
        if started is not None:
            self._zero = started if self._zero is None else min(self._zero, started)
            # A vertex that is started again (a merge that waited) keeps its first start.
            begin = started - self._zero
            step = replace(step, started_s=begin if step.started_s is None else step.started_s)
        if completed is not None and started is not None:
            # Interrupted and restarted work adds up; waiting between the two is not work.
            step = replace(step, duration_s=max(step.duration_s, completed - started))
        step = replace(
            step,
            cached=bool(vertex.get("cached")) or step.cached,
            error=vertex.get("error", "") or step.error,
            has_inputs=bool(vertex.get("inputs")) or step.has_inputs,
        )
        self._steps[digest] = step
        if completed is not None and self._on_step:
            self._on_step(step)

    def _take_log(self, log: dict[str, Any]) -> None:
        text = base64.b64decode(log.get("data") or "").decode("utf-8", "backslashreplace")
        tail = self._logs.setdefault(log["vertex"], deque(maxlen=LOG_TAIL_LINES))
        tail.extend(line for line in text.splitlines() if line.strip())


def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    # Nanoseconds: more digits than the standard library takes.
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00")
    return datetime.fromisoformat(trimmed).timestamp()

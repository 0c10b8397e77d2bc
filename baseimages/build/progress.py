"""BuildKit's progress stream, read live and reduced to steps.

`--progress=rawjson` writes objects with `vertexes`, `statuses` and `logs` (client/graph.go of
BuildKit) to standard error, between warnings and errors in plain text. Newer clients write one
object a line, older ones (buildx 0.13) one over several lines.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import Base64Bytes, BaseModel, Field, ValidationError

MESSAGE_LINES = 60
LOG_TAIL_BYTES = 8192
LOG_TAIL_LINES = 40
# Objects of the old form are some dozen lines long; more than this is no object.
LONGEST_OBJECT_LINES = 5000
NAME = re.compile(r"^\[(?:linux/\S+ )?(?:(?P<stage>[^\]\s/]+) )?(?P<step>\d+/\d+)\] ")
INTERNAL = "internal"
CANCELED = "context canceled"
FROM = re.compile(r"^\[.*\] FROM ")
Spans = tuple[tuple[float, float], ...]


class _Group(BaseModel):
    id: str
    name: str = ""
    weak: bool = False


class _Vertex(BaseModel):
    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""
    group: _Group | None = Field(None, alias="progressGroup")


class _Log(BaseModel):
    vertex: str
    data: Base64Bytes = b""


class _Status(BaseModel):
    id: str
    vertex: str
    name: str = ""
    total: int = 0
    started: datetime | None = None
    completed: datetime | None = None


class _Event(BaseModel):
    vertexes: tuple[_Vertex, ...] | None = ()
    statuses: tuple[_Status, ...] | None = ()
    logs: tuple[_Log, ...] | None = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One vertex that started; times are seconds since the first event of the stream.

    `spans` are (start, end) of each time it ran: a vertex may stop and start again. The copying
    half of a `COPY --link` and the half that joins its layer share a `group`, named `group_name`.
    Of a base that was not there, `pulls` and `extracts` are the times of its layers, and
    `pulled_bytes` what they weigh as fetched.
    """

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    spans: Spans = ()
    pulls: Spans = ()
    extracts: Spans = ()
    pulled_bytes: int = 0
    is_running: bool = False
    cached: bool = False
    error: str = ""
    group: str = ""
    group_name: str = ""
    is_join: bool = False

    @property
    def started_s(self) -> float:
        """Its first start."""
        return self.spans[0][0] if self.spans else 0.0

    @property
    def duration_s(self) -> float:
        """Time in which it ran: the union of its spans, so that waiting in between is no work."""
        return sum_spans(self.spans)

    @property
    def stage(self) -> str:
        """The stage of the Dockerfile, empty for one without a name; `internal` for the rest."""
        match = NAME.match(self.name)
        return (match["stage"] or "") if match else INTERNAL

    @property
    def is_instruction(self) -> bool:
        """Whether an instruction ran here that can be a hit: FROM and an ADD's source cannot."""
        return bool(self.inputs) and not self.is_join and self.stage != INTERNAL

    @property
    def title(self) -> str:
        """Its name for people."""
        return title_of(self.name)


def sum_spans(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of (start, end) pairs, none of them before 0."""
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def title_of(name: str) -> str:
    """A step's name on one line, without the mounts and the heredoc marks that hide what it runs."""
    return " ".join(re.sub(r"--mount=\S+|<<'?\w+'?", "", name).split())


def place_of(name: str) -> str:
    """Stage, number and keyword of a step's name, as `os 1/2 RUN`; empty for what is no instruction.

    Digests differ from run to run, because a context carries its session; this does not.
    """
    match = NAME.match(name)
    if match is None:
        return ""
    keyword = name[match.end() :].removeprefix("LINK ").split(maxsplit=1)[:1]
    return " ".join([match["stage"] or "", match["step"], *keyword]).strip()


@dataclass
class _State:
    """What is known of a vertex; times are absolute, in seconds."""

    vertex: _Vertex
    spans: dict[float, float | None] = field(default_factory=dict)
    pulls: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    extracts: dict[str, tuple[float, float]] = field(default_factory=dict)
    cached: bool = False
    error: str = ""

    def take(self, vertex: _Vertex) -> None:
        # Names, inputs and groups are told once; later events leave them out.
        told = {name: value for name, value in vertex if value or name == "digest"}
        self.vertex = self.vertex.model_copy(update=told)
        self.cached |= vertex.cached
        self.error = vertex.error or self.error
        if vertex.started:
            end = vertex.completed.timestamp() if vertex.completed else None
            self.spans[vertex.started.timestamp()] = end

    def take_status(self, status: _Status) -> None:
        """Layers of a base, told apart as buildx does (util/progress/metricwriter.go)."""
        if not status.started or not status.completed:
            return
        span = (status.started.timestamp(), status.completed.timestamp())
        if status.name == "extracting":
            self.extracts[status.id] = span
        elif status.id.startswith("sha256:") and FROM.match(self.vertex.name):
            self.pulls[status.id] = (*span, status.total)

    def to_step(self, zero: float) -> Step:
        vertex, group = self.vertex, self.vertex.group
        return Step(
            digest=vertex.digest,
            name=vertex.name,
            inputs=vertex.inputs,
            spans=_count_from(zero, self.spans.items()),
            pulls=_count_from(zero, ((start, end) for start, end, _ in self.pulls.values())),
            extracts=_count_from(zero, self.extracts.values()),
            pulled_bytes=sum(size for *_, size in self.pulls.values()),
            is_running=None in self.spans.values(),
            cached=self.cached,
            error=self.error,
            group=group.id if group else "",
            group_name=group.name if group else "",
            is_join=bool(group and not group.weak),
        )


def _count_from(zero: float, spans: Iterable[tuple[float, float | None]]) -> Spans:
    """Those that ended, in seconds since `zero`."""
    # Of a vertex that builds share, BuildKit tells again what happened before this build.
    ended = ((max(start, zero), end) for start, end in spans if end and end >= zero)
    return tuple(sorted((start - zero, end - zero) for start, end in ended))


class ProgressReader:
    """Feed lines, then read `steps`. Memory is bounded by the number of steps."""

    def __init__(self, on_change: Callable[[Step], None] | None = None) -> None:
        self.messages: deque[str] = deque(maxlen=MESSAGE_LINES)
        self._states: dict[str, _State] = {}
        self._logs: dict[str, bytes] = {}
        self._object: list[str] = []
        self._zero = 0.0
        self._on_change = on_change  # told of each change of a step, its output among them

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps that started, in order of first sight."""
        return tuple(self._step(state) for state in self._states.values() if state.spans)

    @property
    def failed(self) -> tuple[Step, str] | None:
        """The step that broke the build and the tail of its output; others were only canceled."""
        for step in self.steps:
            if step.error and CANCELED not in step.error:
                lines = self._logs.get(step.digest, b"").decode("utf-8", "replace").splitlines()
                return step, "\n".join(lines[-LOG_TAIL_LINES:])
        return None

    def feed(self, line: str) -> None:
        """Take one line of standard error; what is no event is kept in `messages`."""
        if self._object or line == "{":
            self._gather(line)
        else:
            self._parse(line)

    def _gather(self, line: str) -> None:
        self._object.append(line)
        if line == "}" or len(self._object) > LONGEST_OBJECT_LINES:
            text, self._object = "\n".join(self._object), []
            self._parse(text)

    def _parse(self, text: str) -> None:
        try:
            event = _Event.model_validate_json(text)
        except ValidationError:
            self.messages.extend(line for line in text.splitlines() if line.strip())
            return
        for vertex in event.vertexes or ():
            self._take_vertex(vertex)
        for status in event.statuses or ():
            if status.vertex in self._states:
                self._states[status.vertex].take_status(status)
        for log in event.logs or ():
            # Lines and characters may be cut between two events: bytes are joined first.
            self._logs[log.vertex] = (self._logs.get(log.vertex, b"") + log.data)[-LOG_TAIL_BYTES:]
            self._tell(log.vertex)

    def _take_vertex(self, vertex: _Vertex) -> None:
        state = self._states.setdefault(vertex.digest, _State(vertex))
        state.take(vertex)
        if vertex.started:
            self._zero = self._zero or vertex.started.timestamp()
        self._tell(vertex.digest)

    def _tell(self, digest: str) -> None:
        state = self._states.get(digest)
        if self._on_change and state and state.spans:
            self._on_change(self._step(state))

    def _step(self, state: _State) -> Step:
        return state.to_step(self._zero)


def fold_groups(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps with the halves of each `COPY --link` as one.

    The half that copies decides whether it is a hit: joining is redone whenever a layer below
    changes, and costs nothing. What stood on either half stands on the whole.
    """
    folded: dict[str, Step] = {}
    groups: dict[str, str] = {}
    for step in steps:
        key = groups[step.digest] = step.group or step.digest
        folded[key] = _join(folded[key], step) if key in folded else step
    whole = {digest: folded[key].digest for digest, key in groups.items()}
    return tuple(_refer(step, whole) for step in folded.values())


def _refer(step: Step, whole: dict[str, str]) -> Step:
    """The step with each half among its inputs replaced by the whole."""
    inputs = dict.fromkeys(whole.get(digest, digest) for digest in step.inputs)
    inputs.pop(step.digest, None)
    return replace(step, inputs=tuple(inputs))


def _join(one: Step, other: Step) -> Step:
    main = other if one.is_join else one
    return replace(
        main,
        name=main.group_name or main.name,
        inputs=(*one.inputs, *other.inputs),
        spans=tuple(sorted({*one.spans, *other.spans})),
        error=one.error or other.error,
    )

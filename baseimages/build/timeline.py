"""What the steps of one build tell together: where its time went, what bounds it, what the cache saved.

Seconds are those of the builder's clock since the build's first event. They are never mixed with
wall times of our own clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from baseimages.build.progress import Spans, sum_spans
from baseimages.build.record import StepRecord

# Classes and their names in a stream are those of buildx's own metrics
# (util/progress/metricwriter.go); `copy` and `other` hold what it does not count.
CONTEXT = re.compile(
    r"\[internal\] load build context|load build definition|load \.dockerignore"
    r"|\[context .+\] load from client"
)
EXPORT = re.compile(r"^exporting to ")
CLASSES = ("context", "pull", "extract", "run", "copy", "export", "other")


@dataclass(frozen=True, kw_only=True)
class ClassTime:
    """Time in which at least one step of a class ran; classes overlap, so they do not add up."""

    name: str
    busy_s: float


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A build's time: from its first event to the end of its last step, and without any step."""

    span_s: float
    idle_s: float
    classes: tuple[ClassTime, ...]
    critical_path: tuple[StepRecord, ...]

    @property
    def critical_s(self) -> float:
        """Seconds of the critical path: no number of processors makes such a build shorter."""
        return sum(step.duration_s for step in self.critical_path)


@dataclass(frozen=True, kw_only=True)
class HitRate:
    """Hits among instructions, and what they saved: `hit_s` of `cold_s` that a cold run took.

    The seconds are None where there is no cold run, or one of another recipe.
    """

    hits: int
    steps: int
    hit_s: float | None
    cold_s: float | None

    @property
    def plain(self) -> float | None:
        """Share of hits, None without an instruction."""
        return self.hits / self.steps if self.steps else None

    @property
    def weighted(self) -> float | None:
        """Share of the cold seconds that hits saved."""
        return self.hit_s / self.cold_s if self.hit_s is not None and self.cold_s else None


def read_timeline(steps: Sequence[StepRecord]) -> Timeline:
    """Reduce the steps of one build."""
    ran = [span for step in steps if not step.cached for span in step.intervals]
    span_s = max((end for _, end in ran), default=0.0)
    return Timeline(
        span_s=span_s,
        idle_s=round(span_s - sum_spans(ran), 3),
        classes=tuple(_time(name, steps) for name in CLASSES),
        critical_path=find_critical_path(steps),
    )


def class_of(step: StepRecord) -> str:
    """The class of a step; of a FROM that fetches, `pulls` and `extracts` are classes of their own."""
    keyword = step.place.rpartition(" ")[2]
    if CONTEXT.search(step.name):
        return "context"
    if EXPORT.match(step.name):
        return "export"
    if not keyword or keyword == "FROM":
        return "other"
    return "run" if keyword == "RUN" else "copy"


def find_critical_path(steps: Sequence[StepRecord]) -> tuple[StepRecord, ...]:
    """The chain of steps, each standing on the one before, that took longest; hits take no time.

    Steps that nothing joins (contexts before the first instruction, the export) are no part of it.
    """
    known = {step.id: step for step in steps if step.id}
    best: dict[str, tuple[float, str]] = {}
    for id in _order(known):
        step = known[id]
        before = max(((best[i][0], i) for i in step.inputs if i in best), default=(0.0, ""))
        best[id] = (before[0] + (0.0 if step.cached else step.duration_s), before[1])
    last = max(best, key=lambda id: best[id][0], default="")
    path = list(_walk_back(last, best))
    return tuple(known[id] for id in reversed(path) if not known[id].cached)


def rate_hits(steps: Iterable[StepRecord], cold: Iterable[StepRecord]) -> HitRate:
    """Hits of a run, weighed by what each instruction took in a cold run of the same recipe.

    An instruction is weighed by its place in the Dockerfile. One that the cold run does not have
    makes the weight unknown.
    """
    asked = [step for step in steps if step.is_instruction]
    weights = {step.place: step.duration_s for step in cold if step.is_instruction}
    known = bool(asked) and all(step.place in weights for step in asked)
    return HitRate(
        hits=sum(step.cached for step in asked),
        steps=len(asked),
        hit_s=sum(weights[step.place] for step in asked if step.cached) if known else None,
        cold_s=sum(weights[step.place] for step in asked) if known else None,
    )


def _time(name: str, steps: Iterable[StepRecord]) -> ClassTime:
    spans = chain.from_iterable(_spans(name, step) for step in steps if not step.cached)
    return ClassTime(name=name, busy_s=round(sum_spans(spans), 3))


def _spans(name: str, step: StepRecord) -> Spans:
    if name in {"pull", "extract"}:
        return step.pulls if name == "pull" else step.extracts
    return step.intervals if class_of(step) == name else ()


def _order(known: dict[str, StepRecord]) -> Iterator[str]:
    """Ids, each after its inputs. A ring, which no real stream has, is cut where it closes."""
    seen: set[str] = set()
    todo = [(id, False) for id in reversed(known)]
    while todo:
        id, is_done = todo.pop()
        if is_done:
            yield id
        elif id not in seen:
            seen.add(id)
            todo.append((id, True))
            todo += [(i, False) for i in known[id].inputs if i in known and i not in seen]


def _walk_back(last: str, best: dict[str, tuple[float, str]]) -> Iterator[str]:
    while last:
        yield last
        last = best[last][1]

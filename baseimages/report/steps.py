"""Where the time of a build went, as Markdown: classes of steps, the critical path, saved seconds."""

from __future__ import annotations

from collections.abc import Sequence

from baseimages.build import StepRecord, rate_hits, read_timeline, title_of
from baseimages.measure import RunRecord
from baseimages.report.cells import NOT_MEASURED, escape, render_table, seconds, shorten

SHOWN_S = 0.5
CLASSES = {
    "context": "sending the context and the Dockerfile",
    "pull": "fetching the base",
    "extract": "unpacking the base",
    "run": "RUN",
    "copy": "COPY, ADD, WORKDIR",
    "export": "export",
    "other": "resolving names and the rest",
}


def render_timeline(steps: Sequence[StepRecord]) -> str:
    """Classes and the critical path of one build; nothing where none of its steps ran."""
    timeline = read_timeline(steps)
    if not timeline.span_s:
        return ""
    rows = [(CLASSES[time.name], seconds(time.busy_s)) for time in timeline.classes if time.busy_s]
    rows += [("no step ran", seconds(timeline.idle_s)), ("**from first to last**", seconds(timeline.span_s))]
    text = "By the builder's clock; what ran at once is counted in each of its rows.\n\n"
    text += render_table(("at least one step of", "time"), rows)
    if not timeline.critical_path:
        return text
    path = [
        (escape(shorten(title_of(step.name), 90)), seconds(step.duration_s))
        for step in timeline.critical_path
        if step.duration_s >= SHOWN_S
    ]
    return (
        f"{text}Critical path: {len(timeline.critical_path)} steps that stand on each other, "
        f"{seconds(timeline.critical_s)}. More processors alone make no build shorter than that.\n\n"
        + (render_table(("step on it", "time"), path) if path else "")
    )


def tell_saved(run: RunRecord, cold: Sequence[StepRecord]) -> str:
    """Share of a cold run's seconds that the hits of a run saved."""
    share = rate_hits(run.steps, cold).weighted
    return NOT_MEASURED if share is None else f"{share:.2%}"

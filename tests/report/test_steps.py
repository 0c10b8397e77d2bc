"""Where the time of a build went, on a page."""

from __future__ import annotations

from baseimages.measure import RunRecord
from baseimages.report.steps import render_timeline, tell_saved
from tests.compare.conftest import cold_steps, step


def test_classes_idle_time_and_the_span_are_told() -> None:
    text = render_timeline(cold_steps())
    for word in ("RUN", "export", "no step ran", "**from first to last**"):
        assert f"| {word} |" in text
    assert "fetching the base" not in text, "nothing was fetched"
    assert "Critical path: " in text


def test_the_critical_path_lists_only_steps_that_took_time() -> None:
    slow = step("[os 1/1] RUN a | b", 2.0).model_copy(update={"id": "a"})
    text = render_timeline(
        [slow, step("[core 1/1] RUN c", 0.1).model_copy(update={"id": "b", "inputs": ("a",)})]
    )
    assert "Critical path: 2 steps" in text
    assert "RUN a \\| b | 2.00 s |" in text
    assert "RUN c" not in text


def test_a_build_of_hits_has_no_time_to_tell() -> None:
    assert render_timeline([step("[os 1/1] RUN x", 0.0, cached=True)]) == ""


def test_steps_of_an_older_record_have_classes_and_no_path() -> None:
    text = render_timeline([step("[os 1/1] RUN x", 2.0)])
    assert "| RUN | 2.00 s |" in text
    assert "Critical path" not in text


def test_what_hits_saved_is_a_share_or_not_measured() -> None:
    cold = [step("[os 1/2] RUN a", 30.0), step("[os 2/2] RUN b", 10.0)]
    steps = (step("[os 1/2] RUN a", 0.0, cached=True), step("[os 2/2] RUN b", 10.0))
    run = RunRecord(scenario="edit", duration_s=10.0, valid=True, note="", steps=steps)
    assert tell_saved(run, cold) == "75.00%"
    assert tell_saved(run, ()) == "not measured"

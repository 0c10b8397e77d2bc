"""Steps of one build together: classes, idle time, the critical path, what hits saved."""

from __future__ import annotations

import pytest

from baseimages.build import StepRecord, fold_groups
from baseimages.build.progress import place_of
from baseimages.build.timeline import class_of, find_critical_path, rate_hits, read_timeline
from tests.build.conftest import read_steps


def records(name: str) -> tuple[StepRecord, ...]:
    return tuple(map(StepRecord.of, fold_groups(read_steps(name))))


def step(
    id: str, start: float, end: float, *inputs: str, name: str = "", cached: bool = False, **more: object
) -> StepRecord:
    values = {
        "name": name or f"[os {len(id)}/9] RUN {id}",
        "stage": "os",
        "started_s": start,
        "duration_s": end - start,
        "cached": cached,
        "is_instruction": True,
        "id": id,
        "inputs": inputs,
    }
    return StepRecord.model_validate(values | more)


def busy(*steps: StepRecord) -> dict[str, float]:
    return {time.name: time.busy_s for time in read_timeline(steps).classes}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("[internal] load build context", "context"),
        ("[internal] load build definition from Dockerfile", "context"),
        ("[internal] load .dockerignore", "context"),
        ("[context cache] load from client", "context"),
        ("[os 1/2] FROM docker.io/library/debian:13", "other"),
        ("[internal] load metadata for docker.io/library/debian:13", "other"),
        ("resolving provenance for metadata file", "other"),
        ("[linux/arm64 os 2/2] RUN apt-get install RUN", "run"),
        ("[2/2] RUN x", "run"),
        ("[core 1/5] COPY --link --from=tool /RUN /", "copy"),
        ("[core 1/5] LINK COPY --link /a /b", "copy"),
        ("[core 5/5] WORKDIR /x", "copy"),
        ("[tool 1/1] ADD https://example.org/file /file", "copy"),
        ("exporting to image", "export"),
        ("exporting to oci image format", "export"),
    ],
)
def test_a_step_belongs_to_the_class_that_buildx_counts_it_in(name: str, kind: str) -> None:
    assert class_of(step("a", 0, 1, name=name)) == kind


def test_a_recorded_build_is_busy_in_its_classes_and_idle_in_between() -> None:
    timeline = read_timeline(records("cold"))
    seconds = {time.name: time.busy_s for time in timeline.classes}
    assert 0.3 < seconds["run"] < timeline.span_s
    assert seconds["context"] > 0 < seconds["export"]
    assert (seconds["pull"], seconds["extract"]) == (0, 0)
    assert 0 < timeline.idle_s < 0.1


def test_steps_that_run_at_once_are_counted_once_and_gaps_are_idle() -> None:
    timeline = read_timeline([step("a", 0, 4), step("b", 2, 6), step("c", 8, 9)])
    assert (timeline.span_s, timeline.idle_s) == (9, 2)
    assert busy(step("a", 0, 4), step("b", 2, 6))["run"] == 6


def test_waiting_of_a_restarted_step_is_idle() -> None:
    restarted = step("a", 0, 3, spans=((0, 2), (10, 11)))
    assert (read_timeline([restarted]).span_s, read_timeline([restarted]).idle_s) == (11, 8)


def test_a_hit_is_no_time_of_the_build() -> None:
    timeline = read_timeline([step("a", 0, 1), step("b", 5, 5, "a", cached=True)])
    assert (timeline.span_s, timeline.idle_s) == (1, 0)


def test_fetching_and_extracting_a_base_are_classes_of_their_own() -> None:
    base = step("a", 0, 9, name="[os 1/2] FROM x", pulls=((1, 4), (2, 5)), extracts=((5, 8),))
    assert {name: value for name, value in busy(base).items() if value} == {
        "pull": 4,
        "extract": 3,
        "other": 9,
    }


def test_a_build_without_steps_took_no_time() -> None:
    timeline = read_timeline([])
    assert (timeline.span_s, timeline.idle_s, timeline.critical_path) == (0, 0, ())


def test_the_critical_path_is_the_longest_chain_and_not_the_longest_steps() -> None:
    steps = [
        step("base", 0, 1),
        step("long", 1, 8, "base"),
        step("one", 1, 5, "base"),
        step("two", 5, 10, "one"),
        step("end", 10, 11, "two", "long"),
    ]
    assert [s.id for s in find_critical_path(steps)] == ["base", "one", "two", "end"]
    assert read_timeline(steps).critical_s == 11


def test_the_critical_path_does_not_hang_on_the_order_of_the_steps() -> None:
    steps = [step("end", 3, 4, "mid"), step("mid", 1, 3, "start"), step("start", 0, 1)]
    assert [s.id for s in find_critical_path(steps)] == ["start", "mid", "end"]


def test_hits_are_no_part_of_the_critical_path() -> None:
    steps = [step("a", 0, 9, cached=True), step("b", 9, 10, "a"), step("c", 10, 11)]
    assert next(s.id for s in find_critical_path(steps)) in {"b", "c"}
    assert all(not s.cached for s in find_critical_path(steps))


def test_a_ring_of_inputs_ends() -> None:
    assert find_critical_path([step("a", 0, 1, "b"), step("b", 1, 2, "a")])


def test_steps_of_an_older_record_have_no_critical_path() -> None:
    older = step("", 0, 1, name="[os 1/1] RUN x")
    assert read_timeline([older]).critical_path == ()
    assert busy(older)["run"] == 1


def test_the_critical_path_of_a_recorded_build_goes_through_the_slow_step_and_both_copies() -> None:
    path = [s.place for s in read_timeline(records("cold")).critical_path]
    assert path[-4:] == ["os 2/2 RUN", "core 1/3 COPY", "core 2/3 COPY", "core 3/3 RUN"]


def test_an_instruction_has_the_same_place_in_each_run() -> None:
    cold = {s.place for s in records("cold") if s.is_instruction}
    assert cold == {s.place for s in records("edit") if s.is_instruction}
    assert "core 2/3 COPY" in cold


@pytest.mark.parametrize("name", ["", "exporting to image", "[internal] load build context", "[os 2/2] "])
def test_what_is_no_instruction_has_no_keyword(name: str) -> None:
    assert not place_of(name).endswith(("RUN", "COPY", "]"))


def test_a_hit_weighs_what_it_took_cold() -> None:
    cold = [step("a", 0, 90), step("bb", 90, 100)]
    edit = [step("x", 0, 0, cached=True), step("yy", 0, 12)]
    rate = rate_hits(edit, cold)
    assert (rate.plain, rate.weighted) == (0.5, 0.9)


def test_a_hit_rate_of_a_recorded_edit_is_weighed_by_the_recorded_cold_run() -> None:
    rate = rate_hits(records("edit"), records("cold"))
    assert (rate.hits, rate.steps) == (3, 5)
    assert rate.weighted is not None
    assert rate.plain is not None
    assert rate.weighted > rate.plain, "the slow step was a hit"


def test_without_the_cold_run_of_that_recipe_no_weight_is_told() -> None:
    rate = rate_hits([step("a", 0, 0, cached=True)], [])
    assert (rate.plain, rate.weighted) == (1.0, None)
    other = [step("a", 0, 5, name="[os 1/8] RUN a")]
    assert rate_hits([step("a", 0, 0, cached=True)], other).weighted is None


def test_a_run_without_an_instruction_has_no_rate() -> None:
    assert (rate_hits([], []).plain, rate_hits([], []).weighted) == (None, None)

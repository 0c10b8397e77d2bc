"""Times of two images: the verdict of interleaved pairs where there are some, else raw single runs."""

from __future__ import annotations

from collections.abc import Iterator

from baseimages.compare.side import Side, refuse_times
from baseimages.compare.verdict import Row, Verdict, make_row
from baseimages.measure import PairsRecord, RunRecord, ScenarioRecord, describe_scenario

# What a judgement of pairs says, in the words of a comparison.
VERDICTS = {
    "faster": Verdict.BETTER,
    "slower": Verdict.WORSE,
    "no significant change": Verdict.NO_CHANGE,
    "no claim": Verdict.NO_CLAIM,
    "not comparable": Verdict.NOT_COMPARABLE,
    "not measured": Verdict.NOT_MEASURED,
}
NO_RUN = "no run of it is recorded"


def list_times(baseline: Side, candidate: Side) -> Iterator[Row]:
    """A row for each scenario that either side ran."""
    paired = {each.name: each for record in find_pairs(baseline, candidate) for each in record.scenarios}
    records = (side.benchmark for side in (baseline, candidate) if side.benchmark)
    singles = [run.scenario for record in records for run in record.runs]
    for name in dict.fromkeys((*singles, *paired)) or ("build",):
        yield _judge_pairs(paired[name]) if name in paired else _tell_singles(name, baseline, candidate)


def find_pairs(baseline: Side, candidate: Side) -> tuple[PairsRecord, ...]:
    """The candidate's sessions against this baseline: the same variant, revision and target, the oldest
    first. Each refused what does not compare before it began.
    """
    wanted = (baseline.build.variant, baseline.build.revision, baseline.build.target)
    found = (
        record
        for record in candidate.pairs
        if (arm := record.baseline) and (arm.variant, arm.revision, arm.inputs.target) == wanted
    )
    return tuple(sorted(found, key=lambda record: record.started_at))


def _judge_pairs(scenario: ScenarioRecord) -> Row:
    result = scenario.wall
    return Row(
        name=f"time, {scenario.name}",
        unit="seconds",
        baseline=result.baseline_median,
        candidate=result.candidate_median,
        verdict=VERDICTS[result.verdict],
        note=f"medians of pairs; {describe_scenario(scenario)}",
    )


def _tell_singles(name: str, baseline: Side, candidate: Side) -> Row:
    old, new = (side.benchmark.run(name) if side.benchmark else None for side in (baseline, candidate))
    values = _read_seconds(old), _read_seconds(new)
    row = make_row(f"time, {name}", "seconds", values, refuse_times(baseline, candidate))
    if row.verdict == Verdict.NOT_COMPARABLE:
        return row
    if row.verdict != Verdict.NOT_MEASURED:
        return row.model_copy(update={"verdict": Verdict.SINGLE_RUNS})
    reasons = {run.note if run else NO_RUN for run in (old, new) if not (run and run.valid)}
    return row.model_copy(update={"note": "; ".join(sorted(reasons))})


def _read_seconds(run: RunRecord | None) -> float | None:
    return run.duration_s if run and run.valid else None

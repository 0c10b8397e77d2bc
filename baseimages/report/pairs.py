"""Section of report.md: interleaved pairs, with every raw point and what they could not conclude."""

from __future__ import annotations

from collections.abc import Sequence

from baseimages.measure import PairedResult, PairRecord, PairsRecord, ScenarioRecord
from baseimages.report.cells import NOT_MEASURED, escape, gigabytes, render_table, seconds

HEADER = (
    "scenario",
    "pairs",
    "baseline",
    "candidate",
    "ratio",
    "interval",
    "equal runs differ by",
    "would have been found",
    "verdict",
)


def render_pairs(record: PairsRecord) -> str:
    """Medians, ratio, interval and verdict of each scenario, for wall and for processor seconds."""
    other = record.baseline.variant if record.baseline else "itself"
    return (
        f"### Interleaved pairs: {escape(record.candidate.variant)} against {escape(other)}\n\n"
        f"{_stands_on(record)}\n\n"
        "Medians of the valid pairs; ratio: the median of candidate by baseline, pair by pair. A claim "
        "needs 6 pairs, an interval on one side of 1, and a median beyond what equal runs differ by.\n\n"
        "Wall time:\n\n"
        + render_table(HEADER, [_row(each, each.wall) for each in record.scenarios])
        + "Processor time of the private engines:\n\n"
        + render_table(HEADER, [_row(each, each.processor) for each in record.scenarios])
        + _cannot(record)
        + _raw(record)
    )


def _stands_on(record: PairsRecord) -> str:
    engine = record.engine
    ran = (
        "no private engine ran"
        if engine is None
        else f"private engines ({engine.kind} {engine.engine.server_version}, buildx "
        f"{engine.engine.buildx_version}; settings {engine.settings.strip()})"
    )
    budget = "" if record.budget_s is None else f" of a budget of {seconds(record.budget_s)}"
    base = record.candidate.inputs.base
    order = "one arm after the other" if record.apart else f"order within the pairs from seed {record.seed}"
    return escape(
        f"{record.started_at}, {seconds(record.duration_s)}{budget}, {ran}, at most "
        f"{gigabytes(record.disk_bytes)} of disk; {order}; both on "
        f"{base.reference} {base.digest[:19]}; {record.host.cpu}, {record.host.cores} cores."
    )


def _row(scenario: ScenarioRecord, result: PairedResult) -> tuple[str, ...]:
    bounds = NOT_MEASURED if result.low is None else f"{result.low:.3f} to {result.high:.3f}"
    return (
        escape(scenario.name),
        str(result.n),
        seconds(result.baseline_median),
        seconds(result.candidate_median),
        NOT_MEASURED if result.ratio is None else f"{result.ratio:.3f}",
        bounds,
        _percent(result.noise_floor),
        _percent(result.smallest_change),
        f"{result.verdict}: {escape(result.reason)}",
    )


def _percent(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{share:.1%}"


def _cannot(record: PairsRecord) -> str:
    rows = [
        (escape(each.name), str(each.failed), escape(each.cannot) or "nothing was left out")
        for each in record.scenarios
        if each.cannot or each.failed
    ]
    if not rows:
        return ""
    return "What was left out, and what failed:\n\n" + render_table(
        ("scenario", "failed pairs", "left out"), rows
    )


def _raw(record: PairsRecord) -> str:
    rows = [
        (escape(each.name), kind, _tell(pairs, "duration_s"), _tell(pairs, "cpu_s"))
        for each in record.scenarios
        for kind, pairs in (("A/A", each.noise), ("pairs", each.pairs))
        if pairs
    ]
    if not rows:
        return ""
    note = "Every pair as it ran, baseline then candidate, in seconds; * marks the one that ran first:\n\n"
    return note + render_table(("scenario", "kind", "wall", "processor"), rows)


def _tell(pairs: Sequence[PairRecord], quantity: str) -> str:
    return "; ".join(_tell_pair(pair, quantity) for pair in pairs)


def _tell_pair(pair: PairRecord, quantity: str) -> str:
    told = []
    for name in ("baseline", "candidate"):
        value = getattr(getattr(pair, name), quantity)
        mark = r"\*" if pair.first == name else ""
        told.append(f"{NOT_MEASURED if value is None else f'{value:g}'}{mark}")
    return " ".join(told) + (" (invalid)" if pair.fault else "")

"""The score of a proposal: weighted points of five axes, as an interval where evidence is missing.

An axis without evidence takes all that it can take, from its worst to its best, so the score says
between which values it lies. It is never counted as 0, and a gate that fails is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from baseimages.compare.delta import TargetDelta, compare_sides
from baseimages.compare.gates import ask_gates
from baseimages.compare.proposal import (
    AxisResult,
    Decision,
    Proposal,
    ProposalRecord,
    Subject,
)
from baseimages.compare.recipe import Recipe
from baseimages.compare.rubric import Axis, CountAxis, RiskAxis, Rubric, ShareAxis
from baseimages.compare.side import Side, refuse_sizes
from baseimages.compare.times import find_pairs
from baseimages.compare.verdict import Level
from baseimages.declare import Budget
from baseimages.errors import ProposalError

NOT_MEASURED = "not measured"
NO_REVISION = "git does not have both revisions"
GRAVE = ("CRITICAL", "HIGH")
COLD = "cold"
# Verdicts that pairs carry; every other one says nothing.
CLAIMS = ("faster", "slower", "no significant change")
# Digits of points and scores: a share of a ten thousandth is no argument.
DIGITS = 4


def score_proposal(
    name: str, proposal: Proposal, rubric: Rubric, baseline: Subject, candidate: Subject
) -> ProposalRecord:
    """Ask the gates and give the points. A loss is a risk also where a reason is declared for it."""
    old, new = baseline.side, candidate.side
    delta = compare_sides(old, new, (), Budget(owners={}))
    axes = (
        _judge_compatibility(rubric.compatibility, delta, baseline.recipe, candidate.recipe),
        _judge_size(rubric.size, old, new),
        _judge_build_time(rubric.build_time, delta, old, new),
        _judge_security(rubric.security, delta),
        _judge_maintenance(rubric.maintenance, baseline.recipe, candidate.recipe),
    )
    total = sum(axis.weight for axis in axes)
    return ProposalRecord(
        name=name,
        proposal=proposal,
        baseline_digest=old.build.manifest_digest,
        candidate_digest=new.build.manifest_digest,
        gates=ask_gates(rubric, proposal, old, new, delta, candidate.budget_bytes),
        axes=axes,
        low=round(sum(axis.weight * axis.low for axis in axes) / total, DIGITS),
        high=round(sum(axis.weight * axis.high for axis in axes) / total, DIGITS),
    )


def refuse_wrong_decisions(records: Iterable[ProposalRecord]) -> None:
    """Raise ProposalError for proposals that were kept though a gate or the whole score rejects them."""
    told = [f"{record.name}: kept, and {_why_not(record)}" for record in records if _why_not(record)]
    if told:
        raise ProposalError(
            "\n".join(told),
            next_step="reject it with the reason, or measure a candidate that passes; gates are not averaged",
        )


def _why_not(record: ProposalRecord) -> str:
    if record.proposal.decision != Decision.KEPT:
        return ""
    if record.failed_gates:
        return "; ".join(f"gate {gate.name} fails: {gate.detail}" for gate in record.failed_gates)
    return "" if record.high > 0 else f"its score is {record.high:+.2f} at best"


def _judge_compatibility(
    axis: RiskAxis, delta: TargetDelta, old: Recipe | None, new: Recipe | None
) -> AxisResult:
    """By the contract where it was read of both; else at least the risk that the locks show.

    Of the locks a lost distribution is high, another version medium. What is not locked (packages of
    the distribution, commands, libraries) is not known from them, so it may be worse.
    """
    if delta.level is not None:
        risk = {Level.PATCH: axis.low, Level.MINOR: axis.medium, Level.BREAKING: axis.high}[delta.level]
        note = f"{len(delta.changes)} changes of contract and abilities"
        return _tell_risk(axis, risk, risk, ("contract", delta.level), note)
    if old is None or new is None:
        return _tell_risk(axis, axis.high, axis.low, (NOT_MEASURED, NOT_MEASURED), NO_REVISION)
    lost = old.locked.keys() - new.locked.keys()
    moved = [name for name in old.locked.keys() & new.locked if old.locked[name] != new.locked[name]]
    best = axis.high if lost else axis.medium if moved else axis.low
    told = f"{len(lost)} lost, {len(moved)} of another version, {len(new.locked.keys() - old.locked)} new"
    values = (f"{len(old.locked)} locked packages", f"{len(new.locked)} locked packages")
    return _tell_risk(axis, axis.high, best, values, f"{told}; the contract was not read of both")


def _tell_risk(axis: RiskAxis, low: float, high: float, values: tuple[str, str], note: str) -> AxisResult:
    return AxisResult(
        name="compatibility",
        weight=axis.weight,
        baseline=values[0],
        candidate=values[1],
        low=low,
        high=high,
        note=note,
    )


def _judge_size(axis: ShareAxis, baseline: Side, candidate: Side) -> AxisResult:
    sizes = [side.layers.compressed_bytes if side.layers else None for side in (baseline, candidate)]
    refusal = refuse_sizes(baseline, candidate)
    if refusal:
        told = (_tell(size, "bytes") for size in sizes)
        return _leave_open("size", axis, f"not comparable: {refusal}", *told)
    return _judge_share("size", axis, sizes, "bytes", "layers were not read of both")


def _judge_share(
    name: str, axis: ShareAxis, values: list[int | None], unit: str, why_open: str
) -> AxisResult:
    """Points of a number of which less is better; `why_open` is told where there are not both."""
    old, new = values
    if not old or new is None:
        return _leave_open(name, axis, why_open, *(_tell(value, unit) for value in values))
    share = new / old - 1
    points = _clamp(-share / axis.full)
    return AxisResult(
        name=name,
        weight=axis.weight,
        baseline=_tell(old, unit),
        candidate=_tell(new, unit),
        low=points,
        high=points,
        note=f"{new - old:+d} {unit}, {share:+.3%}; {axis.full:.0%} less is a whole point",
    )


def _judge_build_time(axis: ShareAxis, delta: TargetDelta, baseline: Side, candidate: Side) -> AxisResult:
    """By interleaved pairs, whose interval is that of the points; single runs carry no claim.

    Without pairs the raw values of single runs are told, and the axis stays open.
    """
    sessions = (session.scenario(COLD) for session in find_pairs(baseline, candidate))
    result = next((cold.wall for cold in reversed([*sessions]) if cold), None)
    if result and result.low is not None and result.high is not None and result.verdict in CLAIMS:
        return AxisResult(
            name="build_time",
            weight=axis.weight,
            baseline=f"{result.baseline_median:.1f} s",
            candidate=f"{result.candidate_median:.1f} s",
            low=_clamp((1 - result.high) / axis.full),
            high=_clamp((1 - result.low) / axis.full),
            note=f"{result.verdict}: ratio {result.low:.3f} to {result.high:.3f} of {result.n} pairs",
        )
    row = next((row for row in delta.rows if row.name == f"time, {COLD}"), None)
    if row is None:
        return _leave_open("build_time", axis, "no cold run of either")
    values = (f"{v:.1f} s" if v is not None else NOT_MEASURED for v in (row.baseline, row.candidate))
    return _leave_open("build_time", axis, row.note or row.verdict, *values)


def _clamp(points: float) -> float:
    return round(max(-1.0, min(1.0, points)), DIGITS)


def _judge_security(axis: CountAxis, delta: TargetDelta) -> AxisResult:
    """By the vulnerabilities that come and go; how many stay is the same on both sides."""
    found = next((kind for kind in delta.findings if kind.kind == "vulnerability"), None)
    if found is None:
        row = next(row for row in delta.rows if row.name == "vulnerability")
        return _leave_open("security", axis, row.note or row.verdict)
    fixed, introduced = (sum(f.severity in GRAVE for f in side) for side in (found.fixed, found.introduced))
    points = _clamp((fixed - introduced) / axis.full)
    return AxisResult(
        name="security",
        weight=axis.weight,
        baseline=f"{fixed} fixed",
        candidate=f"{introduced} introduced",
        low=points,
        high=points,
        note=f"critical or high; {axis.full} fewer are a whole point",
    )


def _judge_maintenance(axis: ShareAxis, old: Recipe | None, new: Recipe | None) -> AxisResult:
    lines = [recipe.lines if recipe else None for recipe in (old, new)]
    return _judge_share("maintenance", axis, lines, "lines", NO_REVISION)


def _leave_open(
    name: str, axis: Axis, why: str, baseline: str = NOT_MEASURED, candidate: str = NOT_MEASURED
) -> AxisResult:
    """An axis that nothing decides: it may cost its point or earn it."""
    return AxisResult(
        name=name, weight=axis.weight, baseline=baseline, candidate=candidate, low=-1.0, high=1.0, note=why
    )


def _tell(value: int | None, unit: str) -> str:
    if value is None:
        return NOT_MEASURED
    return f"{value / 1e6:.1f} MB" if unit == "bytes" else f"{value} {unit}"

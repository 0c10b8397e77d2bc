"""Asks for every combination, the default ones first, and gathers the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from baseimages.command import Runner
from baseimages.compat.answer import Interview
from baseimages.compat.combination import Combination, check_blocks, find_block, list_combinations
from baseimages.compat.departures import check_departures, find_departures
from baseimages.compat.differences import check_differences, find_differences
from baseimages.compat.drift import check_drift, find_drift
from baseimages.compat.evidence import collect_evidence
from baseimages.compat.finding import Finding, count_of
from baseimages.compat.question import INDEXES, Indexes, Question, list_parts, uv_environment
from baseimages.compat.record import CompatibilityReport, QuestionRow, Row, Verdict
from baseimages.compat.verdict import Judge
from baseimages.declare import Family
from baseimages.declare.compatibility import FILE_NAME, Compatibility, load_compatibility
from baseimages.errors import CompatibilityError

REVIEW_CODE, REVIEW_TITLE = "CM202", "knowledge is looked at again by its review date"
SHOWN_FINDINGS = 5


def run_compat(
    root: Path,
    family: Family,
    runner: Runner,
    *,
    today: date,
    environ: Mapping[str, str],
    variant: str | None = None,
    indexes: Indexes = INDEXES,
) -> CompatibilityReport:
    """The record of all combinations, or of those of one image.

    Raises CompatibilityError as soon as a default combination is broken or blocked, DeclarationError
    for knowledge that matches nothing or a lock that is missing, UsageError for an unknown variant.
    """
    knowledge = load_compatibility(root / FILE_NAME)
    chosen = _choose(family, knowledge, variant)
    drift = find_drift(root, family, knowledge)
    differences = find_differences(root, family, knowledge)
    departures = find_departures(family, knowledge)
    interview = Interview(runner, uv_environment(environ))
    judge = Judge(
        root=root,
        knowledge=knowledge,
        indexes=indexes,
        evidence=collect_evidence(root, family, runner),
        interview=interview,
        today=today,
    )
    rows = _judge_all(judge, chosen)
    asked = [QuestionRow(question=a.question.text, outcome=a.outcome) for a in interview.answers]
    findings = (
        *check_drift(drift),
        *check_differences(differences),
        *check_departures(departures),
        *check_reviews(knowledge, today),
    )
    return CompatibilityReport(
        checked_on=today,
        questions=tuple(asked),
        rows=rows,
        drift=drift,
        differences=differences,
        departures=departures,
        findings=findings,
    )


def check_record(record: CompatibilityReport, *, require_answers: bool) -> None:
    """Raises CompatibilityError for a finding about the family, and for a silent index where asked to."""
    if record.findings:
        first, *others = record.findings
        more = f", and {count_of(len(others), 'more finding')}" if others else ""
        raise CompatibilityError(f"{first.text}{more}", next_step=first.next_step)
    unknown = [row for row in record.rows if row.verdict is Verdict.NOT_CHECKED]
    if require_answers and unknown:
        raise CompatibilityError(
            f"{count_of(len(unknown), 'combination')} not checked; {unknown[0].label}: {unknown[0].reason}",
            next_step="run it where that index answers, or without --require-answers",
        )


def list_questions(
    root: Path, family: Family, *, variant: str | None = None, indexes: Indexes = INDEXES
) -> tuple[Question, ...]:
    """What would be asked, each once, in the order of the combinations."""
    knowledge = load_compatibility(root / FILE_NAME)
    asked = {
        question: None
        for combination in _choose(family, knowledge, variant)
        if find_block(combination, knowledge.blocked) is None
        for question in list_parts(root, combination, knowledge, indexes)
    }
    return tuple(asked)


def check_reviews(knowledge: Compatibility, today: date) -> Iterator[Finding]:
    """A finding for each entry whose review date has passed."""
    dated = [(f"blocked {entry.keys}", entry.review) for entry in knowledge.blocked]
    dated += [(f"difference in {', '.join(entry.packages)}", entry.review) for entry in knowledge.differences]
    dated += [(f"departure of {entry.base}", entry.review) for entry in knowledge.departures]
    dated += [(f"drift of {', '.join(entry.packages)}", entry.review) for entry in knowledge.drift]
    for what, review in dated:
        if review < today:
            yield Finding(
                code=REVIEW_CODE,
                package="",
                message=f"{what}: its review was due on {review}",
                next_step="look whether it still holds, then remove it or set a new date",
            )


def _choose(family: Family, knowledge: Compatibility, variant: str | None) -> list[Combination]:
    combinations = list(list_combinations(family))
    check_blocks(combinations, knowledge.blocked)
    if variant is None:
        return combinations
    family.image(variant)
    return [combination for combination in combinations if combination.variant == variant]


def _judge_all(judge: Judge, combinations: list[Combination]) -> tuple[Row, ...]:
    """Rows in the given order, made in another: a default combination that is lost is told first."""
    order = sorted(range(len(combinations)), key=lambda number: not combinations[number].is_default)
    rows: dict[int, Row] = {}
    for number in order:
        rows[number] = judge.judge(combinations[number])
        if combinations[number].is_default:
            _require(rows[number], judge, combinations)
    return tuple(rows[number] for number in sorted(rows))


def _require(row: Row, judge: Judge, combinations: list[Combination]) -> None:
    """Raises CompatibilityError for a default combination that is broken or blocked."""
    if row.verdict not in (Verdict.BROKEN, Verdict.BLOCKED):
        return
    shown = [finding.text for finding in row.findings[:SHOWN_FINDINGS]] or [row.reason]
    more = len(row.findings) - SHOWN_FINDINGS
    shown += [f"and {count_of(more, 'more finding')}"] if more > 0 else []
    step = row.findings[0].next_step if row.findings else "declare another default in images.toml"
    raise CompatibilityError(
        "\n  ".join((f"{row.label}, a default combination, is {row.verdict}:", *shown)),
        next_step=step + _fall_back(row, judge, combinations),
    )


def _fall_back(row: Row, judge: Judge, combinations: list[Combination]) -> str:
    """The first other Python that the same image can be had with, as a build argument."""
    for other in combinations:
        same = (other.variant, other.base, other.cuda, other.tensorrt, other.torch)
        if other.python == row.python or same != (row.variant, row.base, row.cuda, row.tensorrt, row.torch):
            continue
        if judge.judge(other).verdict in (Verdict.RESOLVES, Verdict.VALIDATED):
            return f"; until then `--build-arg PYTHON_VERSION={other.python}` can be had"
    return ""

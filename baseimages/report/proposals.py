"""Proposals: what a person wrote, the evidence of the committed records, and the files made of both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from baseimages.compare import (
    Evidence,
    Proposal,
    ProposalRecord,
    Rubric,
    Subject,
    read_recipe,
    score_proposal,
)
from baseimages.declare import History, unknown_word
from baseimages.declare.tables import load_tables
from baseimages.errors import DeclarationError
from baseimages.records import write_texts
from baseimages.report.proposal import render_list, render_proposal
from baseimages.report.record import FOLDER, ImageReport, find_part, load_reports
from baseimages.report.side import side_of

PROPOSALS = f"{FOLDER}/proposals"
RUBRIC = "rubric.toml"


def load_proposals(root: Path, history: History) -> tuple[ProposalRecord, ...]:
    """Score every proposal against the committed records, the newest decision first.

    Raises DeclarationError for a table that is no proposal, and in a clone without the revisions;
    UsageError for evidence that is not there.
    """
    if not history.is_whole():
        raise DeclarationError(
            "this clone does not have the revisions that proposals are about",
            next_step="`git fetch --unshallow`, then run it again",
        )
    folder = root / PROPOSALS
    rubric = load_tables(folder / RUBRIC, Rubric, described_in="baseimages/compare/rubric.py")
    reports = load_reports(root)
    paths = sorted(path for path in folder.glob("*.toml") if path.name != RUBRIC)
    records = [_load(path, rubric, reports, history) for path in paths]
    return tuple(sorted(records, key=lambda record: record.proposal.decided, reverse=True))


def render_proposals(root: Path, records: Iterable[ProposalRecord]) -> dict[Path, str]:
    """A file for each proposal, and the list of them."""
    records, folder = tuple(records), root / PROPOSALS
    rubric = load_tables(folder / RUBRIC, Rubric, described_in="baseimages/compare/rubric.py")
    texts = {folder / f"{record.name}.md": render_proposal(record, rubric) for record in records}
    return texts | {folder / "README.md": render_list(records, rubric)}


def write_proposals(root: Path, records: Iterable[ProposalRecord]) -> None:
    """Write a file for each, and the list. Raises StorageError, the old files standing."""
    write_texts(render_proposals(root, records))


def _load(path: Path, rubric: Rubric, reports: list[ImageReport], history: History) -> ProposalRecord:
    proposal = load_tables(path, Proposal, described_in="baseimages/compare/proposal.py")
    sides = [_find(evidence, reports, history) for evidence in (proposal.baseline, proposal.candidate)]
    return score_proposal(path.stem, proposal, rubric, *sides)


def _find(evidence: Evidence, reports: list[ImageReport], history: History) -> Subject:
    by_name = {f"{report.image_name}/{report.folder_name}": report for report in reports}
    if evidence.report not in by_name:
        raise unknown_word("report", evidence.report, by_name)
    report = by_name[evidence.report]
    part = find_part([report], evidence.target, evidence.base)
    if part is None:
        known = [f"{p.build.target} on {p.build.base.family}" for p in report.targets]
        raise unknown_word(f"target of {evidence.report}", f"{evidence.target} on {evidence.base}", known)
    # A proposal may be about the accelerator itself: that is no reason not to compare.
    side = side_of(part, name=f"{evidence.report}:{evidence.target}-{evidence.base}", accelerator="any")
    return Subject(side=side, budget_bytes=part.budget_bytes, recipe=read_recipe(history, part.build))

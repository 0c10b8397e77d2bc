"""The verbs of tasks.py that read evidence and judge it: nothing is built here.

Each composes a few calls into the rooms and returns text to print, as `verbs` does.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from baseimages.command import ProcessRunner
from baseimages.compare import (
    DeltaRecord,
    Level,
    Side,
    compare_sides,
    refuse_regressions,
    refuse_wrong_decisions,
)
from baseimages.declare import Family, History, load_family, unknown_word
from baseimages.records import checkout_lock, render_record
from baseimages.rederive import prove_reports, refuse_drift, render_proof
from baseimages.report import (
    PROPOSALS,
    Choice,
    load_proposals,
    pair_up,
    read_choice,
    render_again,
    render_delta,
    side_of,
    tell_score,
    write_proposals,
)
from baseimages.verbs import make_console


def compare(root: Path, baseline: str, candidate: str, *, allow: tuple[str, ...], as_json: bool) -> None:
    """Print the candidate against the baseline, then hold it to its gates.

    Raises UsageError and RecordError for words that name nothing, RegressionError for a failing gate.
    """
    family, allowed = load_family(root / "images.toml"), tuple(map(_read_level, allow))
    pairs = pair_up(read_choice(root, family, baseline), read_choice(root, family, candidate))
    deltas = []
    for old, new in pairs:
        image = family.image(new.part.build.variant)
        budget = image.budget(new.part.build.target)
        deltas.append(compare_sides(_side(old, family), _side(new, family), family.losses, budget))
    record = DeltaRecord(allowed=allowed, targets=tuple(deltas))
    print(render_record(record) if as_json else render_delta(record), end="")
    refuse_regressions(record)


def verify_report(root: Path, *, only: tuple[str, ...], layout: Path | None, as_json: bool) -> None:
    """Verify committed reports and say what was recomputed; raises DriftError after that."""
    console = make_console()
    proof = prove_reports(root, ProcessRunner(), console, only=only, layout=layout)
    print(render_record(proof) if as_json else render_proof(proof), end="")
    refuse_drift(proof)


def score(root: Path, *, dry_run: bool, as_json: bool) -> str:
    """Score every proposal and write reports/proposals/.

    Raises ProposalError for one that was kept against a gate or against its whole score.
    """
    records = load_proposals(root, History(root=root, runner=ProcessRunner()))
    if not dry_run:
        with checkout_lock(root):
            write_proposals(root, records)
    refuse_wrong_decisions(records)
    if as_json:
        return json.dumps([record.model_dump(mode="json") for record in records], indent=2) + "\n"
    told = [f"{record.name}: {record.proposal.decision}; {tell_score(record)}\n" for record in records]
    return "".join(told) + ("nothing written\n" if dry_run else f"written: {PROPOSALS}/README.md\n")


def report_again(root: Path, *, dry_run: bool, as_json: bool) -> str:
    """Render all reports anew from their records, which stay as they are."""
    with contextlib.nullcontext() if dry_run else checkout_lock(root):
        changed = [str(path.relative_to(root)) for path in render_again(root, dry_run=dry_run)]
    if as_json:
        return json.dumps({"dry_run": dry_run, "changed": changed}) + "\n"
    word = "would change" if dry_run else "changed"
    return "".join(f"{word} {path}\n" for path in changed) or "every report is as its record renders\n"


def _read_level(word: str) -> Level:
    if word != Level.BREAKING:
        raise unknown_word("level to allow", word, [Level.BREAKING])
    return Level.BREAKING


def _side(choice: Choice, family: Family) -> Side:
    accelerator = family.image(choice.part.build.variant).accelerator
    return side_of(choice.part, name=choice.title, accelerator=accelerator)

"""Verify committed reports: all of them and their index, or those that a person names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from baseimages.command import Runner
from baseimages.declare import History, unknown_word
from baseimages.errors import RecordError
from baseimages.inspect import Layout
from baseimages.records import load_record
from baseimages.rederive.check import Check, Proof, ReportProof, drift, verified
from baseimages.rederive.files import (
    check_files,
    check_place,
    check_proposals,
    check_rendering,
    holds,
)
from baseimages.rederive.image import check_image, open_given
from baseimages.rederive.numbers import count_numbers
from baseimages.rederive.origin import check_origin
from baseimages.rederive.record import check_record
from baseimages.report import FOLDER, HISTORY, RECORD, ImageReport, list_folders, render_shared


def prove_reports(
    root: Path, runner: Runner, console: Console, *, only: tuple[str, ...] = (), layout: Path | None = None
) -> Proof:
    """Verify the reports named `<image>/<revision>`, or all of them and the index.

    `layout` is an OCI layout of one of their images. Raises UsageError for a name that is no report,
    and for a layout that none of them is about.
    """
    folders = _choose(root, only)
    loaded = {folder: _load(folder) for folder in list_folders(root)}
    reports = [report for report in loaded.values() if isinstance(report, ImageReport)]
    chosen = [report for folder in folders if isinstance(report := loaded[folder], ImageReport)]
    given = open_given(layout, chosen) if layout else None
    history = History(root=root, runner=runner)
    proofs = []
    for folder in folders:
        report = loaded[folder]
        if isinstance(report, str):
            checks: tuple[Check, ...] = (check_files(folder), drift("record", report))
        else:
            checks = (check_files(folder), *_check(root, folder, report, reports, history, given, console))
        proofs.append(_conclude(folder, checks))
    together = () if only else (*_check_index(root), *check_proposals(root, history))
    return Proof(reports=tuple(proofs), together=together)


def _choose(root: Path, only: tuple[str, ...]) -> list[Path]:
    known = {f"{path.parent.name}/{path.name}": path for path in list_folders(root)}
    names = [name.removeprefix(f"{FOLDER}/").rstrip("/") for name in only]
    if unknown := [name for name in names if name not in known]:
        raise unknown_word("report", unknown[0], known)
    return [known[name] for name in names] if names else list(known.values())


def _load(folder: Path) -> ImageReport | str:
    """The report, or why it cannot be read."""
    try:
        return load_record(folder / RECORD, ImageReport, made_by="nox -s report")
    except RecordError as error:
        return error.message


def _check(
    root: Path,
    folder: Path,
    report: ImageReport,
    reports: list[ImageReport],
    history: History,
    given: Layout | None,
    console: Console,
) -> Iterator[Check]:
    yield from check_place(folder, report)
    yield check_rendering(folder, report)
    yield from check_origin(report, history)
    yield from check_record(report, reports)
    yield from check_image(report, root, given, console)


def _conclude(folder: Path, checks: tuple[Check, ...]) -> ReportProof:
    try:
        document = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        document = {}  # told by the check of the record
    return ReportProof(
        report=f"{folder.parent.name}/{folder.name}", checks=checks, numbers=count_numbers(document, checks)
    )


def _check_index(root: Path) -> tuple[Check, ...]:
    """Whether index and histories tell of the reports that are there: so a whole one is missed."""
    try:
        texts = render_shared(root)
    except RecordError:
        return ()  # told by the check of that record
    stale = set((root / FOLDER).glob(f"*/{HISTORY}")) - texts.keys()
    wrong = stale | {path for path, text in texts.items() if not holds(path, text)}
    if not wrong:
        return (verified("index", f"{len(texts)} files about all reports and nothing else"),)
    names = ", ".join(sorted(str(path.relative_to(root)) for path in wrong))
    return (drift("index", f"not what the records render to: {names}"),)

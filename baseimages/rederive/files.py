"""Checks of the files of a report: its digest manifest, and what its record renders to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from baseimages.declare import History
from baseimages.errors import BaseImagesError
from baseimages.rederive.check import Check, drift, leave_open, verified
from baseimages.report import (
    PROPOSALS,
    RECORD,
    ImageReport,
    find_departures,
    load_proposals,
    render_files,
    render_proposals,
)

SHOWN = 5


def check_files(folder: Path) -> Check:
    """Whether the folder holds what its manifest lists, and nothing else."""
    departures = find_departures(folder)
    if departures:
        return drift("files", _list(departures))
    return verified("files", f"{len(list(folder.iterdir())) - 1} files as SHA256SUMS lists them")


def check_rendering(folder: Path, report: ImageReport) -> Check:
    """Whether today's renderer makes the very files of the folder from its record."""
    rendered = render_files(report)
    others = {path.name for path in folder.iterdir()} - rendered.keys() - {RECORD, "SHA256SUMS"}
    wrong = [name for name, text in rendered.items() if not holds(folder / name, text)]
    if wrong or others:
        return drift("rendering", f"not what {RECORD} renders to: {_list(sorted({*wrong, *others}))}")
    return verified("rendering", f"report.md and {len(rendered) - 1} pictures, byte for byte from {RECORD}")


def check_place(folder: Path, report: ImageReport) -> Iterator[Check]:
    """Whether a report lies where its record belongs."""
    belongs = (report.image_name, report.folder_name)
    lies = (folder.parent.name, folder.name)
    if lies != belongs:
        yield drift("place", f"{RECORD} is about {'/'.join(belongs)}")
    if not report.targets:
        yield leave_open("targets", "the record is about none")


def check_proposals(root: Path, history: History) -> Iterator[Check]:
    """Whether the proposals are what their tables, the records and git make of them again."""
    folder = root / PROPOSALS
    if not folder.exists():
        return
    if not history.is_whole():
        yield leave_open(
            "proposals", "recipes of older revisions are not in this clone: `git fetch --unshallow`"
        )
        return
    try:
        texts = render_proposals(root, load_proposals(root, history))
    except BaseImagesError as error:
        yield drift("proposals", error.message)
        return
    made = {path for path in folder.iterdir() if path.suffix != ".toml"}
    wrong = [path.name for path, text in texts.items() if not holds(path, text)]
    wrong += [path.name for path in made - texts.keys()]
    if wrong:
        yield drift("proposals", f"not what `invoke score` makes: {_list(sorted(wrong))}")
    else:
        yield verified("proposals", f"{len(texts) - 1} proposals scored again")


def holds(path: Path, text: str) -> bool:
    """Whether a file holds that text and nothing else."""
    return path.is_file() and path.read_bytes() == text.encode()


def _list(told: tuple[str, ...] | list[str]) -> str:
    more = f"; {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return "; ".join(told[:SHOWN]) + more

"""Checks against the image itself, where its layout lies on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from baseimages.errors import BaseImagesError, UsageError
from baseimages.inspect import (
    Layout,
    check_programs,
    index_layers,
    open_layout,
    read_contract,
    read_tree,
)
from baseimages.records import WorkFolder
from baseimages.rederive.check import Check, drift, leave_open, verified
from baseimages.rederive.record import name_part
from baseimages.report import ImageReport, TargetReport

SHOWN = 3


def open_given(path: Path, reports: Iterable[ImageReport]) -> Layout:
    """Open a layout that a person named. Raises UsageError where no report is about it."""
    layout = open_layout(path)
    about = {part.build.manifest_digest for report in reports for part in report.targets}
    if layout.manifest_digest not in about:
        raise UsageError(
            f"{path} holds {layout.manifest_digest}, which none of the chosen reports is about",
            next_step="name the layout of a reported image, or choose its report with --only",
        )
    return layout


def check_image(report: ImageReport, root: Path, given: Layout | None, console: Console) -> Iterator[Check]:
    """What the blobs say again of layers and programs; open where no layout of the image lies here."""
    for number, part in enumerate(report.targets):
        what = f"{name_part(part)}: blobs"
        layout = _find(part, root, given)
        if isinstance(layout, str):
            yield leave_open(what, layout)
            continue
        for name, stored, again in _read_again(part, layout, console):
            yield _compare_fields(f"{what}, {name}", stored, again, f"targets.{number}.{name}")


def _read_again(
    part: TargetReport, layout: Layout, console: Console
) -> Iterator[tuple[str, BaseModel, BaseModel]]:
    """What the record holds of the layout, and the same read today, by its name in the record."""
    if part.layers:
        base_layers = part.layers.base_layers
        yield "layers", part.layers, index_layers(layout, console, base_layers=base_layers, anew=True)
    if part.elf or part.contract:
        tree = read_tree(layout, console)
        if part.elf:
            yield "elf", part.elf, check_programs(layout, tree, has_base=part.elf.has_base)
        if part.contract:
            yield "contract", part.contract, read_contract(layout, tree)


def _find(part: TargetReport, root: Path, given: Layout | None) -> Layout | str:
    """The layout of that very image, or why there is none."""
    build = part.build
    if given and given.manifest_digest == build.manifest_digest:
        return given
    work = WorkFolder(root=root, image_name=build.image_name, base=build.base.family, target=build.target)
    missing = f"no layout of {build.manifest_digest[:19]} lies here"
    if not work.layout.exists():
        return f"{missing}: layers and programs stand as they were read"
    try:
        layout = open_layout(work.layout)
    except BaseImagesError as error:
        return f"{missing}: {error.message}"
    return (
        layout if layout.manifest_digest == build.manifest_digest else f"{missing}, but that of another build"
    )


def _compare_fields(what: str, stored: BaseModel, again: BaseModel, place: str) -> Check:
    """Compare what the record holds; a field that came after it is none of its numbers."""
    departures = list(_walk(stored, again, ""))
    if departures:
        return drift(what, "; ".join(departures[:SHOWN]))
    return verified(what, "read again from the layout, field by field", numbers=[f"{place}.*"])


def _walk(stored: Any, again: Any, place: str) -> Iterator[str]:
    """Where two values differ; of a model those fields count that were stored."""
    if isinstance(stored, BaseModel):
        for name in sorted(stored.model_fields_set):
            yield from _walk(getattr(stored, name), getattr(again, name), f"{place}.{name}")
    elif isinstance(stored, dict):
        for key in sorted(stored.keys() | again.keys()):
            yield from _walk(stored.get(key), again.get(key), f"{place}.{key}")
    elif isinstance(stored, tuple) and len(stored) == len(again):
        for number, pair in enumerate(zip(stored, again, strict=True)):
            yield from _walk(*pair, f"{place}.{number}")
    elif stored != again:
        yield f"{place.removeprefix('.')}: {str(again)[:60]}, the record says {str(stored)[:60]}"

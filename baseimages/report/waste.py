"""Sections of report.md: whose the bytes are, which of them nobody sees, which are there twice."""

from __future__ import annotations

from baseimages.inspect import DiveNumber, Duplicates, LayerIndex, Waste
from baseimages.report.cells import escape, megabytes, render_table
from baseimages.report.record import TargetReport

SHOWN_OWNERS = 15
SHOWN_GROUPS = 12
SHOWN_DUPLICATES = 8


def render_waste(part: TargetReport) -> str:
    """Heaviest packages, reclaimable bytes by cause and layers, duplicates, dive's number; empty for
    records from before they were measured.
    """
    layers = part.layers
    if layers is None or layers.waste is None:
        return ""
    waste = layers.waste
    return _owned(layers) + _reclaimable(waste) + _duplicates(waste.duplicates) + _dive(waste.dive)


def _owned(layers: LayerIndex) -> str:
    rows = [
        (
            escape(row.name) or "smaller ones",
            row.kind,
            escape(row.owner),
            str(row.files),
            megabytes(row.size_bytes),
        )
        for row in layers.owned[:SHOWN_OWNERS]
    ]
    header = ("name", "known by", "owner", "files", "file content")
    return "### Heaviest packages\n\n" + render_table(header, rows)


def _reclaimable(waste: Waste) -> str:
    total = waste.visible_bytes + waste.reclaimable_bytes
    text = (
        "### Reclaimable and duplicate bytes\n\n"
        f"{megabytes(waste.reclaimable_bytes)} of {megabytes(total)} of file content "
        f"({waste.reclaimable_share:.2%}) is in layers where no container sees it; "
        f"{megabytes(waste.reclaimable_ours_bytes)} of that was written by our own layers. "
        "Layers by their number above.\n\n"
    )
    groups = [group for group in waste.groups if group.size_bytes]
    rows = [
        (
            group.cause,
            str(group.written_by),
            str(group.hidden_by),
            "ours" if group.ours else "the base's",
            str(group.files),
            megabytes(group.size_bytes),
            escape(", ".join(group.examples)),
        )
        for group in groups[:SHOWN_GROUPS]
    ]
    header = ("why", "written by", "hidden by", "whose", "files", "bytes", "heaviest")
    return text + (render_table(header, rows) if rows else "")


def _duplicates(duplicates: Duplicates) -> str:
    rows = [
        (megabytes(row.extra_bytes), str(row.copies), escape(", ".join(row.examples)))
        for row in duplicates.heaviest[:SHOWN_DUPLICATES]
    ]
    text = (
        f"{duplicates.contents} contents stand in several visible files; without the extra copies the "
        f"image had {megabytes(duplicates.extra_bytes)} less. Hard links are one copy.\n\n"
    )
    return text + (render_table(("extra bytes", "copies", "paths"), rows) if rows else "")


def _dive(dive: DiveNumber) -> str:
    return (
        f"As dive counts it: efficiency {dive.efficiency:.4f}, {megabytes(dive.wasted_bytes)} wasted "
        f"({dive.wasted_share:.2%} of what is above the lowest layer). It counts every copy of a rewritten "
        "file, the visible one too, and does not see what a whiteout of a folder takes away.\n\n"
    )

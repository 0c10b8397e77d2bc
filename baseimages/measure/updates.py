"""What real edits cost a device that holds what is built: bytes to fetch, layers kept, flash written.

Each edit is built for itself on top of what is built, in the user's engine, whose cache has the rest;
no time is taken. Layers are deterministic, so every number is exact.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from baseimages.build import BuildRecord, Compression, Engine, run_export
from baseimages.command import Runner
from baseimages.declare import Image
from baseimages.declare.bump import Bump
from baseimages.inspect import LayerIndex, UpdateCost, cost_of_update, index_layers, open_layout
from baseimages.measure.context import copy_context, edit_plan
from baseimages.measure.scenario import Scenario
from baseimages.plan import BuildPlan
from baseimages.records import Record, WorkFolder, write_text

# An edit is new to every cache, and the same in every run, so that its layers are too.
WORD = "update"
# What usually changes of any image, and by target, the smallest first, which pin.
USUAL_EDITS = ("edit-entrypoint", "edit-apt")
USUAL_BUMPS = (("uv",), ("transformers",))


class EditCost(BaseModel):
    """One edit; `gzip` and `zstd` are the same update with the layers compressed either way."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    change: str
    gzip: UpdateCost
    zstd: UpdateCost


class UpdatesRecord(Record):
    """The edits in order, and what the whole image weighs in both compressions."""

    manifest_digest: str
    gzip_bytes: int
    zstd_bytes: int
    edits: tuple[EditCost, ...]


@dataclass(frozen=True, kw_only=True)
class Update:
    """What is changed: files of a scenario's edits, or one pin."""

    scenario: Scenario | None = None
    bump: Bump | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.bump.name if self.bump else self.scenario.name if self.scenario else ""

    @property
    def change(self) -> str:
        """What is changed, in words."""
        if self.bump:
            return f"{self.bump.old} to {self.bump.new}"
        return ", ".join(edit.file for edit in self.scenario.edits) if self.scenario else ""

    def apply(self, plan: BuildPlan, folder: Path) -> BuildPlan:
        """The plan over a copy of its context with the change in it. Raises MeasurementError."""
        if self.scenario:
            return edit_plan(plan, self.scenario, folder, WORD)
        assert self.bump
        copied = copy_context(plan, folder, [self.bump.lock])
        write_text(folder / self.bump.lock, self.bump.text)
        return copied


def usual_changes(image: Image, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Edits and bumps that are measured where nobody names any."""
    return USUAL_EDITS, USUAL_BUMPS[target != image.targets[0]]


def run_updates(
    plan: BuildPlan,
    updates: Sequence[Update],
    built: BuildRecord,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    console: Console,
) -> UpdatesRecord:
    """Build each edit and compare its layers with those of `built`.

    Raises MeasurementError for an edit that finds no place, and the errors of a build.
    """
    with tempfile.TemporaryDirectory(prefix="updates-", dir=work.path) as name:
        maker = _Maker(engine, runner, Path(name), console)
        console.print("held: what is built, in both compressions")
        held = _Pair(
            gzip=index_layers(open_layout(work.layout), console), zstd=maker.index(plan, Compression.ZSTD)
        )
        costs = []
        for update in updates:
            console.print(f"{update.name}: {update.change}", markup=False)
            edited = update.apply(plan, Path(name) / update.name)
            wanted = _Pair(
                gzip=maker.index(edited, Compression.GZIP), zstd=maker.index(edited, Compression.ZSTD)
            )
            costs.append(_compare(update, held, wanted, built.revision))
    return UpdatesRecord(
        manifest_digest=built.manifest_digest,
        gzip_bytes=held.gzip.compressed_bytes,
        zstd_bytes=held.zstd.compressed_bytes,
        edits=tuple(costs),
    )


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """One image's layers in both compressions."""

    gzip: LayerIndex
    zstd: LayerIndex


@dataclass(frozen=True)
class _Maker:
    """Exports plans and reads their layers; a layout is gone once it is read."""

    engine: Engine
    runner: Runner
    scratch: Path
    console: Console

    def index(self, plan: BuildPlan, compression: Compression) -> LayerIndex:
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            layout = Path(folder) / "layout"
            run_export(plan, self.engine, self.runner, layout, self.console, compression=compression)
            return index_layers(open_layout(layout), self.console)


def _compare(update: Update, held: _Pair, wanted: _Pair, revision: str) -> EditCost:
    return EditCost(
        name=update.name,
        change=update.change,
        gzip=cost_of_update(held.gzip, wanted.gzip, from_revision=revision),
        zstd=cost_of_update(held.zstd, wanted.zstd, from_revision=revision),
    )


def describe_updates(record: UpdatesRecord) -> str:
    """A line for each edit."""
    return "".join(
        f"{cost.name:<20} {cost.gzip.fetched_bytes / 1e6:9.1f} MB gzip "
        f"({cost.gzip.fetched_bytes / record.gzip_bytes:.2%} of the image)  "
        f"{cost.zstd.fetched_bytes / 1e6:9.1f} MB zstd  {cost.gzip.layers_held} layers kept  {cost.change}\n"
        for cost in record.edits
    )

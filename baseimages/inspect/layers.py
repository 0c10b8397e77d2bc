"""The layer index: what each layer weighs, who owns its bytes and which of them nobody sees.

Each layer is read once in its life, streamed, nothing extracted; then the rows of all are laid over
each other. Memory does not grow with the image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import Progress

from baseimages.inspect.dive import DiveCount
from baseimages.inspect.layout import LayerBlob, Layout
from baseimages.inspect.merge import follow, sort_rows
from baseimages.inspect.owners import OwnedBytes, OwnerCount, owner_of_layer
from baseimages.inspect.rows import LayerRows, find_rows, read_rows
from baseimages.inspect.stream import OpenBlob
from baseimages.inspect.waste import Waste, WasteCount
from baseimages.records import Record


class LayerFacts(BaseModel):
    """One layer. `uncompressed_bytes` is the tar as the runtime unpacks it, padding included;
    `file_bytes` the content of its regular files, which `owners` divides, hidden ones included.

    `reclaimable_bytes` are those that it wrote and that a later layer, or itself, hid; None, like an
    empty `owners`, in records from before that was measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    digest: str
    diff_id: str
    media_type: str
    compressed_bytes: int
    uncompressed_bytes: int
    file_bytes: int
    entries: int
    whiteouts: int
    owner: str
    created_by: str
    owners: dict[str, int] = {}
    reclaimable_bytes: int | None = None


class LayerIndex(Record):
    """All layers, lowest first, and the file bytes of every owner over all layers.

    `owners` are coarse, what a person bumps as one thing; `owned` divides the same bytes further.
    `waste` is None in records from before it was measured. The first `base_layers` are the base's.
    """

    manifest_digest: str
    layers: tuple[LayerFacts, ...]
    owners: dict[str, int]
    owned: tuple[OwnedBytes, ...] = ()
    waste: Waste | None = None
    base_layers: int = 1

    @property
    def compressed_bytes(self) -> int:
        """What a device without any of the layers fetches."""
        return sum(layer.compressed_bytes for layer in self.layers)

    @property
    def uncompressed_bytes(self) -> int:
        """What unpacking writes."""
        return sum(layer.uncompressed_bytes for layer in self.layers)


def index_layers(layout: Layout, console: Console, *, base_layers: int = 1, anew: bool = False) -> LayerIndex:
    """Read what was not read before, merge all; the lowest `base_layers` are the base's.

    With `anew` every layer is read, also those whose rows are known: what is to be proven is not taken
    from a cache.
    Raises VerificationError when a layer cannot be unpacked or is not what its diff id names,
    StorageError when its rows cannot be kept.
    """
    layers = _load_rows(layout, console, anew=anew)
    with console.status("comparing layers"), WasteCount(base_layers) as waste:
        owners = OwnerCount([layer.created_by for layer in layout.layers], base_layers, layers)
        dive = DiveCount()
        for fate in follow(dive.watch(sort_rows(layers))):
            owners.add(fate)
            waste.add(fate)
        found = waste.finish(dive.number)
    return LayerIndex(
        manifest_digest=layout.manifest_digest,
        layers=tuple(
            _describe(
                blob, rows, number < base_layers, owners.of_layer(number), waste.reclaimable_bytes(number)
            )
            for number, (blob, rows) in enumerate(zip(layout.layers, layers, strict=True))
        ),
        owners=owners.coarse,
        owned=tuple(owners.list_owned()),
        waste=found,
        base_layers=base_layers,
    )


def _load_rows(layout: Layout, console: Console, *, anew: bool) -> list[LayerRows]:
    if anew:
        with _show_progress([*layout.layers], console) as open_blob:
            return [read_rows(layer, open_blob) for layer in layout.layers]
    known = [find_rows(layer) for layer in layout.layers]
    unread = [layer for layer, rows in zip(layout.layers, known, strict=True) if rows is None]
    with _show_progress(unread, console) as open_blob:
        return [
            rows or find_rows(layer) or read_rows(layer, open_blob)  # a layer may be there twice
            for layer, rows in zip(layout.layers, known, strict=True)
        ]


@contextmanager
def _show_progress(unread: list[LayerBlob], console: Console) -> Iterator[OpenBlob]:
    total = sum(layer.size_bytes for layer in unread)
    with Progress(console=console, transient=True, disable=not unread) as progress:
        task = progress.add_task(f"reading {len(unread)} layers", total=total)
        yield lambda layer: cast("IO[bytes]", progress.open(layer.path, "rb", task_id=task, total=total))
    if unread:
        console.print(f"read {len(unread)} layers of {total / 1e6:.1f} MB, as shipped")


def _describe(
    layer: LayerBlob, rows: LayerRows, is_base: bool, own: Counter[str], reclaimable_bytes: int
) -> LayerFacts:
    return LayerFacts(
        digest=layer.digest,
        diff_id=layer.diff_id,
        media_type=layer.media_type,
        compressed_bytes=layer.size_bytes,
        uncompressed_bytes=rows.uncompressed_bytes,
        file_bytes=rows.file_bytes,
        entries=rows.entries,
        whiteouts=rows.whiteouts,
        owner=owner_of_layer(own, layer.created_by, is_base),
        created_by=layer.created_by,
        owners=dict(sorted((+own).items())),
        reclaimable_bytes=reclaimable_bytes,
    )

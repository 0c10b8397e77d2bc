"""What a device that holds one build of an image fetches and writes for the next one."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from baseimages.inspect.layers import LayerIndex


class UpdateCost(BaseModel):
    """The new layers of the later of two builds; a layer counts as held by its digest.

    `fetched_bytes` are the layers as shipped, `written_bytes` the tars that a runtime unpacks: what a
    flash memory wears by, without what the store keeps beside them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    from_revision: str
    layers_held: int
    layers_fetched: int
    fetched_bytes: int
    written_bytes: int


def cost_of_update(held: LayerIndex, wanted: LayerIndex, *, from_revision: str) -> UpdateCost:
    """Compare two builds by the digests of their layers."""
    digests = {layer.digest for layer in held.layers}
    fetched = [layer for layer in wanted.layers if layer.digest not in digests]
    return UpdateCost(
        from_revision=from_revision,
        layers_held=len(wanted.layers) - len(fetched),
        layers_fetched=len(fetched),
        fetched_bytes=sum(layer.compressed_bytes for layer in fetched),
        written_bytes=sum(layer.uncompressed_bytes for layer in fetched),
    )

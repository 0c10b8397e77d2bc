"""The layer index: what each layer weighs and who owns its bytes. Streamed, nothing extracted."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import zstandard
from isal import igzip
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from baseimages.errors import VerificationError
from baseimages.inspect.layout import LayerBlob, Layout
from baseimages.inspect.owners import owner_of, owner_of_layer
from baseimages.records import Record

NEXT_STEP = "build again; the layout is made by `invoke build`"
BUFFER_BYTES = 1 << 20


class LayerFacts(BaseModel):
    """One layer. `uncompressed_bytes` is the tar as the runtime unpacks it, padding included;
    `file_bytes` the content of its regular files. `reclaimable_bytes` is None in records from before
    that was measured."""

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
    reclaimable_bytes: int | None = None


class LayerIndex(Record):
    """All layers, lowest first, and the file bytes of every owner over all layers."""

    manifest_digest: str
    layers: tuple[LayerFacts, ...]
    owners: dict[str, int]

    @property
    def compressed_bytes(self) -> int:
        """What a device without any of the layers fetches."""
        return sum(layer.compressed_bytes for layer in self.layers)

    @property
    def uncompressed_bytes(self) -> int:
        """What unpacking writes."""
        return sum(layer.uncompressed_bytes for layer in self.layers)


def index_layers(layout: Layout, console: Console) -> LayerIndex:
    """Read every layer once. Raises VerificationError when content and diff id disagree."""
    owners: Counter[str] = Counter()
    facts = []
    with console.status("reading layers"):
        for number, layer in enumerate(layout.layers):
            facts.append(_index(layer, number == 0, owners))
    return LayerIndex(
        manifest_digest=layout.manifest_digest,
        layers=tuple(facts),
        owners=dict(sorted(owners.items())),
    )


def _index(layer: LayerBlob, is_base: bool, owners: Counter[str]) -> LayerFacts:
    entries = whiteouts = 0
    own: Counter[str] = Counter()
    with open_tar(layer) as (tar, reader):
        for entry in read_entries(tar):
            entries += 1
            whiteouts += entry.name.rpartition("/")[2].startswith(".wh.")
            if entry.isreg():
                own[owner_of(entry.name, layer.created_by, is_base)] += entry.size
    owners.update(own)
    return LayerFacts(
        digest=layer.digest,
        diff_id=layer.diff_id,
        media_type=layer.media_type,
        compressed_bytes=layer.size_bytes,
        uncompressed_bytes=reader.size_bytes,
        file_bytes=own.total(),
        entries=entries,
        whiteouts=whiteouts,
        owner=owner_of_layer(own, layer.created_by, is_base),
        created_by=layer.created_by,
    )


@contextmanager
def open_tar(layer: LayerBlob) -> Iterator[tuple[tarfile.TarFile, HashingReader]]:
    """A layer's tar, to be read once and in order, and what counts its bytes.

    Raises VerificationError when it cannot be unpacked, and at the end when it was another tar than
    the diff id names.
    """
    with _open_layer(layer) as stream:
        reader = HashingReader(stream)
        with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|", bufsize=BUFFER_BYTES) as tar:
            yield tar, reader
        reader.drain()
    if reader.digest != layer.diff_id:
        raise VerificationError(
            f"layer {layer.digest} unpacks to {reader.digest}, not {layer.diff_id}",
            next_step=NEXT_STEP,
        )


def read_entries(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Every entry of a tar, none of them kept: it must not grow with the image."""
    for entry in tar:
        yield entry
        tar.members = []  # type: ignore[attr-defined] # typeshed does not know it


@contextmanager
def _open_layer(layer: LayerBlob) -> Iterator[IO[bytes]]:
    with layer.path.open("rb") as raw:
        if layer.media_type.endswith("gzip"):
            with igzip.IGzipFile(fileobj=raw) as stream:  # type: ignore[no-untyped-call] # isal ships no types
                yield cast("IO[bytes]", stream)
        elif layer.media_type.endswith("zstd"):
            with zstandard.ZstdDecompressor().stream_reader(raw) as stream:
                yield cast("IO[bytes]", stream)
        else:
            yield raw


class HashingReader(io.RawIOBase):
    """Counts and hashes what passes; errors of the compressed stream become ours."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        """The digest of what has passed."""
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes. Raises VerificationError for a damaged stream."""
        try:
            data = self._stream.read(size)
        except (OSError, EOFError, gzip.BadGzipFile, zstandard.ZstdError) as error:
            raise VerificationError(f"a layer cannot be unpacked: {error}", next_step=NEXT_STEP) from error
        self._hash.update(data)
        self.size_bytes += len(data)
        return data

    def drain(self) -> None:
        """Read what follows the tar's end marker, so that the digest covers it."""
        while self.read(BUFFER_BYTES):
            pass

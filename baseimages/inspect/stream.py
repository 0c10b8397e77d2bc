"""A layer as the stream of its tar: unpacked and hashed ahead of its reader, in a thread.

Both leave Python's lock free, so on two cores the reader costs hardly any time beside them.
"""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, cast

import zstandard
from isal import igzip
from isal.igzip_lib import IsalError

from baseimages.errors import VerificationError
from baseimages.inspect.layout import LayerBlob
from baseimages.inspect.tar import NEXT_STEP, TarReader

CHUNK_BYTES = 1 << 20
CHUNKS_AHEAD = 4
# How the file of a layer is opened; progress is shown by wrapping it.
OpenBlob = Callable[[LayerBlob], IO[bytes]]


def open_blob(layer: LayerBlob) -> IO[bytes]:
    """A layer as it is shipped."""
    return layer.path.open("rb")


@contextmanager
def open_tar(layer: LayerBlob, open_blob: OpenBlob = open_blob) -> Iterator[tuple[TarReader, HashingReader]]:
    """A layer's tar, to be read once and in order, and what counts its bytes.

    The count is whole at the end. Raises VerificationError when it cannot be unpacked, and at the end
    when it was another tar than the diff id names.
    """
    with open_blob(layer) as raw, _unpack(raw, layer.media_type) as stream:
        reader = HashingReader(stream)
        with _read_ahead(reader) as chunks:
            yield TarReader(chunks), reader
            deque(chunks, maxlen=0)  # what follows the end marker belongs to the diff id too
    if reader.digest != layer.diff_id:
        raise VerificationError(
            f"layer {layer.digest} unpacks to {reader.digest}, not {layer.diff_id}",
            next_step=NEXT_STEP,
        )


@contextmanager
def _read_ahead(reader: HashingReader) -> Iterator[Iterator[bytes]]:
    with ThreadPoolExecutor(max_workers=1) as worker:

        def read() -> Iterator[bytes]:
            ahead: deque[Future[bytes]] = deque()
            while True:
                while len(ahead) < CHUNKS_AHEAD:
                    ahead.append(worker.submit(reader.read, CHUNK_BYTES))
                chunk = ahead.popleft().result()
                if not chunk:
                    return
                yield chunk

        try:
            yield read()
        finally:
            worker.shutdown(cancel_futures=True)


@contextmanager
def _unpack(raw: IO[bytes], media_type: str) -> Iterator[IO[bytes]]:
    if media_type.endswith("gzip"):
        with igzip.IGzipFile(fileobj=raw) as stream:  # type: ignore[no-untyped-call] # isal ships no types
            yield cast("IO[bytes]", stream)
    elif media_type.endswith("zstd"):
        # A layer that can be fetched in parts has a frame for each of its files.
        with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
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
        except (OSError, EOFError, IsalError, zstandard.ZstdError) as error:  # type: ignore[misc] # isal's stub
            raise VerificationError(f"a layer cannot be unpacked: {error}", next_step=NEXT_STEP) from error
        self._hash.update(data)
        self.size_bytes += len(data)
        return data

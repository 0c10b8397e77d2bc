"""How fast the layer index is, and in how much memory, on an image that is made for it.

    python tools/measure_index.py                     10 GB and 400,000 files in 12 gzip layers
    python tools/measure_index.py --megabytes 500 --files 20000 --zstd

Prints wall and processor seconds and peak memory of a first and of a second look, and the first one's
ratio to plain `tar -t` over the same layers. The content is cut from this Python's own files, so
it is packed about as well as an image's. Needs a third of the size on disk; it is removed at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import zstandard
from isal import igzip
from rich.console import Console
from rich.progress import track

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from baseimages.command import ProcessRunner  # noqa: E402 -- runs from a checkout, nothing is installed
from baseimages.inspect import index_layers, open_layout  # noqa: E402 -- as above

SEED = 6
CORPUS_BYTES = 256_000_000
LAYERS = 12
PACKAGE_FILES = 400
FOLDER = "usr/local/lib/python3.13/dist-packages"
DEADLINE_S = 1800.0
TYPES = {
    False: "application/vnd.oci.image.layer.v1.tar+gzip",
    True: "application/vnd.oci.image.layer.v1.tar+zstd",
}


class Tee(io.RawIOBase):
    """Counts and hashes what is written through it."""

    def __init__(self, target: IO[bytes]) -> None:
        super().__init__()
        self._target, self._hash, self.size_bytes = target, hashlib.sha256(), 0

    @property
    def digest(self) -> str:
        """The digest of what was written."""
        return f"sha256:{self._hash.hexdigest()}"

    def writable(self) -> bool:
        """For those who ask."""
        return True

    def write(self, data: Any) -> int:
        """Pass it on."""
        self._hash.update(data)
        self.size_bytes += len(data)
        self._target.write(data)
        return len(data)


def read_corpus(most_bytes: int) -> bytes:
    """Real text and programs, the same on one machine."""
    corpus = bytearray()
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*")):
        if path.is_file() and len(corpus) < most_bytes:
            corpus += path.read_bytes()
    return bytes(corpus)


def make_layout(folder: Path, files: int, size_bytes: int, is_zstd: bool) -> None:
    """An image of packages with their RECORDs; each layer removes a little of the one below."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    chance, corpus = random.Random(SEED), read_corpus(min(size_bytes, CORPUS_BYTES))
    layers, diff_ids = [], []
    below: list[str] = []
    for number in track(range(LAYERS), "making the image", console=Console(stderr=True), transient=True):
        blob = folder / "layer"
        with blob.open("wb") as raw:
            shipped = Tee(raw)
            with pack(shipped, is_zstd) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
                hide_some(tar, below)
                below = list(fill(tar, corpus, chance, number, files // LAYERS, size_bytes // files))
            diff_ids.append(packed.digest)
        blob.rename(folder / "blobs" / "sha256" / shipped.digest.removeprefix("sha256:"))
        layers.append({"mediaType": TYPES[is_zstd], "digest": shipped.digest, "size": shipped.size_bytes})
    config = put(folder, {"rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": []})
    manifest = put(folder, {"config": config, "layers": layers})
    (folder / "index.json").write_text(json.dumps({"manifests": [manifest]}))


@contextmanager
def pack(target: Tee, is_zstd: bool) -> Iterator[Tee]:
    """What is written to it reaches `target` compressed."""
    stream = (
        zstandard.ZstdCompressor(level=3).stream_writer(cast("IO[bytes]", target), closefd=False)
        if is_zstd
        else igzip.IGzipFile(fileobj=target, mode="wb", compresslevel=3, mtime=0)  # type: ignore[no-untyped-call] # isal's stub
    )
    with stream:
        yield Tee(cast("IO[bytes]", stream))


def hide_some(tar: tarfile.TarFile, below: list[str]) -> None:
    """Whiteouts of one file in a hundred."""
    for path in below[::100]:
        add(tar, f"{path.rpartition('/')[0]}/.wh.{path.rpartition('/')[2]}", b"")


def fill(
    tar: tarfile.TarFile, corpus: bytes, chance: random.Random, layer: int, files: int, mean_bytes: int
) -> Iterator[str]:
    """Files of all sizes around the mean, by packages; gives their paths."""
    for start in range(0, files, PACKAGE_FILES):
        package = f"package{layer}x{start}"
        names = [f"{package}/part{n % 20}/module_{n}.py" for n in range(min(PACKAGE_FILES, files - start))]
        for name in names:
            size = min(int(chance.expovariate(1 / mean_bytes)), len(corpus) // 2)
            offset = chance.randrange(len(corpus) - size)
            add(tar, f"{FOLDER}/{name}", memoryview(corpus)[offset : offset + size])
        record = "".join(f"{name},,\n" for name in names).encode()
        add(tar, f"{FOLDER}/{package}-1.dist-info/RECORD", record)
        yield from (f"{FOLDER}/{name}" for name in names)


def add(tar: tarfile.TarFile, path: str, content: bytes | memoryview) -> None:
    """One file."""
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def put(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    """A blob of JSON; gives its descriptor."""
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def look(folder: Path) -> None:
    """Index a layout and print what it took; for a process of its own."""
    started = time.monotonic()
    index = index_layers(open_layout(folder), Console(stderr=True))
    facts = {
        "wall_s": time.monotonic() - started,
        "cpu_s": time.process_time(),
        "peak_bytes": read_peak(),
        "entries": sum(layer.entries for layer in index.layers),
        "uncompressed_bytes": index.uncompressed_bytes,
        "compressed_bytes": index.compressed_bytes,
    }
    print(json.dumps(facts))


def read_peak() -> int:
    """The most memory that this process held; getrusage would tell its parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measure(folder: Path, is_zstd: bool) -> None:
    """Compare a first and a second look with tar, one after the other."""
    runner = ProcessRunner()
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        words = [sys.executable, __file__, "--look", str(folder)]
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        looks = [
            json.loads(runner.run(words, deadline_s=DEADLINE_S, env=environment).stdout) for _ in range(2)
        ]
        kept_bytes = sum(path.stat().st_size for path in Path(cache).rglob("*") if path.is_file())
    tar_s = 0.0
    for layer in open_layout(folder).layers:
        words = ["tar", "--zstd" if is_zstd else "--gzip", "-tf", str(layer.path)]
        tar_s += runner.run(words, deadline_s=DEADLINE_S, stdout_path=folder / "names", echo=False).duration_s
    first, second = looks
    print(
        f"{first['entries']} entries, {first['uncompressed_bytes'] / 1e9:.2f} GB of tar in "
        f"{first['compressed_bytes'] / 1e9:.2f} GB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}\n"
        f"first look   {first['wall_s']:6.1f} s  {first['cpu_s']:6.1f} s of processor  "
        f"{first['peak_bytes'] / 1e6:5.0f} MB\n"
        f"second look  {second['wall_s']:6.1f} s  {second['cpu_s']:6.1f} s of processor  "
        f"{second['peak_bytes'] / 1e6:5.0f} MB  ({kept_bytes / 1e6:.1f} MB kept)\n"
        f"tar -t       {tar_s:6.1f} s; the first look takes {first['wall_s'] / tar_s:.2f} times that"
    )


def main() -> None:
    """Read the words, make, measure, remove."""
    parser = argparse.ArgumentParser(description="Measure the layer index on a generated image.")
    parser.add_argument("--files", type=int, default=400_000)
    parser.add_argument("--megabytes", type=int, default=10_000)
    parser.add_argument("--zstd", action="store_true", help="zstd layers; needs the program zstd for tar")
    parser.add_argument("--folder", type=Path, default=ROOT / ".work", help="where there is room")
    parser.add_argument("--look", type=Path, help=argparse.SUPPRESS)
    choice = parser.parse_args()
    if choice.look:
        return look(choice.look)
    choice.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="measure-index-", dir=choice.folder))
    try:
        make_layout(folder, choice.files, choice.megabytes * 1_000_000, choice.zstd)
        measure(folder, choice.zstd)
    finally:
        shutil.rmtree(folder)
    return None


if __name__ == "__main__":
    main()

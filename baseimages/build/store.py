"""What the engine holds, and the way of a layout into it."""

from __future__ import annotations

import json
import os
import tarfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from baseimages.build.engine import Engine
from baseimages.command import Runner

PROBE_S = 30.0
LOAD_S = 1800.0
LOCAL_COPY = "source.local"


def probe_cache(engine: Engine, runner: Runner) -> tuple[bool, str]:
    """Whether the engine's build cache is provably empty, and how that is known.

    A check of a Dockerfile leaves copies of local files there, which save no step anything.
    """
    words = engine.buildx("du", "--verbose")
    done = runner.run(words, deadline_s=PROBE_S, ok_codes=None, echo=False)
    if done.returncode != 0:
        return False, "the engine does not tell what its build cache holds"
    lines = done.stdout.splitlines()
    held = sum(line.startswith("ID:") for line in lines)
    copies = sum(line.split() == ["Type:", LOCAL_COPY] for line in lines)
    if held > copies:
        return False, f"the build cache held {held - copies} records"
    return True, "the build cache held nothing that a step could reuse"


def find_digests(engine: Engine, runner: Runner, references: Iterable[str]) -> tuple[str, ...]:
    """Manifest digests of those images that the engine holds."""
    words = engine.argv("image", "inspect", "--format", "{{.Id}}", *references)
    done = runner.run(words, deadline_s=PROBE_S, ok_codes=None, echo=False)
    return tuple(done.stdout.split())


def load_layout(engine: Engine, runner: Runner, layout: Path) -> None:
    """Stream a layout into `docker load`: an image of gigabytes is not written a second time.

    Raises CommandError.
    """
    read_end, write_end = os.pipe()
    writer = threading.Thread(target=_write_tar, args=(layout, write_end), daemon=True)
    writer.start()
    try:
        # The reading end is closed in any case, so the writer ends even if nobody read it all.
        with os.fdopen(read_end, "rb") as source:
            runner.run(engine.argv("load"), deadline_s=LOAD_S, stdin=source)
    finally:
        writer.join()


def _write_tar(layout: Path, write_end: int) -> None:
    with (
        suppress(BrokenPipeError),
        os.fdopen(write_end, "wb") as target,
        tarfile.open(fileobj=target, mode="w|") as tar,
    ):
        for name in ("oci-layout", "index.json", "blobs"):
            tar.add(layout / name, arcname=name)


def is_intact(layout: Path, manifest_digest: str) -> bool:
    """Whether a layout holds this image with every blob in its full size; digests are checked by
    whoever reads the blobs.
    """
    try:
        images = _read(layout / "index.json")["manifests"]
        wanted = {image["digest"] for image in images} == {manifest_digest}
        return wanted and all(
            _blob(layout, digest).stat().st_size == size for digest, size in _referenced(layout).items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def drop_unreferenced(layout: Path) -> None:
    """Remove the blobs of former images; the ones that are still used need no second transfer."""
    used = {_blob(layout, digest) for digest in _referenced(layout)}
    for blob in (layout / "blobs" / "sha256").iterdir():
        if blob not in used:
            blob.unlink()


def _referenced(layout: Path) -> dict[str, int]:
    """Digest and size of each blob that the index reaches."""
    found: dict[str, int] = {}
    for image in _read(layout / "index.json")["manifests"]:
        manifest = _read(_blob(layout, image["digest"]))
        parts = [image, manifest["config"], *manifest["layers"]]
        found |= {part["digest"]: part["size"] for part in parts}
    return found


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document

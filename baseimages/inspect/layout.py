"""An OCI image layout on disk, every blob checked against its digest before it is used."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from baseimages.errors import RecordError, VerificationError
from baseimages.records import sha256_of

DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
INDEX_TYPES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
NEXT_STEP = "build again; the layout is made by `invoke build`"


@dataclass(frozen=True, kw_only=True)
class LayerBlob:
    """A layer as shipped; `created_by` is the instruction that the image's history names."""

    path: Path
    digest: str
    diff_id: str
    media_type: str
    size_bytes: int
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A verified layout with one image."""

    path: Path
    manifest_digest: str
    config_digest: str
    config: dict[str, Any]
    layers: tuple[LayerBlob, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """What a container is started with: the part `config` of the image's configuration."""
        return self.config.get("config") or {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a container is started with."""
        return dict(str(word).partition("=")[::2] for word in self.settings.get("Env") or ())


def open_layout(path: Path) -> Layout:
    """Verify and read. Raises VerificationError for a wrong digest, RecordError for no layout."""
    try:
        descriptor = json.loads((path / "index.json").read_bytes())["manifests"][0]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise RecordError(f"{path} is not an OCI layout", next_step=NEXT_STEP) from error
    manifest = _read(path, descriptor)
    if manifest.get("mediaType", descriptor.get("mediaType")) in INDEX_TYPES:
        descriptor = _image_of(manifest["manifests"])
        manifest = _read(path, descriptor)
    config = _read(path, manifest["config"])
    return Layout(
        path=path,
        manifest_digest=descriptor["digest"],
        config_digest=manifest["config"]["digest"],
        config=config,
        layers=_layers(path, manifest, config),
    )


def find_differing_layers(first: Path, second: Path) -> tuple[int, ...]:
    """Numbers of the layers, from 0, that two layouts do not share. Raises as `open_layout` does."""
    pairs = zip_longest(*([layer.digest for layer in open_layout(path).layers] for path in (first, second)))
    return tuple(number for number, (mine, other) in enumerate(pairs) if mine != other)


def _image_of(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    # Attestations are listed as images of an unknown platform.
    real = [m for m in manifests if (m.get("platform") or {}).get("architecture") != "unknown"]
    if len(real) != 1:
        raise RecordError(f"the layout holds {len(real)} images, not 1", next_step=NEXT_STEP)
    return real[0]


def _blob(path: Path, descriptor: dict[str, Any]) -> Path:
    """Path of a blob whose bytes have the digest and size of its descriptor."""
    digest = str(descriptor.get("digest"))
    if not DIGEST.match(digest):
        raise VerificationError(f"{digest!r} is not a sha256 digest", next_step=NEXT_STEP)
    blob = path / "blobs" / "sha256" / digest.removeprefix("sha256:")
    if blob.is_symlink() or not blob.is_file():
        raise VerificationError(f"blob {digest} is missing", next_step=NEXT_STEP)
    found = sha256_of(blob)
    if f"sha256:{found}" != digest or blob.stat().st_size != descriptor.get("size"):
        raise VerificationError(
            f"blob {digest} has the bytes of sha256:{found}, {blob.stat().st_size} bytes",
            next_step=NEXT_STEP,
        )
    return blob


def _read(path: Path, descriptor: dict[str, Any]) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(_blob(path, descriptor).read_bytes())
    except ValueError as error:
        raise VerificationError("a manifest is not JSON", next_step=NEXT_STEP) from error
    return document


def _layers(path: Path, manifest: dict[str, Any], config: dict[str, Any]) -> tuple[LayerBlob, ...]:
    diff_ids = config["rootfs"]["diff_ids"]
    history = [h for h in config.get("history", []) if not h.get("empty_layer")]
    if not len(diff_ids) == len(manifest["layers"]):
        raise VerificationError(
            f"{len(manifest['layers'])} layers and {len(diff_ids)} diff ids", next_step=NEXT_STEP
        )
    names = [str(h.get("created_by", "")) for h in history]
    names = [""] * (len(diff_ids) - len(names)) + names
    return tuple(
        LayerBlob(
            path=_blob(path, descriptor),
            digest=descriptor["digest"],
            diff_id=diff_id,
            media_type=descriptor["mediaType"],
            size_bytes=descriptor["size"],
            created_by=name,
        )
        for descriptor, diff_id, name in zip(manifest["layers"], diff_ids, names, strict=True)
    )

"""A layout is verified before anyone reads it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import zstandard
from rich.console import Console

from baseimages.errors import RecordError, VerificationError
from baseimages.inspect import find_differing_layers, index_layers, open_layout

QUIET = Console(quiet=True)


def put_blob(root: Path, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    folder = root / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def make_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "+gzip": partial(gzip.compress, mtime=0),
    "+zstd": zstandard.ZstdCompressor().compress,
    "": bytes,
}


def make_layout(root: Path, layers: Sequence[dict[str, bytes] | bytes], form: str = "+gzip") -> Path:
    """A layout of layers, each as files or as a whole tar; `form` is how their media type ends."""
    descriptors, diff_ids = [], []
    for files in layers:
        tar = files if isinstance(files, bytes) else make_tar(files)
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        blob = put_blob(root, PACKERS[form](tar))
        descriptors.append(blob | {"mediaType": f"application/vnd.oci.image.layer.v1.tar{form}"})
    history = [{"created_by": f"step {number}"} for number in range(len(layers))]
    history.append({"created_by": "CMD", "empty_layer": True})
    config = {"rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history}
    manifest = {"config": put_blob(root, json.dumps(config).encode()), "layers": descriptors}
    index = {"manifests": [put_blob(root, json.dumps(manifest).encode())]}
    (root / "index.json").write_text(json.dumps(index))
    return root


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    base = {"etc/os-release": b"x" * 100}
    ours = {"usr/local/bin/ffmpeg": b"f" * 5000, "usr/bin/.wh.old": b"", "usr/share/x": b"y" * 10}
    return make_layout(tmp_path, [base, ours])


def test_layers_carry_their_sizes_their_instruction_and_their_owner(layout: Path) -> None:
    index = index_layers(open_layout(layout), QUIET)
    first, second = index.layers
    assert (first.owner, second.owner) == ("base", "ffmpeg")
    assert (second.entries, second.whiteouts, second.file_bytes) == (3, 1, 5010)
    assert second.created_by == "step 1"
    assert second.uncompressed_bytes == len(
        make_tar({"usr/local/bin/ffmpeg": b"f" * 5000, "usr/bin/.wh.old": b"", "usr/share/x": b"y" * 10})
    )


def test_the_owners_add_up_to_all_file_bytes(layout: Path) -> None:
    index = index_layers(open_layout(layout), QUIET)
    assert sum(index.owners.values()) == sum(layer.file_bytes for layer in index.layers)
    assert index.owners == {"base": 100, "ffmpeg": 5000, "system packages": 10}


def test_one_altered_byte_in_a_blob_is_refused(layout: Path) -> None:
    biggest = max((layout / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size)
    data = bytearray(biggest.read_bytes())
    data[-1] ^= 1
    biggest.write_bytes(data)
    with pytest.raises(VerificationError, match="has the bytes of"):
        open_layout(layout)


def test_a_missing_blob_is_refused(layout: Path) -> None:
    min((layout / "blobs" / "sha256").iterdir()).unlink()
    with pytest.raises(VerificationError, match="is missing"):
        open_layout(layout)


def test_a_blob_that_is_a_link_is_refused(layout: Path) -> None:
    blob = min((layout / "blobs" / "sha256").iterdir())
    blob.rename(layout / "elsewhere")
    blob.symlink_to(layout / "elsewhere")
    with pytest.raises(VerificationError):
        open_layout(layout)


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "md5:aa", "sha256:ABC", None])
def test_a_digest_that_is_none_is_refused(layout: Path, digest: str | None) -> None:
    (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": digest, "size": 1}]}))
    with pytest.raises(VerificationError, match="is not a sha256 digest"):
        open_layout(layout)


@pytest.mark.parametrize("text", ["", "null", "{}", '{"manifests": []}', "[1]"])
def test_a_folder_that_is_no_layout_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(RecordError, match="not an OCI layout"):
        open_layout(tmp_path)


def test_a_layer_that_unpacks_to_another_diff_id_is_refused(tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [{"a": b"1"}])
    opened = open_layout(layout)
    from dataclasses import replace

    wrong = replace(opened.layers[0], diff_id="sha256:" + "0" * 64)
    with pytest.raises(VerificationError, match="unpacks to"):
        index_layers(replace(opened, layers=(wrong,)), QUIET)


@pytest.mark.parametrize(
    ("others", "differing"),
    [([{"a": b"1"}, {"b": b"2"}], ()), ([{"a": b"1"}, {"b": b"3"}], (1,)), ([{"a": b"1"}], (1,))],
)
def test_layers_that_differ_are_named_by_their_number(
    others: list[dict[str, bytes]], differing: tuple[int, ...], tmp_path: Path
) -> None:
    first = make_layout(tmp_path / "first", [{"a": b"1"}, {"b": b"2"}])
    assert find_differing_layers(first, make_layout(tmp_path / "second", others)) == differing

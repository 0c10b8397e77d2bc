"""What the engine holds, and whether a layout can be trusted."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from baseimages.build import find_digests, probe_cache
from baseimages.build.store import drop_unreferenced, is_intact, load_layout
from baseimages.command import Completed
from baseimages.errors import CommandError
from tests.build.conftest import BUILDX, ENGINE, INSPECT, write_blob, write_layout
from tests.conftest import FakeRunner

# Of `docker buildx du --verbose`, buildx 0.29.1.
RECORDS = """ID:           3l7xkx85lyhicqci0lwg6twoy
Parents:
 - n760490rvxz3hgf3n93vfw61i
Created at:   2026-11-23 21:58:36.802979074 +0000 UTC
Size:         0B
Description:  [core 1/3] LINK COPY --link --from=tool /tool /tool
Type:         regular

ID:           4y8t7a8z8xdu0hbkr4n6x8gbx
Size:         0B
Description:  cached mount /var/cache/apt from exec /bin/sh -c set -eux
 with id "/apt-debian-13"
Type:         exec.cachemount

Reclaimable:  1.1GB
Total:        1.1GB
"""


def blobs(layout: Path) -> list[Path]:
    return sorted((layout / "blobs" / "sha256").iterdir())


def test_a_cache_without_a_record_is_proven_empty(runner: FakeRunner) -> None:
    runner.script(*BUILDX, "du", "--verbose", stdout="Reclaimable:\t0B\nTotal:\t\t0B\n")
    assert probe_cache(ENGINE, runner) == (True, "the build cache held nothing that a step could reuse")


def test_copies_of_local_files_do_not_make_a_cache_warm(runner: FakeRunner) -> None:
    copies = re.sub(r"(?<=^Type:         ).*$", "source.local", RECORDS, flags=re.M)
    runner.script(*BUILDX, "du", "--verbose", stdout=copies)
    assert probe_cache(ENGINE, runner)[0]
    one_layer = copies.replace("source.local", "regular", 1)
    runner.script(*BUILDX, "du", "--verbose", stdout=one_layer)
    assert probe_cache(ENGINE, runner) == (False, "the build cache held 1 records")


def test_a_cache_that_holds_records_tells_how_many(runner: FakeRunner) -> None:
    runner.script(*BUILDX, "du", "--verbose", stdout=RECORDS)
    assert probe_cache(ENGINE, runner) == (False, "the build cache held 2 records")


def test_a_cache_that_does_not_tell_is_never_called_empty(runner: FakeRunner) -> None:
    runner.script(*BUILDX, "du", "--verbose", returncode=1, stderr="ERROR: not supported")
    is_empty, reason = probe_cache(ENGINE, runner)
    assert not is_empty
    assert "does not tell" in reason


def test_images_that_the_engine_lacks_are_left_out(runner: FakeRunner) -> None:
    runner.script(*INSPECT, "here:1", "gone:1", stdout="sha256:1\n", stderr="No such image", returncode=1)
    assert find_digests(ENGINE, runner, ["here:1", "gone:1"]) == ("sha256:1",)


def test_a_layout_with_every_blob_is_intact(tmp_path: Path) -> None:
    assert is_intact(tmp_path, write_layout(tmp_path))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_truncated_blob_is_not_intact(tmp_path: Path, number: int) -> None:
    digest = write_layout(tmp_path)
    blob = blobs(tmp_path)[number]
    blob.write_bytes(blob.read_bytes()[:-1])
    assert not is_intact(tmp_path, digest)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_blob_is_not_intact(tmp_path: Path, number: int) -> None:
    digest = write_layout(tmp_path)
    blobs(tmp_path)[number].unlink()
    assert not is_intact(tmp_path, digest)


def test_a_layout_of_another_image_is_not_intact(tmp_path: Path) -> None:
    write_layout(tmp_path)
    assert not is_intact(tmp_path, "sha256:" + "0" * 64)


@pytest.mark.parametrize("text", ["", "{", "{}", '{"manifests": [{}]}'], ids=repr)
def test_a_damaged_index_is_not_intact(tmp_path: Path, text: str) -> None:
    digest = write_layout(tmp_path)
    (tmp_path / "index.json").write_text(text, encoding="utf-8")
    assert not is_intact(tmp_path, digest)


def test_no_layout_is_not_intact(tmp_path: Path) -> None:
    assert not is_intact(tmp_path / "absent", "sha256:0")


def test_blobs_of_a_former_image_are_dropped(tmp_path: Path) -> None:
    former = write_blob(tmp_path, b"a layer of the former image")
    write_layout(tmp_path)
    drop_unreferenced(tmp_path)
    assert str(former["digest"]).removeprefix("sha256:") not in [blob.name for blob in blobs(tmp_path)]


def test_blobs_that_are_still_used_stay(tmp_path: Path) -> None:
    digest = write_layout(tmp_path)
    write_blob(tmp_path, b"a layer of the former image")
    drop_unreferenced(tmp_path)
    assert is_intact(tmp_path, digest)
    assert len(blobs(tmp_path)) == 3


class ReadingRunner(FakeRunner):
    """An engine that reads what it is to load."""

    def run(self, argv: Any, **options: Any) -> Completed:
        self.names = self._read(options["stdin"].read())
        return super().run(argv, **options)

    def _read(self, content: bytes) -> dict[str, bytes]:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            files = [member for member in tar if member.isfile()]
            return {member.name: tar.extractfile(member).read() for member in files}


def test_a_layout_reaches_the_engine_as_one_tar(tmp_path: Path) -> None:
    digest = write_layout(tmp_path)
    runner = ReadingRunner()
    runner.script("docker", "load")
    load_layout(ENGINE, runner, tmp_path)
    (manifest,) = json.loads(runner.names["index.json"])["manifests"]
    assert manifest["digest"] == digest
    assert {name for name in runner.names if name.startswith("blobs/")} == {
        f"blobs/sha256/{blob.name}" for blob in blobs(tmp_path)
    }


def test_only_the_layout_itself_reaches_the_engine(tmp_path: Path) -> None:
    write_layout(tmp_path)
    (tmp_path / "ingest").write_text("left by an export that was broken off", encoding="utf-8")
    runner = ReadingRunner()
    runner.script("docker", "load")
    load_layout(ENGINE, runner, tmp_path)
    assert {name.split("/")[0] for name in runner.names} == {"oci-layout", "index.json", "blobs"}


def test_an_engine_that_refuses_a_large_layout_does_not_block(tmp_path: Path, runner: FakeRunner) -> None:
    write_layout(tmp_path, b"x" * 1_000_000)  # more than a pipe holds
    runner.script("docker", "load", returncode=1, stderr="no space left on device")
    with pytest.raises(CommandError, match="no space left"):
        load_layout(ENGINE, runner, tmp_path)

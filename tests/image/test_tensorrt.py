"""What may be installed of TensorRT: releases, hashes and indexes that cannot fit are refused."""

from __future__ import annotations

import http.server
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from baseimages.declare import load_family
from tests.conftest import ROOT
from tests.image.conftest import load_script

FAMILY = load_family(ROOT / "images.toml")


@pytest.fixture(name="tensorrt")
def load_tensorrt() -> Any:
    """install_tensorrt.py as a module."""
    return load_script("ml/install_tensorrt")


PINNED = "10.14.1.48.post1"
HASHED = "".join(
    f"{name}=={PINNED} \\\n    --hash=sha256:00\n"
    for name in ("tensorrt-cu12", "tensorrt-cu12-bindings", "tensorrt-cu12-libs")
)


@pytest.mark.parametrize(
    ("version", "cuda", "told"),
    [
        ("8.6.1", "12.8", "8.6.1 cannot be had: its bindings end at Python 3.11"),
        ("10.9.0.34", "12.8", "10.9.0.34 is not the locked 10.14.1.48.post1"),
        (PINNED, "13.0", "is locked for CUDA 12, not 13.0"),
    ],
)
def test_tensorrt_that_cannot_fit_is_refused_before_anything_is_fetched(
    tensorrt: Any, version: str, cuda: str, told: str
) -> None:
    with pytest.raises(tensorrt.RefusalError, match=re.escape(told)):
        tensorrt.check_request(version, cuda, HASHED)


def test_the_committed_lock_fits_the_declared_tensorrt(tensorrt: Any) -> None:
    image = FAMILY.image("gpu")
    lock = (ROOT / image.name / "requirements-tensorrt.txt").read_text()
    tensorrt.check_request(PINNED, next(iter(image.cuda)), lock)
    assert PINNED in image.tensorrt


def test_a_lock_without_the_hash_of_the_libraries_is_refused(tensorrt: Any) -> None:
    tensorrt.check_hashes(HASHED)
    with pytest.raises(tensorrt.RefusalError, match="no hash for tensorrt-cu12-libs; run `nox -s lock`"):
        tensorrt.check_hashes(HASHED.partition("tensorrt-cu12-libs")[0])


def test_bindings_of_another_release_than_the_library_name_both(tensorrt: Any) -> None:
    assert tensorrt.render_version(101401) == "10.14.1"
    tensorrt.compare_versions(PINNED, "10.14.1")
    with pytest.raises(
        tensorrt.RefusalError, match=r"bindings are 10\.14\.1\.48\.post1, its library is 10\.9"
    ):
        tensorrt.compare_versions(PINNED, tensorrt.render_version(100900))


class Library:
    """libnvinfer of TensorRT 10.9.0."""

    def __init__(self, path: str) -> None:
        assert path.endswith("tensorrt_libs/libnvinfer.so.10")

    def getInferLibVersion(self) -> int:  # noqa: N802 -- the name that the library gives it
        return 100900


# An installer that leaves what the wheels have in them: bindings of the lock, any library.
UV = """#!/bin/sh
site=$(echo "$*" | sed 's/.*--target \\([^ ]*\\).*/\\1/')
mkdir -p "$site/tensorrt_libs" "$site/tensorrt_cu12_bindings-{version}.dist-info"
printf 'Metadata-Version: 2.1\\nName: tensorrt-cu12-bindings\\nVersion: {version}\\n' \\
  > "$site/tensorrt_cu12_bindings-{version}.dist-info/METADATA"
touch "$site/tensorrt_libs/{library}"
echo "$NVIDIA_TENSORRT_DISABLE_INTERNAL_PIP $*" > "$0.argv"
"""


def install_tensorrt(tensorrt: Any, folder: Path, library: str) -> None:
    uv = folder / "uv"
    uv.write_text(UV.format(version=PINNED, library=library))
    uv.chmod(0o755)
    words = ["--uv", str(uv), "--index", "https://index.test", "--lock", "lock", "--build-path", "/mnt"]
    tensorrt.main(["install", PINNED, *words, "--out", str(folder / "out")])


@pytest.mark.process
def test_an_installed_library_of_another_release_stops_the_build_with_both_versions(
    tensorrt: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tensorrt.ctypes, "CDLL", Library)
    with pytest.raises(SystemExit, match=r"bindings are 10\.14\.1\.48\.post1, its library is 10\.9\.0"):
        install_tensorrt(tensorrt, tmp_path, "libnvinfer.so.10")
    argv = (tmp_path / "uv.argv").read_text()
    assert argv.startswith("1 pip install")
    assert "--require-hashes" in argv
    assert "--default-index https://index.test" in argv


@pytest.mark.process
def test_an_installation_without_the_library_is_told(tensorrt: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="without tensorrt-cu12-bindings or libnvinfer"):
        install_tensorrt(tensorrt, tmp_path, "README")


def test_none_asks_nobody(tensorrt: Any) -> None:
    words = ["--index", "https://index.invalid", "--lock", "/nonexistent"]
    tensorrt.main(["check", "none", "--cuda", "12.8", *words])


@pytest.mark.process
@pytest.mark.parametrize(
    ("index", "told"),
    [("http://127.0.0.1:9", "Connection refused"), ("https://tensorrt.invalid/simple", "tensorrt.invalid")],
)
def test_an_index_that_does_not_answer_is_named(tensorrt: Any, index: str, told: str) -> None:
    with pytest.raises(tensorrt.RefusalError, match=f"index is not reachable: .*{told}.*TENSORRT=none"):
        tensorrt.check_index(index)


class Silent(http.server.BaseHTTPRequestHandler):
    """Accepts and never answers."""

    def do_GET(self) -> None:
        self.server.released.wait(30)  # type: ignore[attr-defined] # set by the test


@pytest.mark.process
def test_an_index_that_accepts_and_stays_silent_is_given_up(
    tensorrt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt, "INDEX_ANSWERS_S", 0.2)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        server.released = threading.Event()  # type: ignore[attr-defined] # read by the handler
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(tensorrt.RefusalError, match="timed out"):
            tensorrt.check_index(f"http://127.0.0.1:{server.server_port}")
        server.released.set()  # type: ignore[attr-defined] # read by the handler
        server.shutdown()

"""Installs TensorRT's libraries and bindings of one version by hash, and compares the two.

    python3 -B install_tensorrt.py check   VERSION   refuse what cannot work, within seconds
    python3 -B install_tensorrt.py install VERSION   install and compare

Asked for `none` both do nothing. Whatever cannot work is refused before the 3 GB are fetched: a
version without wheels, another CUDA line, an index that does not answer, a lock without hashes.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from importlib.metadata import distributions
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
INDEX_ANSWERS_S = 10
INSTALL_S = 3600
PARTS = ("tensorrt-cu12", "tensorrt-cu12-bindings", "tensorrt-cu12-libs")
WITHOUT = "build with TENSORRT=none to leave it out"
TOO_OLD = {"8.6.1": "its bindings end at Python 3.11"}


class RefusalError(Exception):
    """Why TensorRT cannot be installed, and what to do."""


def check_request(version: str, cuda: str, lock: str) -> None:
    """Refuse a version that has no wheels here, or that is not the locked one, or another CUDA."""
    if version in TOO_OLD:
        raise RefusalError(f"TensorRT {version} cannot be had: {TOO_OLD[version]}; {WITHOUT}")
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.M))
    if locked["tensorrt-cu12-bindings"] != version:
        raise RefusalError(
            f"TensorRT {version} is not the locked {locked['tensorrt-cu12-bindings']}; "
            "name that one, or change requirements-tensorrt.in and run `nox -s lock`"
        )
    if not cuda.startswith("12."):
        raise RefusalError(f"TensorRT {version} is locked for CUDA 12, not {cuda}; {WITHOUT}")


def check_index(index: str) -> None:
    """Ask the index once. Raises RefusalError within INDEX_ANSWERS_S seconds."""
    url = f"{index.rstrip('/')}/tensorrt-cu12-libs/"
    try:
        urllib.request.urlopen(url, timeout=INDEX_ANSWERS_S).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise RefusalError(f"TensorRT's index is not reachable: {url}: {reason}; {WITHOUT}") from error


def check_hashes(lock: str) -> None:
    """Refuse a lock that does not name the hash of every part."""
    missing = [part for part in PARTS if not re.search(rf"^{part}==\S+ \\\n +--hash=", lock, re.M)]
    if missing:
        raise RefusalError(
            f"requirements-tensorrt.txt has no hash for {', '.join(missing)}; "
            "run `nox -s lock` where the index answers and commit it"
        )


def install(uv: str, index: str, lock: Path, build_path: Path, out: Path) -> None:
    """Install all parts by hash from the one index; setuptools for the one sdist is at build_path.

    The sdist would fetch the other parts itself, unverified, if it were not told that they are here.
    """
    words = [
        *(uv, "pip", "install", "--target", str(out / SITE.relative_to("/"))),
        *("--link-mode", "copy", "--no-deps", "--require-hashes", "--no-build-isolation"),
        *("--only-binary", PARTS[1], "--only-binary", PARTS[2]),
        *("--default-index", index, "-r", str(lock)),
    ]
    path = str(build_path / SITE.relative_to("/"))
    own = {"PYTHONPATH": path, "NVIDIA_TENSORRT_DISABLE_INTERNAL_PIP": "1"}
    subprocess.run(words, check=True, timeout=INSTALL_S, env={**os.environ, **own})


def read_versions(site: Path) -> tuple[str, str]:
    """Version of the bindings by their metadata, and of the library by its own word."""
    dists = {dist.name.replace("_", "-"): dist.version for dist in distributions(path=[str(site)])}
    library = next((site / "tensorrt_libs").glob("libnvinfer.so.*"), None)
    if PARTS[1] not in dists or library is None:
        raise RefusalError(f"TensorRT was installed without {PARTS[1]} or libnvinfer; {WITHOUT}")
    return dists[PARTS[1]], render_version(ctypes.CDLL(str(library)).getInferLibVersion())


def render_version(number: int) -> str:
    """NVIDIA's number of a release, major * 10000 + minor * 100 + patch, as text."""
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def compare_versions(bindings: str, library: str) -> None:
    """Refuse bindings of another release than the library."""
    if ".".join(bindings.split(".")[:3]) != library:
        raise RefusalError(f"TensorRT's bindings are {bindings}, its library is {library}; lock one version")


def read_words(argv: list[str]) -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    for step, texts, paths in (("check", ("cuda",), ()), ("install", ("uv",), ("build-path", "out"))):
        words = steps.add_parser(step)
        words.add_argument("version")
        for name in (*texts, "index"):
            words.add_argument(f"--{name}", required=True)
        for name in (*paths, "lock"):
            words.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: list[str]) -> None:
    """Check, or install and compare; exit with the reason otherwise."""
    words = read_words(argv)
    if words.version == "none":
        return
    try:
        if words.step == "check":
            lock = words.lock.read_text(encoding="utf-8")
            check_request(words.version, words.cuda, lock)
            check_index(words.index)
            check_hashes(lock)
        else:
            install(words.uv, words.index, words.lock, words.build_path, words.out)
            compare_versions(*read_versions(words.out / SITE.relative_to("/")))
    except RefusalError as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main(sys.argv[1:])

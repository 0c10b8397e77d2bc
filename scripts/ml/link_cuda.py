"""Gathers links to NVIDIA's libraries in one folder, /usr/local/lib/cuda, for the loader's path.

    python3 -B link_cuda.py OUT ROOT...

Each ROOT is a tree that will lie at / of the image. torch knows where the CUDA wheels are; the
ONNX Runtime, TensorRT and other programs ask the loader.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
PLACE = Path("usr/local/lib/cuda")
FOLDERS = ("nvidia/*/lib/*.so*", "tensorrt_libs/*.so*")


def find_libraries(roots: list[Path]) -> dict[str, Path]:
    """File name -> its path in the image. Two of one name would be two CUDA stacks: that stops."""
    found: dict[str, Path] = {}
    for root in roots:
        site = root / SITE.relative_to("/")
        for path in sorted(file for pattern in FOLDERS for file in site.glob(pattern)):
            inside = Path("/") / path.relative_to(root)
            if other := found.get(path.name):
                sys.exit(f"{path.name} is there twice, {other} and {inside}: one CUDA stack an image")
            found[path.name] = inside
    return found


def main(out: Path, roots: list[Path]) -> None:
    """Write the links; a tree without libraries gets no folder."""
    libraries = find_libraries(roots)
    for name, inside in libraries.items():
        (out / PLACE).mkdir(parents=True, exist_ok=True)
        (out / PLACE / name).symlink_to(inside)
    print(f"linked {len(libraries)} libraries")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]])

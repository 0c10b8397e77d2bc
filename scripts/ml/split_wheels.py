"""Prunes freshly installed wheels and moves them out, one tree for each layer.

    python3 -B split_wheels.py OUT LOCK...

Takes the distributions that the locks name. What RECORD does not own stays behind, so no stray
bytecode ships; what is pruned leaves RECORD too, so that it keeps telling the truth.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections import defaultdict
from importlib.metadata import Distribution, distributions
from pathlib import Path

from record import hash_file, render_record

SITE = Path(sysconfig.get_path("purelib"))
# A layer is what changes together: a bump of one must not make a device fetch the others.
LAYERS = {
    "inference": "onnx onnxruntime-openvino onnxscript onnx-ir onnxsim openvino ml-dtypes",
    "data": "contourpy decord faiss-cpu fonttools h5py imageio kiwisolver matplotlib "
    "narwhals numpy opencv-python-headless pandas pillow pyarrow pymssql scikit-image "
    "scikit-learn scipy seaborn shapely sympy tifffile",
    "hf": "accelerate hf-xet huggingface-hub regex safetensors sentencepiece tokenizers transformers",
}
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names.split()}
# Nothing at run time reads these. numpy keeps its headers: people compile against it.
BUILD_SUFFIXES = {".a", ".c", ".cc", ".cmake", ".cpp", ".h", ".hpp", ".pxd", ".pyi", ".pyx"}
# skimage loads its modules from its own .pyi files (lazy_loader.attach_stub).
NEEDS_STUBS = "scikit-image"
NEEDS_HEADERS = "numpy"
# Plugins for devices whose drivers this image does not have: 85 MB.
ABSENT_DEVICES = re.compile(r"libopenvino_intel_(gpu|npu)|(^|/)cache\.json$|npu_compiler")
LINKABLE = re.compile(r"\.so(\.[0-9.]+)?$")


def normalize(name: str) -> str:
    """The canonical spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_names(lock: Path) -> set[str]:
    """The distributions that a lock pins."""
    return {normalize(name) for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.M)}


def is_kept(name: str, path: Path) -> bool:
    """Whether a file of the distribution `name` is of use in the image."""
    folders = path.relative_to(SITE).parts[:-1] if path.is_relative_to(SITE) else ()
    if {"tests", "test"} & set(folders) or path.suffix == ".pyc":
        return False
    if name in ("openvino", "onnxruntime-openvino") and ABSENT_DEVICES.search(str(path)):
        return False
    if name == NEEDS_STUBS and path.suffix == ".pyi":
        return True
    return name == NEEDS_HEADERS or path.suffix not in BUILD_SUFFIXES


def link_copies(files: list[Path]) -> None:
    """Turn equal shared objects of one folder into links: wheels cannot hold links."""
    alike = defaultdict(list)
    for path in files:
        if LINKABLE.search(path.name) and not path.is_symlink():
            alike[path.parent, path.stat().st_size].append(path)
    for group in alike.values():
        by_hash = defaultdict(list)
        for path in group if len(group) > 1 else []:
            by_hash[hash_file(path)].append(path)
        for copies in by_hash.values():
            real, *others = sorted(copies, key=lambda path: -len(path.name))
            for other in others:
                other.unlink()
                other.symlink_to(real.name)


def move_out(dist: Distribution, out: Path) -> None:
    """Move one distribution into the tree of its layer and write its RECORD anew."""
    name = normalize(dist.name)
    owned = [Path(os.path.normpath(SITE / file)) for file in dist.files or []]
    files = [path for path in owned if is_kept(name, path) and path.exists()]
    link_copies(files)
    dist_info = next(path.parent for path in files if path.name == "METADATA")
    (dist_info / "RECORD").write_text(render_record(SITE, dist_info, [(path, path) for path in files]))
    for path in files:
        target = out / LAYER_OF.get(name, "rest") / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)


def main(out: Path, locks: list[Path]) -> None:
    """Split what is installed in SITE; a locked name that is absent stops the build."""
    locked = set().union(*map(read_names, locks))
    installed = {normalize(dist.name): dist for dist in distributions(path=[str(SITE)])}
    if missing := sorted(locked - set(installed)):
        sys.exit(f"locked but not installed: {', '.join(missing)}; run `nox -s lock`")
    if unknown := sorted(set(LAYER_OF) - locked):
        sys.exit(f"given a layer but not locked: {', '.join(unknown)}; edit LAYERS in {__file__}")
    for name in sorted(locked):
        move_out(installed[name], out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]])

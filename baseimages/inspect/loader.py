"""Where a needed library is found, looked for as the C library's loader does (ld.so(8)).

The loader goes by its cache, which `ldconfig` makes of the folders of its configuration; here the
folders themselves are looked into.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal

from baseimages.inspect.programs import Program
from baseimages.inspect.tree import File, Folder, Tree

Way = Literal["found", "sibling", "device", "missing"]
CONFIGURATION = "/etc/ld.so.conf"
SITE = re.compile(r"/(?:site|dist)-packages/")
# Name and triplet of ELF's machine by an image's architecture; all are 64-bit.
MACHINES = {"amd64": ("EM_X86_64", "x86_64-linux-gnu"), "arm64": ("EM_AARCH64", "aarch64-linux-gnu")}
# Libraries that no image holds, because only the device or its owner can bring them.
DEVICE_LIBRARIES = (
    ("libcuda.so.1", "the driver's, mounted by NVIDIA's container runtime"),
    ("libnvidia-*.so.*", "the driver's, mounted by NVIDIA's container runtime"),
    ("libnvcuvid.so.1", "the driver's, mounted by NVIDIA's container runtime"),
    ("libnvinfer*.so.*", "TensorRT, installed by a build argument only"),
    ("libnvonnxparser.so.*", "TensorRT, installed by a build argument only"),
)


class Loader:
    """Looks for libraries in the tree of an image for one architecture."""

    def __init__(self, tree: Tree, architecture: str, environment: Mapping[str, str]) -> None:
        self._machine, triplet = MACHINES[architecture]
        self._tree = tree
        folders = [f"{top}/{name}" for top in ("/lib", "/usr/lib") for name in (triplet, "")]
        self._folders = [
            *environment.get("LD_LIBRARY_PATH", "").split(":"),
            *_configured(tree, CONFIGURATION),
            *folders,
        ]
        self._siblings = {
            name
            for path, file in tree.files()
            if SITE.search(path) and file.program and self.fits(file.program)
            for name in (posixpath.basename(path), file.program.soname)
        }
        self._is_in = cache(self._is_in_folder)

    def fits(self, program: Program) -> bool:
        """Whether it is whole and for the image's machine."""
        return not program.damage and (program.machine, program.bits) == (self._machine, 64)

    def holds(self, path: str) -> bool:
        """Whether a program of the image's machine stands there, links followed."""
        file = self._tree.locate(path)
        return isinstance(file, File) and file.program is not None and self.fits(file.program)

    def find(self, name: str, path: str, program: Program) -> Way:
        """How the program at `path` gets the library `name`.

        A wheel may need what another wheel, or its own package, has loaded before it: a name that
        stands anywhere among the Python packages is good for it, and for nothing outside of them.
        """
        if "/" in name:
            return "found" if self.holds(name) and name.startswith("/") else "missing"
        if any(self._is_in(folder, name) for folder in (*_own_folders(path, program), *self._folders)):
            return "found"
        if SITE.search(path) and name in self._siblings:
            return "sibling"
        return "device" if why_of_device(name) else "missing"

    def _is_in_folder(self, folder: str, name: str) -> bool:
        return folder.startswith("/") and self.holds(f"{folder}/{name}")


def why_of_device(name: str) -> str:
    """Why no image holds a library; empty when it has to."""
    return next((why for pattern, why in DEVICE_LIBRARIES if fnmatch.fnmatchcase(name, pattern)), "")


def _own_folders(path: str, program: Program) -> Iterator[str]:
    origin = posixpath.dirname(path)
    for folder in program.search:
        yield folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)


def _configured(tree: Tree, path: str, depth: int = 0) -> Iterator[str]:
    """The folders that a file of the loader's configuration names, those it includes in their place."""
    file = tree.locate(path)
    lines = file.text.splitlines() if isinstance(file, File) else ()
    for line in (line.partition("#")[0].strip() for line in lines):
        word, _, rest = line.partition(" ")
        if word == "include" and depth < 4:
            for included in _glob(tree, posixpath.join(posixpath.dirname(path), rest.strip())):
                yield from _configured(tree, included, depth + 1)
        elif line.startswith("/"):
            yield line


def _glob(tree: Tree, pattern: str) -> list[str]:
    folder, name = posixpath.split(pattern)
    found = tree.locate(folder)
    names = found.children if isinstance(found, Folder) else ()
    return [f"{folder}/{child}" for child in sorted(names) if fnmatch.fnmatchcase(child, name)]

"""Where a needed library is found, looked for as the C library's loader does (ld.so(8)).

Of the folders that its configuration names the loader finds only what `ldconfig` wrote into its
cache; the default folders it looks into itself.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

from baseimages.errors import ScanError
from baseimages.inspect.layout import Layout
from baseimages.inspect.programs import Program
from baseimages.inspect.tree import File, Folder, Tree

Way = Literal["found", "sibling", "absent", "uncached", "missing"]
CONFIGURATION = "/etc/ld.so.conf"
CACHE = "/etc/ld.so.cache"
SITE = re.compile(r"/(?:site|dist)-packages/")
# Name and triplet of ELF's machine by an image's architecture; all are 64-bit.
MACHINES = {"amd64": ("EM_X86_64", "x86_64-linux-gnu"), "arm64": ("EM_AARCH64", "aarch64-linux-gnu")}
DRIVER = "of NVIDIA's driver, which its container runtime brings along with the GPU"
CLUSTER = "of a cluster's network; this file is opened by name, and only where there is one"
# What an image may lack: the file that needs it, the libraries, and why that is right.
ABSENT = (
    ("*", ("libcuda.so.1", "libnvidia-*.so.*"), DRIVER),
    (
        "libonnxruntime_providers_tensorrt.so",
        ("libnvinfer*.so.*", "libnvonnxparser.so.*"),
        "of TensorRT, which comes on request",
    ),
    ("libcufile_rdma.so*", ("libibverbs.so.1", "libmlx5.so.1", "librdmacm.so.1"), CLUSTER),
    ("nvshmem_bootstrap_*.so*", ("libmpi.so.*", "liboshmem.so.*", "libpmix.so.*"), CLUSTER),
    ("nvshmem_transport_*.so*", ("libfabric.so.1", "libmlx5.so.1", "libucp.so.0", "libucs.so.0"), CLUSTER),
)


class Loader:
    """Looks for libraries in the tree of an image for one architecture."""

    def __init__(self, tree: Tree, architecture: str, environment: Mapping[str, str]) -> None:
        self._machine, triplet = MACHINES[architecture]
        self._tree = tree
        defaults = [f"{top}/{name}" for top in ("/lib", "/usr/lib") for name in (triplet, "")]
        self._folders = [*environment.get("LD_LIBRARY_PATH", "").split(":"), *defaults]
        self._configured = tuple(_configured(tree, CONFIGURATION))
        self._cached = _read_cache(tree)
        self._siblings = {
            name
            for path, file in tree.files()
            if SITE.search(path) and file.program and self.fits(file.program)
            for name in (posixpath.basename(path), file.program.soname)
        }
        self._is_in = cache(self._is_in_folder)

    @classmethod
    def of(cls, layout: Layout, tree: Tree) -> Loader:
        """The loader of an image and its merged tree.

        Raises ScanError for an architecture that nothing is known about.
        """
        architecture = str(layout.config.get("architecture"))
        if architecture not in MACHINES:
            raise ScanError(
                f"nothing is known about programs for {architecture[:40]!a}",
                next_step="add its machine to baseimages/inspect/loader.py",
            )
        return cls(tree, architecture, layout.environment)

    def fits(self, program: Program) -> bool:
        """Whether it is whole and for the image's machine."""
        return not program.damage and (program.machine, program.bits) == (self._machine, 64)

    def holds(self, path: str) -> bool:
        """Whether a program of the image's machine stands there, links followed."""
        file = self._tree.locate(path)
        return isinstance(file, File) and file.program is not None and self.fits(file.program)

    def glibc(self) -> tuple[int, ...]:
        """The version of the image's C library, empty where there is none."""
        found = (self._tree.locate(f"{folder}/libc.so.6") for folder in self._folders if folder)
        files = (file.program for file in found if isinstance(file, File) and file.program)
        return next((program.glibc for program in files), ())

    def list_sonames(self) -> tuple[str, ...]:
        """The libraries that any program of the image finds by their SONAME, sorted."""
        found = set(self._list_sonames_in(self._folders))
        configured = set(self._list_sonames_in(self._configured))
        return tuple(sorted(found | (configured & self._cached)))

    def _list_sonames_in(self, folders: Iterable[str]) -> Iterator[str]:
        for place in folders:
            folder = self._tree.locate(place) if place.startswith("/") else None
            for name in folder.children if isinstance(folder, Folder) else ():
                file = self._tree.locate(f"{place}/{name}")
                soname = file.program.soname if isinstance(file, File) and file.program else ""
                if soname and self._is_in(place, soname):
                    yield soname

    def find(self, name: str, path: str, program: Program) -> Way:
        """How the program at `path` gets the library `name`.

        A wheel may need what another wheel, or its own package, has loaded before it: a name that
        stands anywhere among the Python packages is good for it, and for nothing outside of them.
        """
        if "/" in name:  # a place, not a name: relative to the file, or else to wherever it is started
            place = _resolve_origin(name, path)
            return "found" if place.startswith("/") and self.holds(place) else "missing"
        own = [_resolve_origin(folder, self._opened_as(path, program)) for folder in program.search]
        folders = (*own, *self._folders)
        is_configured = any(self._is_in(folder, name) for folder in self._configured)
        if any(self._is_in(folder, name) for folder in folders) or (is_configured and name in self._cached):
            return "found"
        if SITE.search(path) and name in self._siblings:
            return "sibling"
        if is_configured:
            return "uncached"
        return "absent" if why_absent(name, path) else "missing"

    def _opened_as(self, path: str, program: Program) -> str:
        """Where the loader meets a library: a link in its own folders that ends at `path`, or there."""
        file = self._tree.locate(path)
        places = (f"{folder}/{program.soname}" for folder in self._folders if folder and program.soname)
        return next((place for place in places if self._tree.locate(place) is file), path)

    def _is_in_folder(self, folder: str, name: str) -> bool:
        return folder.startswith("/") and self.holds(f"{folder}/{name}")


def why_absent(name: str, path: str) -> str:
    """Why an image may lack a library that the file at `path` needs; empty when it may not."""
    needing = posixpath.basename(path)
    rows = ((what, why) for who, what, why in ABSENT if fnmatchcase(needing, who))
    return next((why for what, why in rows if any(fnmatchcase(name, pattern) for pattern in what)), "")


def _resolve_origin(text: str, path: str) -> str:
    """A place in the words of the file at `path`, which calls its own folder $ORIGIN."""
    folder = posixpath.dirname(path)
    return text.replace("${ORIGIN}", folder).replace("$ORIGIN", folder)


def _read_cache(tree: Tree) -> frozenset[str]:
    """The names in the loader's cache: it is numbers, then paths, each ended by a zero byte."""
    file = tree.locate(CACHE)
    words = file.text.split("\0") if isinstance(file, File) else ()
    return frozenset(posixpath.basename(word) for word in words)


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
    return [f"{folder}/{child}" for child in sorted(names) if fnmatchcase(child, name)]

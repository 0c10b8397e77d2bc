"""What an image promises to whoever builds on it, told from its layout alone: nothing is run.

A program can be called by name when it stands in a folder of the image's PATH, a library be found by
its SONAME when the loader looks there, a Python package be asked for when its metadata is installed.
Whether any of them works is for the suite and for `abilities` to say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from baseimages.inspect.layout import Layout
from baseimages.inspect.loader import Loader
from baseimages.inspect.tree import File, Folder, Tree
from baseimages.records import Record

# What the engine sets where an image names none (moby, oci/defaults.go).
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Metadata of wheels, and the older form that Debian's packages have: a folder or one file.
DISTRIBUTION = re.compile(
    r"/(?:site|dist)-packages/(?P<name>[^/-]+)-(?P<version>[^/-]+)(?:-[^/]*)?"
    r"(?:\.dist-info/METADATA|\.egg-info(?:/PKG-INFO)?)$"
)
# Extension modules of the standard library name the ABI that they are compiled for (PEP 3149).
ABI = re.compile(r"/python3\.\d+/lib-dynload/[^/]+\.(?P<abi>cpython-[^/.]+)\.so$")


class ContractRecord(Record):
    """What is promised, all sorted.

    `command` and `entrypoint` are the image's words; `programs` can be called by name, `sonames` found
    by the loader. `python_abis` are those of the installed Pythons, such as cpython-313-x86_64-linux-gnu,
    `python_packages` the versions of each distribution that is installed, by its normalised name.
    """

    manifest_digest: str
    environment: dict[str, str]
    user: str
    workdir: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    ports: tuple[str, ...]
    volumes: tuple[str, ...]
    labels: dict[str, str]
    programs: tuple[str, ...]
    sonames: tuple[str, ...]
    python_abis: tuple[str, ...]
    python_packages: dict[str, tuple[str, ...]]


def read_contract(layout: Layout, tree: Tree) -> ContractRecord:
    """Read the contract of an image and its merged tree.

    Raises ScanError for an architecture that nothing is known about.
    """
    settings, paths = layout.settings, [path for path, _ in tree.files()]
    return ContractRecord(
        manifest_digest=layout.manifest_digest,
        environment=dict(sorted(layout.environment.items())),
        user=settings.get("User") or "",
        workdir=settings.get("WorkingDir") or "",
        entrypoint=tuple(settings.get("Entrypoint") or ()),
        command=tuple(settings.get("Cmd") or ()),
        ports=tuple(sorted(settings.get("ExposedPorts") or ())),
        volumes=tuple(sorted(settings.get("Volumes") or ())),
        labels=dict(sorted((settings.get("Labels") or {}).items())),
        programs=tuple(sorted(set(_list_programs(tree, layout.environment.get("PATH") or DEFAULT_PATH)))),
        sonames=Loader.of(layout, tree).list_sonames(),
        python_abis=tuple(sorted({found["abi"] for path in paths if (found := ABI.search(path))})),
        python_packages=find_distributions(paths),
    )


def _list_programs(tree: Tree, search: str) -> Iterator[str]:
    for place in search.split(":"):
        folder = tree.locate(place) if place.startswith("/") else None
        for name in folder.children if isinstance(folder, Folder) else ():
            file = tree.locate(f"{place}/{name}")
            if isinstance(file, File) and file.executable:
                yield name


def find_distributions(paths: list[str]) -> dict[str, tuple[str, ...]]:
    """Normalised name -> versions of every Python distribution whose metadata is among the paths."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if match := DISTRIBUTION.search(path):
            found[canonicalize_name(match["name"])].add(match["version"])
    return {name: tuple(sorted(found[name])) for name in sorted(found)}

"""Every package of an image and whose each of its files is, read in one pass over the layers.

A file belongs to the Debian package that claims it, else to the Python distribution that does
(claims.py), else to a part that the Dockerfile installs by itself (owners.py), else to its folder.
So every byte that a container sees has one owner, and the owners add up.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.console import Console

from baseimages.declare import Platform
from baseimages.errors import VerificationError
from baseimages.inspect.claims import Claimant, find_claimant, is_list, read_claims
from baseimages.inspect.layout import Layout
from baseimages.inspect.owners import owner_of
from baseimages.inspect.packages import (
    NEXT_STEP,
    Package,
    find_imports,
    list_needs,
    parse_auto,
    parse_distribution,
    parse_status,
)
from baseimages.inspect.tar import Member, TarReader
from baseimages.inspect.tree import File, Folder, Tree, read_tree

DPKG = "/var/lib/dpkg"
AUTO = "/var/lib/apt/extended_states"
# Beside the lists of files (claims.py): which packages there are, and what they say about themselves.
DATABASES = re.compile(r"/var/lib/(?:dpkg/(?:status|status\.d/[^/]+)|apt/extended_states)", re.S)
INFO = re.compile(r".*/(?:site|dist)-packages/[^/]+\.dist-info/METADATA", re.S)
SITE = re.compile(r".*/(?:python(?P<python>3\.\d+)|python3)/(?:site|dist)-packages/", re.S)
MODULE = re.compile(r"(?!__pycache__/)([A-Za-z_]\w*)(?:\.py|\.[\w-]*\.?so|/.*)", re.S)
KINDS = {"dpkg": "deb", "python": "python"}
LARGEST_DATABASE_BYTES = 1 << 26
# Below these a folder of its own tells more than their first two names.
DEEP = ("/usr", "/var")


@dataclass(frozen=True, kw_only=True)
class OwnedFile:
    """A content of the image, its names (several where there are hard links) and its owner's id;
    `shared_by` are the other packages that list it too, or have a symbolic link to it."""

    names: tuple[str, ...]
    size_bytes: int
    owner: str
    shared_by: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All packages by id, and all files; `commands` has the owner of each command on PATH."""

    manifest_digest: str
    packages: Mapping[str, Package]
    files: tuple[OwnedFile, ...]
    commands: Mapping[str, str]
    entry: frozenset[str]

    @property
    def size_bytes(self) -> int:
        """What a container of the image sees, each content counted once."""
        return sum(file.size_bytes for file in self.files)

    @property
    def paths(self) -> frozenset[str]:
        """Every path of a file."""
        return frozenset(name for file in self.files for name in file.names)

    def modules(self) -> dict[str, set[str]]:
        """Owners of each name that can be imported; several share the name of a namespace."""
        found: dict[str, set[str]] = {}
        for file in self.files:
            site = SITE.match(file.names[0]) if file.owner.startswith("python:") else None
            name = MODULE.fullmatch(file.names[0][site.end() :]) if site else None
            if name:
                found.setdefault(name[1], set()).add(file.owner)
        return found


def take_inventory(layout: Layout, requested: Iterable[Requirement], console: Console) -> Inventory:
    """Read every layer once; `requested` are the Python requirements that the recipe names.

    Raises VerificationError for a layer or a package database that cannot be read, UsageError for an
    architecture that no image of the family has.
    """
    machine = Platform.of_machine(str(layout.config.get("architecture"))).machine
    tree = read_tree(layout, console, keep_databases, what="packages")
    packages = _read_packages(tree, machine, tuple(requested))
    files = dict(_own_files(tree, _read_claims(tree), packages))
    others = {file.owner: Package(id=file.owner) for file in files.values()}
    config = layout.config.get("config") or {}
    entry = (_find(tree, word, files) for word in config.get("Entrypoint") or ())
    return Inventory(
        manifest_digest=layout.manifest_digest,
        packages=others | packages,
        files=tuple(files.values()),
        commands=dict(_list_commands(tree, config.get("Env") or (), files)),
        entry=frozenset(name for file in entry if file for name in file.names),
    )


def keep_databases(member: Member, tar: TarReader, file: File) -> File:
    """Keep the texts of package databases, and the names that Python files import."""
    path = f"/{member.path}"
    if is_list(member.path) or DATABASES.fullmatch(path) or INFO.fullmatch(path):
        if member.size_bytes > LARGEST_DATABASE_BYTES:
            raise VerificationError(f"{member.path[:200]!a} is too large to be read", next_step=NEXT_STEP)
        return replace(file, text=tar.read().decode("utf-8", "surrogateescape"))
    if member.path.endswith(".py") and SITE.match(path):
        return replace(file, imports=frozenset(map(sys.intern, find_imports(tar.read()))))
    return file


Content: TypeAlias = tuple[int, str]


@dataclass
class _Owned:
    """What grows while packages are read: who claims a path, and who has a part in a content."""

    tree: Tree
    claimants: dict[str, Claimant] = field(default_factory=dict)
    sharers: dict[Content, set[str]] = field(default_factory=dict)

    def add(self, path: str, text: str) -> None:
        """Enter the claims of one list of files; the first package to claim a path has it."""
        for claim in read_claims(path, text.encode("utf-8", "surrogateescape")):
            self.claimants.setdefault(claim.path, (claim.kind, claim.name))
            found = self.tree.locate(f"/{claim.path}")
            if isinstance(found, File):
                self.sharers.setdefault(found.content, set()).add(f"{KINDS[claim.kind]}:{claim.name}")

    def find_owner(self, names: list[str], packages: Collection[str]) -> str:
        """Whose a file of these names is."""
        for name in names:
            claimant = find_claimant(name[1:], self.claimants)
            owner = f"{KINDS[claimant[0]]}:{claimant[1]}" if claimant else ""
            if owner in packages:
                return owner
        part = owner_of(names[0][1:], "", is_base=False)
        return f"folder:{_folder(names[0])}" if part == "system packages" else f"part:{part}"


def _read_packages(tree: Tree, machine: str, requested: tuple[Requirement, ...]) -> dict[str, Package]:
    """Packages by id."""
    packages = {package.id: package for package in _read_debs(tree)}
    found = list(_read_distributions(tree, machine))
    extras = _list_extras((*requested, *(need for _, needs, _ in found for need in needs)))
    asked = {f"python:{canonicalize_name(requirement.name)}" for requirement in requested}
    for package, needs, info in found:
        listed = list_needs(needs, extras.get(package.id, ()), machine, _python_of(info))
        packages[package.id] = replace(package, needs=listed, asked_for=package.id in asked)
    return packages


def _read_claims(tree: Tree) -> _Owned:
    """The claims of all lists of files, dpkg's before Python's."""
    owned = _Owned(tree)
    lists = [(path[1:], file.text) for path, file in tree.files() if file.text and is_list(path[1:])]
    for path, text in sorted(lists, key=lambda item: item[0].endswith("/RECORD")):
        owned.add(path, text)
    return owned


def _list_extras(requirements: Iterable[Requirement]) -> dict[str, set[str]]:
    """Extras of each distribution that somebody asks for."""
    extras: dict[str, set[str]] = {}
    for requirement in requirements:
        name = f"python:{canonicalize_name(requirement.name)}"
        extras.setdefault(name, set()).update(requirement.extras)
    return extras


def _read_debs(tree: Tree) -> Iterator[Package]:
    auto = parse_auto(_text(tree, AUTO))
    yield from parse_status(_text(tree, f"{DPKG}/status"), auto)
    for name in _names(tree, f"{DPKG}/status.d"):
        if not name.endswith(".md5sums"):
            # Only files of these were lifted into the image: no recipe names them.
            yield from parse_status(_text(tree, f"{DPKG}/status.d/{name}"), auto={name})


def _read_distributions(tree: Tree, machine: str) -> Iterator[tuple[Package, tuple[Requirement, ...], str]]:
    for path, file in tree.files():
        if INFO.fullmatch(path):
            info = posixpath.dirname(path)
            package, needs = parse_distribution(file.text, machine, _python_of(info))
            yield package, needs, info


def _python_of(info: str) -> str:
    found = SITE.match(info)
    return (found and found["python"]) or "3.13"


def _own_files(tree: Tree, owned: _Owned, packages: Collection[str]) -> Iterator[tuple[Content, OwnedFile]]:
    """Each content once, with all its names, that of the member which brought it first."""
    names: dict[Content, list[str]] = {}
    contents: dict[Content, File] = {}
    for path, file in tree.files():
        if file.content[1]:
            names.setdefault(file.content, []).append(path)
            contents[file.content] = file
    for content, file in contents.items():
        listed = sorted(names[content], key=lambda name: name != f"/{content[1]}")
        owner = owned.find_owner(listed, packages)
        sharers = owned.sharers.get(content, set()) & set(packages) - {owner}
        yield (
            content,
            OwnedFile(
                names=tuple(listed),
                size_bytes=file.size_bytes,
                owner=owner,
                shared_by=frozenset(sharers),
                imports=file.imports,
            ),
        )


def _folder(path: str) -> str:
    words = posixpath.dirname(path).split("/")
    depth = 4 if f"/{words[1] if len(words) > 1 else ''}" in DEEP else 2
    return "/".join(words[:depth]) or "/"


def _list_commands(
    tree: Tree, environment: Iterable[str], files: Mapping[Content, OwnedFile]
) -> Iterator[tuple[str, str]]:
    """Commands on PATH and their owners; of two of one name the first on PATH comes last."""
    path = dict(word.partition("=")[::2] for word in environment).get("PATH", "")
    for folder in reversed(path.split(":")):
        for name in _names(tree, folder):
            file = _find(tree, f"{folder}/{name}", files)
            if file:
                yield name, file.owner


def _find(tree: Tree, path: str, files: Mapping[Content, OwnedFile]) -> OwnedFile | None:
    """The file that stands at a path, links followed."""
    found = tree.locate(path) if path.startswith("/") else None
    return files.get(found.content) if isinstance(found, File) else None


def _names(tree: Tree, folder: str) -> list[str]:
    found = tree.locate(folder)
    return sorted(found.children) if isinstance(found, Folder) else []


def _text(tree: Tree, path: str) -> str:
    found = tree.locate(path)
    return found.text if isinstance(found, File) else ""

"""The packages of an image as their own databases tell them: dpkg's, and the dist-info of Python's.

Texts go in, packages come out. Where the databases lie is the inventory's concern, whose the files are
that of the claims.
"""

from __future__ import annotations

import email
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from email.message import Message

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from baseimages.errors import VerificationError

NEXT_STEP = "build again; if it stays, look at what the image's last steps do with its package database"
# Sections of the archive whose packages are for who compiles.
BUILD_SECTIONS = frozenset({"devel", "libdevel"})
# `name:arch (>= 1) <profile>`: the name alone counts, an installed package satisfies its version.
DEB_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")
IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)[\w.]*[ \t]+import\b|import[ \t]+([A-Za-z_][\w., \t]*))", re.M
)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package by its id: `deb:git`, `python:numpy`, `part:node`, `folder:/etc`.

    `needs` are its dependencies, each a choice of ids. `provides` are ids that it stands for.
    `essential` is dpkg's word: it refuses to remove it. `asked_for` is whether a person or a recipe
    named it; what came along with others was not.
    """

    id: str
    version: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    provides: tuple[str, ...] = ()
    essential: bool = False
    asked_for: bool = True
    for_building: bool = False


def parse_status(text: str, auto: Container[str]) -> Iterator[Package]:
    """Installed packages of dpkg's status file (deb-control(5)); `auto` are those that came along.

    Raises VerificationError for a paragraph that names no package.
    """
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", text.strip("\n")):
        if not paragraph.strip():
            continue
        fields = email.message_from_string(paragraph)
        name = str(fields.get("Package", "")).strip()
        if not DEB_NAME.fullmatch(name):
            raise VerificationError(
                f"dpkg's database names a package {name[:60]!a}, which is no name", next_step=NEXT_STEP
            )
        if str(fields.get("Status", "")).endswith(" installed"):
            yield _make_deb(name, fields, auto)


def _make_deb(name: str, fields: Message, auto: Container[str]) -> Package:
    relations = ",".join(str(fields.get(field, "")) for field in ("Pre-Depends", "Depends"))
    return Package(
        id=f"deb:{name}",
        version=str(fields.get("Version", "")),
        needs=_parse_relations(relations),
        provides=tuple(
            choice for group in _parse_relations(str(fields.get("Provides", ""))) for choice in group
        ),
        essential=str(fields.get("Essential", "no")) == "yes",
        asked_for=name not in auto,
        for_building=str(fields.get("Section", "")).rpartition("/")[2] in BUILD_SECTIONS,
    )


def _parse_relations(text: str) -> tuple[tuple[str, ...], ...]:
    groups = (
        tuple(f"deb:{found[0]}" for choice in group.split("|") if (found := DEB_NAME.match(choice.strip())))
        for group in text.split(",")
    )
    return tuple(group for group in groups if group)


def parse_auto(text: str) -> frozenset[str]:
    """Names that apt's extended_states says came along."""
    found = re.findall(r"^Package: (\S+)\n(?:\S.*\n)*?Auto-Installed: 1$", text, re.M)
    return frozenset(found)


def parse_distribution(text: str, machine: str, python: str) -> tuple[Package, tuple[Requirement, ...]]:
    """A distribution's METADATA, and those of its requirements that count on that machine and Python.

    A requirement of an extra is among them, its marker kept. Raises VerificationError without a name.
    """
    fields, _ = parse_email(text)
    name = fields.get("name", "")
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise VerificationError(f"a dist-info names no distribution but {name[:60]!a}", next_step=NEXT_STEP)
    wanted = (_parse_requirement(word) for word in fields.get("requires_dist", []))
    extras = ("", *fields.get("provides_extra", []))
    kept = tuple(r for r in wanted if r and any(_holds(r, extra, machine, python) for extra in extras))
    package = Package(
        id=f"python:{canonicalize_name(name)}", version=fields.get("version", ""), asked_for=False
    )
    return package, kept


def list_needs(
    requirements: Iterable[Requirement], extras: Iterable[str], machine: str, python: str
) -> tuple[tuple[str, ...], ...]:
    """Ids that are needed with those extras asked for."""
    asked = ("", *extras)
    needed = (r for r in requirements if any(_holds(r, extra, machine, python) for extra in asked))
    return tuple(sorted({(f"python:{canonicalize_name(r.name)}",) for r in needed}))


def _parse_requirement(word: str) -> Requirement | None:
    try:
        return Requirement(word)
    except InvalidRequirement:  # of an old tool: it cannot be installed by it either
        return None


def _holds(requirement: Requirement, extra: str, machine: str, python: str) -> bool:
    if requirement.marker is None:
        return True
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "extra": extra,
    }
    return requirement.marker.evaluate(environment)


def find_imports(source: bytes) -> frozenset[str]:
    """First names of what a Python file imports, wherever in it: also where it only tries to.

    Found line by line, so a line of a text that reads like an import is one.
    """
    names: set[str] = set()
    for origin, words in IMPORT.findall(source):
        listed = [origin] if origin else words.split(b",")
        names.update(word.split()[0].partition(b".")[0].decode() for word in listed if word.split())
    return frozenset(names)

"""`necessity.toml` as a typed model: what a person judged about the heavy inclusions of the images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from baseimages.declare.family import Family
from baseimages.declare.names import ArgName, Name, Sentence, suggest_name
from baseimages.declare.tables import Declared, load_tables
from baseimages.errors import DeclarationError

FILE_NAME = "necessity.toml"
PackageId = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:(?:deb|python):[a-z0-9][a-z0-9+._-]*|part:[a-z ]+|folder:/[A-Za-z0-9/._+-]*)$",
        max_length=200,
    ),
]


class Inclusion(Declared):
    """Packages that are in the images for one reason."""

    name: Sentence
    """What people call it."""
    packages: tuple[PackageId, ...] = Field(min_length=1)
    """Ids: `deb:git`, `python:numpy`, `part:node` (baseimages/inspect/owners.py), `folder:/var/lib/dpkg`."""
    need: Literal["runtime", "build-only", "optional"]
    """What they are for: every container, only who compiles, or only who asks for it."""
    reason: Sentence
    """Why they are in the image, and what is lost without them."""
    images: tuple[Name, ...] = ()
    """Only these variants have them; without it all."""
    bases: tuple[Name, ...] = ()
    """Only these base families."""
    targets: tuple[Name, ...] = ()
    """Only these targets."""
    switch: ArgName | None = None
    """Build argument that is `0` where they are left out."""


class Necessity(Declared):
    """The whole file."""

    inclusions: tuple[Inclusion, ...] = Field(min_length=1)

    def choose(
        self, *, image: str, base: str, target: str, build_args: dict[str, str]
    ) -> tuple[Inclusion, ...]:
        """The rows that are about one built image."""
        return tuple(
            row
            for row in self.inclusions
            if (not row.images or image in row.images)
            and (not row.bases or base in row.bases)
            and (not row.targets or target in row.targets)
            and (row.switch is None or build_args.get(row.switch) != "0")
        )


def load_necessity(path: Path, family: Family) -> Necessity:
    """Read necessity.toml. Raises DeclarationError that names what is unknown and the nearest word."""
    necessity = load_tables(path, Necessity, described_in="baseimages/declare/necessity.py")
    targets = {target for image in family.images.values() for target in image.every_target}
    for row in necessity.inclusions:
        for key, known in (("images", family.images), ("bases", family.bases), ("targets", targets)):
            for word in getattr(row, key):
                if word not in known:
                    raise DeclarationError(
                        f"{path}: {row.name}: {key} has no {word}", next_step=suggest_name(word, known)
                    )
    return necessity

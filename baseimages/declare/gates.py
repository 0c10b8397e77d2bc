"""What a comparison holds an image to: budgets, and the losses that have a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from baseimages.declare.names import Name, Sentence
from baseimages.declare.tables import Declared

# What of an image's contract and abilities can be lost. What an image has one of, such as its user, has
# the aspect for a name.
Aspect = Literal[
    "program",
    "soname",
    "python package",
    "python abi",
    "glibc",
    "environment",
    "label",
    "user",
    "workdir",
    "entrypoint",
    "command",
    "port",
    "volume",
    "codec",
    "encoder",
    "decoder",
    "protocol",
    "filter",
    "import",
]
# A name, or a pattern with * and ?, of something in an image: printable, on one line.
Pattern = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]
OwnerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9 ._-]*$", max_length=60)]


class Loss(Declared):
    """What an image may lack that its baseline has."""

    images: tuple[Name, ...] = ()
    """Variants that may lack it; none named are all."""
    targets: tuple[Name, ...] = ()
    """Targets that may lack it; none named are all."""
    aspect: Aspect
    """What kind of thing is lost."""
    names: tuple[Pattern, ...] = Field(min_length=1)
    """Its names; * stands for any characters, ? for one."""
    why: Sentence
    """The reason, in one sentence, and what is there instead."""

    def covers(self, variant: str, target: str, aspect: str, name: str) -> bool:
        """Whether that target of that image may lack that."""
        is_meant = (not self.images or variant in self.images) and (
            not self.targets or target in self.targets
        )
        return (
            is_meant and aspect == self.aspect and any(fnmatchcase(name, pattern) for pattern in self.names)
        )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that a target may weigh: compressed in all, as files by owner; None is no limit."""

    total_bytes: int | None = None
    owners: Mapping[str, int]

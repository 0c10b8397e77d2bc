"""What the images promise by name, and what their recipes ask Python's index for by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ConfigDict, ValidationError

from baseimages.errors import DeclarationError

PROMISES = "image_testing/promises.toml"


class _Table(BaseModel):
    """The file has more for the suites, which read it by themselves."""

    model_config = ConfigDict(extra="ignore")
    commands: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


class Promises(BaseModel):
    """Commands of every image, and modules of the target full."""

    model_config = ConfigDict(extra="ignore")
    core: _Table
    full: _Table


def load_promises(root: Path) -> Promises:
    """Read the promises of the suites. Raises DeclarationError."""
    path = root / PROMISES
    try:
        return Promises.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise DeclarationError(f"{path} cannot be read: {error}", next_step="mend that file") from error


def load_requests(folder: Path) -> tuple[Requirement, ...]:
    """The requirements that the `.in` files of an image's folder name. Raises DeclarationError."""
    found = []
    for path in sorted(folder.glob("requirements*.in")):
        for line in path.read_text(encoding="utf-8").splitlines():
            word = line.partition("#")[0].strip()
            try:
                found += [Requirement(word)] if word and not word.startswith("-") else []
            except InvalidRequirement as error:
                raise DeclarationError(f"{path}: {error}", next_step="mend that line") from error
    return tuple(found)

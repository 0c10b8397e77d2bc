"""The family: images.toml as typed records, with errors that suggest the nearest name."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from baseimages.errors import DeclarationError, UsageError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ImageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+){0,8}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Reference = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/-]{0,200}:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
]
RelativePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]


class Declared(BaseModel):
    """Base of the models: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bootstrap(Declared):
    """How `mmdebstrap` makes the base from the archive."""

    suite: Name = Field(description="release of the archive, e.g. trixie")
    variant: Name = Field(description="mmdebstrap's set of packages, e.g. minbase")
    include: tuple[Name, ...] = Field(default=(), description="packages beyond the variant")


class BaseFamily(Declared):
    """An operating system that images can stand on."""

    reference: Reference = Field(description="repository and tag")
    digest: Digest = Field(description="digest of that tag's index")
    bootstrap: Bootstrap | None = Field(default=None, description="when no registry answers")


class Image(Declared):
    """One image of the family."""

    name: ImageName = Field(description="folder of the Dockerfile and repository of the image")
    platform: Annotated[str, StringConstraints(pattern=r"^linux/(amd64|arm64)$")]
    accelerator: Annotated[str, StringConstraints(pattern=r"^(cpu|cuda|tegra)$")]
    targets: tuple[Name, ...] = Field(min_length=1, description="stages that ship")
    default_target: Name
    bases: tuple[Name, ...] = Field(min_length=1, description="base families, preferred first")
    suite: RelativePath = Field(description="script that tests the built image")

    @property
    def dockerfile(self) -> str:
        """Path of the Dockerfile, relative to the root."""
        return f"{self.name}/Dockerfile"

    def target(self, word: str | None) -> str:
        """The target called `word`, or the default. Raises UsageError with the nearest name."""
        if word is None:
            return self.default_target
        if word not in self.targets:
            raise _unknown("target", word, self.targets)
        return word

    @model_validator(mode="after")
    def _default_is_a_target(self) -> Image:
        if self.default_target not in self.targets:
            raise ValueError(f"default_target {self.default_target!r} is not in targets")
        return self


class Family(Declared):
    """All base families and images, by the names that people type."""

    bases: dict[Name, BaseFamily]
    images: dict[Name, Image]

    def image(self, variant: str) -> Image:
        """The image called `variant`. Raises UsageError with the nearest name."""
        if variant not in self.images:
            raise _unknown("variant", variant, self.images)
        return self.images[variant]

    def base(self, name: str) -> BaseFamily:
        """The base family called `name`. Raises UsageError with the nearest name."""
        if name not in self.bases:
            raise _unknown("base", name, self.bases)
        return self.bases[name]

    @model_validator(mode="after")
    def _bases_are_declared(self) -> Family:
        for variant, image in self.images.items():
            for name in image.bases:
                if name not in self.bases:
                    raise ValueError(f"images.{variant}.bases names {name!r}{nearest(name, self.bases)}")
        return self


def load_family(path: Path) -> Family:
    """Read images.toml. Raises DeclarationError naming the key and the nearest known one."""
    try:
        return Family.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(f"{path}: {error}", next_step="mend the file") from error
    except ValidationError as error:
        text = "; ".join(_explain(dict(item)) for item in error.errors())
        raise DeclarationError(
            f"{path}: {text}", next_step="mend the key; images.schema.json lists what is known"
        ) from error


def render_schema() -> str:
    """The JSON schema of images.toml, for editors."""
    schema = Family.model_json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema, indent=2) + "\n"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(names)}"


def _unknown(kind: str, word: str, known: Iterable[str]) -> UsageError:
    shown = ascii(word if len(word) <= 60 else word[:60] + "…")
    names = ", ".join(sorted(known))
    return UsageError(
        f"unknown {kind} {shown}{nearest(word[:60], known)}", next_step=f"use one of: {names}"
    )


def _explain(item: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{place}: {item['msg']}"
    known = _keys_at(item["loc"])
    return f"{place}: unknown key{nearest(str(item['loc'][-1]), known)}"


def _keys_at(place: tuple[Any, ...]) -> set[str]:
    models: dict[str, type[Declared]] = {"bases": BaseFamily, "images": Image}
    if len(place) == 1:
        return set(Family.model_fields)
    model = Bootstrap if "bootstrap" in place[:-1] else models[place[0]]
    return set(model.model_fields)



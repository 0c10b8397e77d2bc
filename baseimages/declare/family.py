"""`images.toml` as a typed model: base families and images, and the JSON schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self, TypeVar

from packaging.version import Version
from pydantic import Field, model_validator

from baseimages.declare.gates import Loss
from baseimages.declare.image import Image
from baseimages.declare.names import (
    ArgName,
    ArgValue,
    Digest,
    GlibcVersion,
    Name,
    PathGlob,
    Reference,
    Sentence,
    suggest_name,
    unknown_word,
)
from baseimages.declare.tables import Declared, load_tables
from baseimages.errors import UsageError

# What a person types for every image, where a verb can tell of all.
ALL_VARIANTS = "all"
# What a person types for the first base that can be had.
AUTO = "auto"
ValueT = TypeVar("ValueT")


class Bootstrap(Declared):
    """How mmdebstrap makes the base from the archive where no registry can be reached."""

    suite: Name
    """Suite of the archive, such as trixie."""
    variant: Name = "minbase"
    """mmdebstrap's variant: which packages beyond the essential ones."""
    include: tuple[Name, ...] = ()
    """Packages to add."""
    exclude: tuple[PathGlob, ...] = ()
    """Paths that no package unpacks, now or later: what the distribution's own image leaves out."""
    keep: tuple[PathGlob, ...] = ()
    """Paths that are unpacked all the same."""


class BaseFamily(Declared):
    """A distribution that images are built on; Dockerfiles know it by its key."""

    reference: Reference
    """Repository and tag; what a person calls the base."""
    digest: Digest
    """Digest of the image index behind that tag; what is really used."""
    glibc: GlibcVersion
    """Version of its C library, which decides what wheels it can load."""
    python: Name | None = None
    """Python that the base brings with what is compiled for it; images on it have no other."""
    not_built: Sentence | None = None
    """Why nothing is built on it yet: it is declared and resolved, and a build is refused."""
    bootstrap: Bootstrap | None = None
    """Way without a registry; without it the base has to be pulled."""
    build_args: dict[ArgName, ArgValue] = Field(default_factory=dict)
    """Build arguments that every image on this base gets."""


class Family(Declared):
    """Everything that images.toml declares."""

    bases: dict[Name, BaseFamily] = Field(min_length=1)
    """Base families by name."""
    images: dict[Name, Image] = Field(min_length=1)
    """Images by variant, the user's word: cpu, gpu, ..."""
    losses: tuple[Loss, ...] = ()
    """What images may lack that the baseline of a comparison has."""
    baselines: dict[Name, Image] = Field(default_factory=dict)
    """What an image is compared with, by that image's variant: built and measured, never released."""

    @property
    def variants(self) -> dict[str, Image]:
        """Everything that can be built, by the user's word: the images, and `baseline-<variant>`."""
        return self.images | {baseline_of(variant): image for variant, image in self.baselines.items()}

    def image_named(self, name: str) -> Image:
        """The image of that repository name. Raises UsageError with the nearest name."""
        return _look_up("image", name, {image.name: image for image in self.images.values()})

    def image(self, variant: str) -> Image:
        """The image or baseline of that variant. Raises UsageError with the nearest name."""
        return _look_up("variant", variant, self.variants)

    def base(self, name: str) -> BaseFamily:
        """The base family of that name. Raises UsageError with the nearest name."""
        return _look_up("base family", name, self.bases)

    def built_bases(self, image: Image, requested: str) -> tuple[str, ...]:
        """The requested base, or with `auto` those of the image that are built on, preferred first.

        Raises UsageError for a base that the image has not, or that nothing is built on yet.
        """
        if requested == AUTO:
            return tuple(name for name in image.bases if self.base(name).not_built is None)
        why = self.base(image.base(requested)).not_built
        if why:
            built = ", ".join(self.built_bases(image, AUTO))
            raise UsageError(f"nothing is built on {requested}: {why}", next_step=f"build on {built}")
        return (requested,)

    def pythons(self, image: Image, base: str) -> tuple[str, ...]:
        """Values of PYTHON_VERSION on that base, the default first."""
        own = self.base(base).python
        return (own,) if own else image.pythons

    @property
    def indexes(self) -> dict[str, tuple[str, ...]]:
        """Variants by the friendly name of their image index, in the order of the file."""
        found: dict[str, tuple[str, ...]] = {}
        for variant, image in self.images.items():
            if image.index:
                found[image.index] = (*found.get(image.index, ()), variant)
        return found

    def first_of_index(self, image: Image) -> Image:
        """The image that this one follows: itself where it is the first of its index, or in none."""
        variants = self.indexes.get(image.index or "", ())
        return self.images[variants[0]] if variants else image

    def followed(self, image: Image) -> Image:
        """The image whose versions this one keeps in its locks: itself where it follows none."""
        return self.images[image.follows] if image.follows else self.first_of_index(image)

    def oldest_glibc(self, image: Image) -> str:
        """The oldest C library among the bases of an image: what its shared locks must run on."""
        return min((self.base(name).glibc for name in image.bases), key=Version)

    @property
    def _tables(self) -> dict[str, Image]:
        """Images and baselines by the key of their table in images.toml."""
        kinds = {"images": self.images, "baselines": self.baselines}
        return {f"{kind}.{name}": image for kind, images in kinds.items() for name, image in images.items()}

    @model_validator(mode="after")
    def _check_bases_and_names(self) -> Self:
        for table, image in self._tables.items():
            builders = image.without_base.builders if image.without_base else ()
            for key, names in (("bases", image.bases), ("without_base.builders", builders)):
                for name in names:
                    if name not in self.bases:
                        hint = suggest_name(name, self.bases)
                        raise ValueError(f"{table}.{key} names no base family; {hint}")
            if not self.built_bases(image, AUTO):
                raise ValueError(f"{table} is built on none of its bases")
            if image.follows and image.follows not in self.images:
                hint = suggest_name(image.follows, self.images)
                raise ValueError(f"{table}.follows names no variant; {hint}")
        if ALL_VARIANTS in self.images:
            raise ValueError(f"images.{ALL_VARIANTS} is the word for every image")
        if len({image.name for image in self._tables.values()}) < len(self._tables):
            raise ValueError("two images have the same name")
        return self

    @model_validator(mode="after")
    def _check_losses(self) -> Self:
        targets = {target for image in self.images.values() for target in image.every_target}
        for loss in self.losses:
            for kind, names, known in (
                ("image", loss.images, self.images),
                ("target", loss.targets, targets),
            ):
                for name in (name for name in names if name not in known):
                    raise ValueError(f"losses.{kind}s names no {kind}; {suggest_name(name, known)}")
        return self

    @model_validator(mode="after")
    def _check_baselines(self) -> Self:
        for variant, baseline in self.baselines.items():
            image = self.images.get(variant)
            if image is None:
                hint = suggest_name(variant, self.images)
                raise ValueError(f"baselines.{variant} is the baseline of no variant; {hint}")
            if (baseline.platform, baseline.targets) != (image.platform, image.targets):
                raise ValueError(f"baselines.{variant} has not the platform and targets of its image")
        return self

    @model_validator(mode="after")
    def _check_indexes(self) -> Self:
        for name, variants in self.indexes.items():
            images = [self.images[variant] for variant in variants]
            if name in {image.name for image in self.images.values()}:
                raise ValueError(f"the index {name} has the name of an image")
            if len({image.platform for image in images}) < len(images):
                raise ValueError(f"two images of the index {name} are for one platform")
            if len({(image.targets, image.default_target) for image in images}) > 1:
                raise ValueError(f"the images of the index {name} have not the same targets")
        return self


def baseline_of(variant: str) -> str:
    """What a person types for the baseline of an image."""
    return f"baseline-{variant}"


def load_family(path: Path) -> Family:
    """Read images.toml. Raises DeclarationError that names file, key and the nearest known key."""
    return load_tables(path, Family, described_in="images.schema.json")


def render_schema() -> str:
    """JSON schema of images.toml (draft 2020-12), for editors to complete and check."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Family.model_json_schema(),
    }
    # Editors read this key from the file itself; TOML carries it as a comment.
    schema["title"] = "images.toml"
    return json.dumps(schema, indent=2) + "\n"


def _look_up(kind: str, word: str, known: dict[str, ValueT]) -> ValueT:
    if word not in known:
        raise unknown_word(kind, word, known)
    return known[word]

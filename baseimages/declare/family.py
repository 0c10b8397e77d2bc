"""`images.toml` as a typed model: base families and images, and the JSON schema for editors."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

from packaging.version import Version
from pydantic import Field, PositiveInt, model_validator

from baseimages.declare.gates import Budget, Loss, OwnerName
from baseimages.declare.names import (
    ArgName,
    ArgValue,
    ComputeCapability,
    Digest,
    GlibcVersion,
    Name,
    Reference,
    RelativePath,
    ReleaseTag,
    Repository,
    Sentence,
    TagTemplate,
    VersionNumber,
    suggest_name,
    unknown_word,
)
from baseimages.declare.scenarios import EditScenario
from baseimages.declare.tables import Declared, load_tables
from baseimages.errors import UsageError

# What a person types for every image, where a verb can tell of all.
ALL_VARIANTS = "all"
# What a person types for the first base that can be had.
AUTO = "auto"
ValueT = TypeVar("ValueT")


class Platform(StrEnum):
    """Operating system and architecture in OCI's spelling."""

    AMD64 = "linux/amd64"
    ARM64 = "linux/arm64"

    @property
    def machine(self) -> str:
        """The architecture as wheels and `uname -m` spell it."""
        return {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[self.value]

    @property
    def architecture(self) -> str:
        """The architecture as OCI and Debian spell it."""
        return self.value.partition("/")[2]

    @classmethod
    def of_machine(cls, machine: str) -> Platform:
        """The platform of a machine, in any of its spellings. Raises UsageError for another."""
        names = {name: member for member in cls for name in (member.machine, member.architecture)}
        if machine.lower() not in names:
            raise unknown_word("machine", machine, names)
        return names[machine.lower()]


class Accelerator(StrEnum):
    """What an image computes on; OCI's "variant" means another thing (v8, v3)."""

    CPU = "cpu"
    CUDA = "cuda"
    TEGRA = "tegra"


class TorchIndex(StrEnum):
    """Which index has the CPU builds of torch for a platform."""

    PYTORCH = "pytorch"
    """PyTorch's own: the package index has CUDA builds for x86_64."""
    PACKAGES = "packages"
    """The package index itself: its wheels for aarch64 are CPU builds up to torch 2.10.0."""


class TorchSource(StrEnum):
    """Where an image with a choice takes torch from: values of its build argument TORCH."""

    INDEX = "index"
    """`requirements-torch.txt`, the default."""
    ARCHIVE = "archive"
    """The archive of the base's distribution."""


class Bootstrap(Declared):
    """How mmdebstrap makes the base from the archive where no registry can be reached."""

    suite: Name
    """Suite of the archive, such as trixie."""
    variant: Name = "minbase"
    """mmdebstrap's variant: which packages beyond the essential ones."""
    include: tuple[Name, ...] = ()
    """Packages to add."""


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


class CudaLine(Declared):
    """A CUDA version that an image can be built for; its locks are `requirements-cuda-<line>`."""

    driver_min: VersionNumber
    """Oldest Linux driver that NVIDIA lists for this CUDA."""
    compute_capabilities: tuple[ComputeCapability, ...] = Field(min_length=1)
    """Generations of GPUs that its torch has kernels for, such as 8.6."""


class WithoutBase(Declared):
    """How far an image is built without its base: everything that only the builder has to run."""

    target: Name
    """Target of its Dockerfile that stands on no base and does not ship."""
    builders: tuple[Name, ...] = Field(min_length=1)
    """Base families that its build stages run on (BUILD_IMAGE), preferred first."""


class Image(Declared):
    """An image of the family; the user's word for it, the variant, is its key."""

    name: Name
    """Its repository name, and the folder of its Dockerfile where `folder` names no other."""
    folder: RelativePath | None = None
    """The folder of its Dockerfile, relative to the checkout."""
    environment_version: Name
    """AI_ENV_VER of the image and its version label."""
    platform: Platform
    """What it runs on."""
    cross_built: bool = False
    """Whether commands of its build run on the engine's platform and the last stage only copies."""
    accelerator: Accelerator
    """What it computes on."""
    targets: tuple[Name, ...] = Field(min_length=1)
    """Targets of its Dockerfile that ship, smallest first."""
    default_target: Name
    """The target that is meant when none is named, and the one that is published."""
    bases: tuple[Name, ...] = Field(min_length=1)
    """Base families it builds on, preferred first."""
    without_base: WithoutBase | None = None
    """What is built where the base cannot be had."""
    pythons: tuple[Name, ...] = Field(default=("3.13",), min_length=1)
    """Values of the build argument PYTHON_VERSION, the default first."""
    cuda: dict[Name, CudaLine] = Field(default_factory=dict)
    """Values of the build argument CUDA, the default first; empty without a GPU."""
    tensorrt: tuple[Name, ...] = ()
    """Values of the build argument TENSORRT, the default first; empty without a GPU."""
    torch_index: TorchIndex = TorchIndex.PYTORCH
    """Where `requirements-torch.in` is resolved."""
    torch_archives: tuple[Name, ...] = ()
    """Bases whose archive has a torch that can be taken instead (TORCH=archive)."""
    index: Name | None = None
    """Friendly name of the image index that joins this image with the same one for other platforms;
    the first image of an index is the one that the others follow."""
    follows: Name | None = None
    """Variant whose versions its locks keep where they can be had; else the first of its index."""
    suite: RelativePath
    """Script that tests the built image, given the image's tag."""
    tags: tuple[TagTemplate, ...] = Field(min_length=1)
    """Local tags; {target}, {base} and {revision} are filled in. The first is the friendly one."""
    release_tag: ReleaseTag | None = None
    """Tag of a release, each {question} answered by the running image; None: it is not released."""
    legacy_names: tuple[Repository, ...] = ()
    """Repositories that the image was known under before; a release is tagged there too."""
    budget_bytes: dict[Name, PositiveInt] = Field(default_factory=dict)
    """The most that a target may weigh compressed, as a device fetches it."""
    owner_budget_bytes: dict[Name, dict[OwnerName, PositiveInt]] = Field(default_factory=dict)
    """The most that the files of an owner may weigh in a target, over all its layers."""
    optional: dict[ArgName, ArgName] = Field(default_factory=dict)
    """Parts that an image can do without: the build argument that leaves one out when it is 0, and
    the one with the URL whose host has to answer."""
    scenarios: dict[Name, EditScenario] = Field(default_factory=dict)
    """Benchmark scenarios beside those that every image has, or in place of them."""

    def build_platform(self, host: Platform) -> Platform:
        """What the commands of its build run on where `host` is the engine's."""
        return host if self.cross_built else self.platform

    @property
    def dockerfile(self) -> str:
        """Path of the Dockerfile, relative to the checkout."""
        return f"{self.folder or self.name}/Dockerfile"

    @property
    def lock_parts(self) -> tuple[str, ...]:
        """What its wheels are resolved for: its CUDA lines, or else its base families, once more
        for each that may take torch from its archive.

        `requirements.txt` has what all parts agree on, `requirements-<part>.txt` the rest.
        """
        archives = (f"{base}-{TorchSource.ARCHIVE}" for base in self.torch_archives)
        return tuple(f"cuda-{line}" for line in self.cuda) or (*self.bases, *archives)

    def torch_sources(self, base: str) -> tuple[TorchSource, ...]:
        """Values of TORCH on that base, the default first; empty where the image has no choice."""
        archive = (TorchSource.ARCHIVE,) if base in self.torch_archives else ()
        return (TorchSource.INDEX, *archive) if self.torch_archives else ()

    @property
    def every_target(self) -> tuple[str, ...]:
        """What may be built: the targets that ship, and the one that needs no base."""
        return (*self.targets, *([self.without_base.target] if self.without_base else ()))

    def target(self, word: str | None) -> str:
        """The target of that name, the default for None. Raises UsageError."""
        return _choose("target", self.default_target if word is None else word, self.every_target)

    def base(self, word: str | None) -> str:
        """The base family of that name, the preferred one for None. Raises UsageError."""
        return _choose("base family", self.bases[0] if word is None else word, self.bases)

    def budget(self, target: str) -> Budget:
        """What that target may weigh."""
        owners = self.owner_budget_bytes.get(target, {})
        return Budget(total_bytes=self.budget_bytes.get(target), owners=owners)

    @model_validator(mode="after")
    def _check_words(self) -> Self:
        if self.default_target not in self.targets:
            hint = suggest_name(self.default_target, self.targets)
            raise ValueError(f"default_target is none of the targets; {hint}")
        for name in self.torch_archives:
            if name not in self.bases:
                raise ValueError(f"torch_archives names none of the bases; {suggest_name(name, self.bases)}")
        for key in ("budget_bytes", "owner_budget_bytes"):
            for name in getattr(self, key):
                if name not in self.targets:
                    raise ValueError(f"{key} names no target; {suggest_name(name, self.targets)}")
        return self


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
        for name in (name for loss in self.losses for name in loss.images):
            if name not in self.images:
                raise ValueError(f"losses.images names no variant; {suggest_name(name, self.images)}")
        if ALL_VARIANTS in self.images:
            raise ValueError(f"images.{ALL_VARIANTS} is the word for every image")
        if len({image.name for image in self._tables.values()}) < len(self._tables):
            raise ValueError("two images have the same name")
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


def _choose(kind: str, word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise unknown_word(kind, word, known)
    return word

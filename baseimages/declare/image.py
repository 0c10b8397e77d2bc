"""What images.toml says of one image, and the words that it may use."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from baseimages.declare.gates import Budget, OwnerName
from baseimages.declare.names import (
    ArgName,
    ComputeCapability,
    Name,
    RelativePath,
    ReleaseTag,
    Repository,
    TagTemplate,
    VersionNumber,
    suggest_name,
    unknown_word,
)
from baseimages.declare.scenarios import EditScenario
from baseimages.declare.tables import Declared


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


def _choose(kind: str, word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise unknown_word(kind, word, known)
    return word

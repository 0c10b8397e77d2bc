"""`compatibility.toml` as a typed model: what no index tells about which versions go together."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from baseimages.declare.image import TorchSource
from baseimages.declare.names import ComputeCapability, Name, Sentence, VersionNumber
from baseimages.declare.tables import Declared, load_tables

FILE_NAME = "compatibility.toml"


def _check_specifier(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise ValueError(f"{error}; write for example >=1.2,<2") from error
    return text


Link = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9._~/#?&=%+-]+$", max_length=300)]
Specifier = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=100), AfterValidator(_check_specifier)
]
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
DriftSource = Annotated[
    str, StringConstraints(pattern=rf"^{_PART}(?:(?:/{_PART})*| {_PART} \(archive\))$", max_length=200)
]
IndexName = Literal["pypi", "nvidia"]


class Blocked(Declared):
    """Combinations that cannot be built; keys that are left out match every value."""

    image: Name | None = None
    """Variant of the image."""
    base: Name | None = None
    """Base family."""
    python: Name | None = None
    """Value of PYTHON_VERSION."""
    cuda: Name | None = None
    """CUDA line."""
    tensorrt: Name | None = None
    """Value of TENSORRT."""
    why: Sentence
    """What is in the way, in one sentence."""
    since: date
    """Day on which that was found."""
    link: Link
    """Where a reader can see it."""
    review: date
    """Day on which a person looks again."""

    @property
    def keys(self) -> dict[str, str]:
        """What a combination must equal, by key."""
        names = ("image", "base", "python", "cuda", "tensorrt")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if not self.keys:
            raise ValueError("it would block everything; name an image, base, python, cuda or tensorrt")
        return self


class Drift(Declared):
    """Why locks may hold packages at a version of their own."""

    packages: tuple[Name, ...] = Field(min_length=1)
    """The packages concerned."""
    locks: tuple[DriftSource, ...] = Field(min_length=1)
    """The locks that may differ from all others, as paths in the checkout; `IMAGE BASE (archive)` is
    what that image takes from the archive of that base."""
    why: Sentence
    """The reason, in one sentence."""
    review: date
    """Day on which a person looks again."""


class Difference(Declared):
    """Why an image has not the packages that the first image of its index has, or has others."""

    image: Name
    """Variant of the image that differs."""
    packages: tuple[Name, ...] = Field(min_length=1)
    """Packages that one of the two has."""
    why: Sentence
    """The reason, in one sentence, and what is there instead."""
    link: Link
    """Where a reader can see it."""
    review: date
    """Day on which a person looks again."""


class Departure(Declared):
    """Why a base is not of the distribution or not with the Python that the family is made for."""

    base: Name
    """Base family."""
    why: Sentence
    """The reason, in one sentence."""
    link: Link
    """Where a reader can see it."""
    review: date
    """Day on which a person looks again."""


class Trio(Declared):
    """Releases of PyTorch's three packages that were built for each other."""

    torch: Name
    """Version of torch, without a local part such as +cpu."""
    torchvision: Name
    """Version of torchvision."""
    torchaudio: Name
    """Version of torchaudio; its metadata names no torch since 2.11."""


class Archive(Declared):
    """Packages that an image takes from its base's archive and not as wheels."""

    image: Name
    """Variant of the image."""
    base: Name
    """Base family."""
    torch: TorchSource | None = None
    """Value of TORCH that takes them; None: every build on that base does."""
    packages: dict[Name, Name] = Field(min_length=1)
    """Python name -> upstream version."""
    link: Link
    """Where the archive lists them."""


class CudaMajor(Declared):
    """What holds for every CUDA line of one major."""

    driver_min: VersionNumber
    """Oldest Linux driver that NVIDIA's minor version compatibility allows for this major."""
    compute_capability_min: ComputeCapability
    """Oldest generation of GPUs that its toolkit still compiles for."""
    compute_capability_max: dict[VersionNumber, ComputeCapability] = Field(default_factory=dict)
    """CUDA line -> newest generation of GPUs that its toolkit compiles for."""
    onnxruntime_gpu: Specifier
    """Versions of onnxruntime-gpu that were built for this major."""


class TensorRT(Declared):
    """One version of TensorRT that an image may name."""

    cuda_major: Name
    """The CUDA major that its packages were built for."""
    wheels: dict[Name, IndexName] = Field(min_length=1)
    """Package -> index that has its real wheel."""


class Pair(Declared):
    """A package that holds another one in a range, whatever its own metadata says."""

    package: Name
    """The package that asks."""
    versions: Specifier
    """Its versions that ask."""
    needs: Name
    """The other package."""
    within: Specifier
    """The range in which the other one has to be."""
    link: Link
    """Where a reader can see it."""


class Limits(Declared):
    """Numbers that a person chose."""

    cryptography_age_max_days: int = Field(gt=0, le=3650)
    """A release of cryptography carries the OpenSSL of its day; older ones are findings."""


class Compatibility(Declared):
    """Everything that compatibility.toml declares."""

    blocked: tuple[Blocked, ...] = ()
    """Combinations that cannot be built."""
    drift: tuple[Drift, ...] = ()
    """Differences between locks that have a reason."""
    differences: tuple[Difference, ...] = ()
    """Packages that images of one index do not have in common."""
    departures: tuple[Departure, ...] = ()
    """Bases that bring their own Python, each with its reason."""
    trios: tuple[Trio, ...] = ()
    """Releases of torch, torchvision and torchaudio that fit each other."""
    archive: tuple[Archive, ...] = ()
    """What comes from a distribution's archive."""
    cuda: dict[Name, CudaMajor] = Field(default_factory=dict)
    """By CUDA major."""
    tensorrt: dict[Name, TensorRT] = Field(default_factory=dict)
    """By version."""
    pairs: tuple[Pair, ...] = ()
    """Ranges that one package imposes on another."""
    limits: Limits
    """Numbers that a person chose."""

    def archived(self, image: str, base: str, torch: TorchSource | None = None) -> dict[str, str]:
        """What that image, built so, takes from the archive of that base: Python name -> version."""
        return {
            name: version
            for entry in self.archive
            if (entry.image, entry.base) == (image, base) and entry.torch in (None, torch)
            for name, version in entry.packages.items()
        }


def load_compatibility(path: Path) -> Compatibility:
    """Read compatibility.toml. Raises DeclarationError that names file, key and the nearest key."""
    return load_tables(path, Compatibility, described_in="baseimages/declare/compatibility.py")

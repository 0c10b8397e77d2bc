"""The records of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Origin = Literal["registry", "local", "bootstrapped", "declared"]


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """The base as it was resolved.

    `reference` is what FROM gets besides the digest: a tag of a registry, or a local tag whose
    name holds the content. `origin` says how it was had, `reason` why this one was taken.
    """

    family: str
    reference: str
    digest: str
    origin: Origin
    reason: str

    @property
    def build_argument(self) -> str:
        """The value of BASE_IMAGE: registries are asked by digest, a local tag names content."""
        return self.reference if self.origin == "bootstrapped" else f"{self.reference}@{self.digest}"


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A file that build steps may mount and no layer holds."""

    id: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """Everything a build needs; executing it decides nothing any more."""

    variant: str
    image_name: str
    target: str
    platform: str
    base: BaseImage
    root: Path
    dockerfile: str
    stages: tuple[str, ...]
    build_args: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    secrets: tuple[Secret, ...]
    revision: str
    dirty: bool
    source_date_epoch_s: int

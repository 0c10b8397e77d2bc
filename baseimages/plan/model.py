"""The records of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from baseimages.declare import Revision

# How a base was had: by digest from a registry; made from the archive under a content-derived tag;
# planned without asking an engine; or not at all, and a builder stands in where none is needed.
Origin = Literal["registry", "bootstrapped", "declared", "stand-in"]


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """The base as it was resolved.

    `reference` is repository and tag without digest, `reason` says why this one was taken.
    `build_reference` is the same base for the engine's platform, where the reference holds none for
    it; a registry's tag serves every platform, and it is empty.
    """

    family: str
    reference: str
    digest: str
    origin: Origin
    reason: str
    build_reference: str = ""

    @property
    def build_argument(self) -> str:
        """The value of BASE_IMAGE: tag and digest, where the reference does not name its content."""
        named = self.origin in ("bootstrapped", "stand-in")
        return self.reference if named else f"{self.reference}@{self.digest}"


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A file that build steps may mount and no layer holds."""

    id: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """Everything a build needs; executing it decides nothing any more.

    `platform` is the image's, `build_platform` that of its base and build stages. `dockerfile` and
    `inputs`, every file that the build reads, are relative to `root`, the checkout, which is the
    build context.
    """

    variant: str
    image_name: str
    target: str
    platform: str
    build_platform: str
    base: BaseImage
    root: Path
    dockerfile: str
    stages: tuple[str, ...]
    build_args: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    secrets: tuple[Secret, ...]
    revision: Revision
    inputs: tuple[str, ...] = ()

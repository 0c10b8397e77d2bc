"""What a person chose, and the stored build that fits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baseimages.build import BuildRecord
from baseimages.declare import Family, Image, load_family
from baseimages.errors import RecordError
from baseimages.records import WORK_FOLDER, WorkFolder, load_record


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which image of which family a verb is about.

    To build, no target and `auto` stand for the defaults; to read, for the latest build there is.
    """

    root: Path
    variant: str
    target: str | None
    base: str

    @property
    def family(self) -> Family:
        """The declared family of this checkout."""
        return load_family(self.root / "images.toml")

    @property
    def image(self) -> Image:
        """The declared image. Raises UsageError, with the nearest name, for any unknown word."""
        image = self.family.image(self.variant)
        image.target(self.target)
        image.base(None if self.base == "auto" else self.base)
        return image

    def work(self, base: str, target: str) -> WorkFolder:
        """Where the records of that base and target lie."""
        return WorkFolder(root=self.root, image_name=self.image.name, base=base, target=target)


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """What a person may add to a build."""

    ca_bundle: str | None = None
    build_args: tuple[str, ...] = ()


def list_built(root: Path) -> tuple[str, ...]:
    """The variants that are built in this checkout. Raises RecordError when none is."""
    family = load_family(root / "images.toml")
    built = tuple(
        variant
        for variant, image in family.images.items()
        if any((root / WORK_FOLDER / image.name).glob(f"*/*/{WorkFolder.BUILD}"))
    )
    if not built:
        first = next(iter(family.images))
        raise RecordError("no image is built in this checkout", next_step=f"run `nox -s build-{first}`")
    return built


def find_build(selection: Selection) -> tuple[WorkFolder, BuildRecord]:
    """The latest stored build that fits. Raises RecordError naming the build command."""
    image = selection.image
    targets = image.targets if selection.target is None else (image.target(selection.target),)
    bases = image.bases if selection.base == "auto" else (image.base(selection.base),)
    made_by = " ".join(
        [f"invoke build --variant {selection.variant}", *(f"--target {name}" for name in targets[:1])]
    )
    found = [
        (work, load_record(work.path / WorkFolder.BUILD, BuildRecord, made_by=made_by))
        for base in bases
        for target in targets
        for work in (selection.work(base, target),)
        if (work.path / WorkFolder.BUILD).exists()
    ]
    if not found:
        raise RecordError(f"{image.name} is not built so in this checkout", next_step=f"run `{made_by}`")
    return max(found, key=lambda pair: pair[1].started_at)

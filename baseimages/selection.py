"""What a person chose, and the plan and the build that it becomes.

Enters what was typed; leaves a `BuildPlan`, a `BuildRecord`, or a UsageError with the nearest word.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from baseimages.build import BuildRecord, Engine, leave_out_unreachable, run_build
from baseimages.command import Runner
from baseimages.declare import AUTO, Family, Image, Platform, load_family, load_revision
from baseimages.errors import RecordError, UsageError
from baseimages.plan import BaseImage, BuildPlan, find_ca_bundle, make_plan
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
        image.base(None if self.base == AUTO else self.base)
        return image


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """What a person may add to a build."""

    ca_bundle: str | None = None
    build_args: tuple[str, ...] = ()


def plan_as_declared(selection: Selection, inputs: BuildInputs, runner: Runner) -> BuildPlan:
    """The plan on the declared base; asks no engine."""
    family, image = selection.family, selection.image
    name = family.built_bases(image, selection.base)[0]
    declared = family.base(name)
    base = BaseImage(
        family=name,
        reference=declared.reference,
        digest=declared.digest,
        origin="declared",
        reason="planned without asking an engine",
    )
    return plan_selection(selection, inputs, base, Platform.of_machine(platform.machine()), runner)


def _leave_out(selection: Selection, inputs: BuildInputs, console: Console) -> BuildInputs:
    """Leave out optional parts whose hosts do not answer, unless a person decided."""
    decided = {_split(word)[0] for word in inputs.build_args}
    missing = leave_out_unreachable(selection.image, selection.root)
    words = tuple(f"{name}={value}" for name, value in missing if name not in decided)
    if words:
        console.print(f"left out, because its host cannot be reached: {' '.join(words)}")
    return replace(inputs, build_args=(*inputs.build_args, *words))


def plan_selection(
    selection: Selection, inputs: BuildInputs, base: BaseImage, host: Platform, runner: Runner
) -> BuildPlan:
    """The plan on that base, with what a person added."""
    pairs = tuple(_split(word) for word in inputs.build_args)
    explicit = Path(inputs.ca_bundle) if inputs.ca_bundle else None
    return make_plan(
        selection.family,
        variant=selection.variant,
        target=selection.target,
        base=base,
        host=host,
        revision=load_revision(runner, selection.root),
        ca_bundle=find_ca_bundle(os.environ, explicit),
        root=selection.root,
        extra_build_args=pairs,
    )


def work_folder(selection: Selection, base: str, target: str) -> WorkFolder:
    """Where the outputs of that target on that base lie."""
    return WorkFolder(root=selection.root, image_name=selection.image.name, base=base, target=target)


def build_on(
    base: BaseImage,
    selection: Selection,
    inputs: BuildInputs,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BuildRecord:
    """Build the selected target on that base and store its record."""
    console.print(f"base: {base.family} ({base.origin}): {base.reason}")
    inputs = _leave_out(selection, inputs, console)
    plan = plan_selection(selection, inputs, base, engine.platform, runner)
    return run_build(plan, engine, runner, work_folder(selection, base.family, plan.target), console)


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


def is_built(selection: Selection) -> bool:
    """Whether a build that fits is stored."""
    return bool(_list_folders(selection))


def find_build(selection: Selection) -> tuple[WorkFolder, BuildRecord]:
    """The latest stored build that fits. Raises RecordError naming the build command."""
    image = selection.image
    target = selection.target or image.every_target[0]
    made_by = f"invoke build --variant {selection.variant} --target {target}"
    found = [
        (work, load_record(work.path / WorkFolder.BUILD, BuildRecord, made_by=made_by))
        for work in _list_folders(selection)
    ]
    if not found:
        raise RecordError(f"{image.name} is not built so in this checkout", next_step=f"run `{made_by}`")
    return max(found, key=lambda pair: pair[1].started_at)


def _list_folders(selection: Selection) -> list[WorkFolder]:
    """Of each build that fits."""
    image = selection.image
    targets = image.every_target if selection.target is None else (image.target(selection.target),)
    bases = image.bases if selection.base == AUTO else (image.base(selection.base),)
    folders = (work_folder(selection, base, target) for base in bases for target in targets)
    return [work for work in folders if (work.path / WorkFolder.BUILD).exists()]


def _split(word: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not sign:
        raise UsageError(
            f"build argument {word[:80]!a} has no value", next_step=f"write --build-arg {name[:80]!a}=VALUE"
        )
    return name, value

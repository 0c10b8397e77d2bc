"""Makes a plan: decisions on declared data, and on nothing else."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from baseimages.declare import (
    Dockerfile,
    Family,
    Image,
    Platform,
    Revision,
    TorchSource,
    list_inputs,
    load_dockerfile,
    quote_word,
    unknown_word,
)
from baseimages.errors import UsageError
from baseimages.plan.model import BaseImage, BuildPlan, Secret

# Known to BuildKit without an ARG, for networks with a proxy.
PROXY_ARGS = frozenset(
    spelled
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for spelled in (name, name.lower())
)
LONGEST_VALUE = 1000
# Build arguments that make another image of the same target, and how a tag says so.
TAG_PREFIXES = {"PYTHON_VERSION": "py", "CUDA": "cu", "TENSORRT": "trt", "TORCH": "torch-"}
# Newer files get this time. It is the same for every commit: with the commit's own, an edited
# entrypoint would change each layer that a build step wrote, and a device would fetch them all.
SOURCE_DATE_EPOCH_S = int(datetime(2025, 8, 9, tzinfo=UTC).timestamp())


def make_plan(
    family: Family,
    *,
    variant: str,
    target: str | None,
    base: BaseImage,
    host: Platform,
    revision: Revision,
    ca_bundle: Path | None,
    root: Path,
    extra_build_args: Iterable[tuple[str, str]] = (),
) -> BuildPlan:
    """Resolve names, defaults and build arguments of one build; `host` is the engine's platform.

    Raises UsageError for an unknown variant, target, base family, build argument or value of a
    declared choice, with the nearest name; DeclarationError when the Dockerfile lacks what
    images.toml promises.
    """
    image = family.image(variant)
    name = image.target(target)
    (declared,) = map(family.base, family.built_bases(image, base.family))
    _check_stand_in(image, name, base)
    dockerfile = load_dockerfile(root / image.dockerfile)
    own = _own_args(base, revision)
    args = own | declared.build_args | _check_args(extra_build_args, own, dockerfile)
    _check_torch(image, base.family, args)
    platforms = platform_args("TARGET", image.platform) | platform_args("BUILD", host)
    stages = dockerfile.stages_of(name, args | platforms)
    return BuildPlan(
        variant=variant,
        image_name=image.name,
        target=name,
        platform=image.platform.value,
        build_platform=image.build_platform(host).value,
        base=base,
        root=root,
        dockerfile=image.dockerfile,
        stages=tuple(stage.name for stage in stages),
        build_args=tuple(sorted(args.items())),
        # The Dockerfile labels what it knows; how its base was had it cannot know.
        labels=(("io.baseimages.base-origin", base.origin),),
        tags=_make_tags(image, name, revision, base.family + _name_choices(family, image, base.family, args)),
        secrets=(Secret(id="ca", path=ca_bundle),) if ca_bundle else (),
        revision=revision,
        inputs=list_inputs(dockerfile, stages, args | platforms, path=image.dockerfile),
    )


def choose_stage(plan: BuildPlan, stage: str | None) -> BuildPlan:
    """The same plan up to one of its stages; None is its target. Raises UsageError."""
    if stage is None:
        return plan
    if stage not in plan.stages:
        raise unknown_word("stage", stage, plan.stages)
    return dataclasses.replace(plan, target=stage)


def _check_stand_in(image: Image, target: str, base: BaseImage) -> None:
    """A builder that stands in for the base never becomes the base of what ships."""
    if base.origin == "stand-in" and target in image.targets:
        raise UsageError(
            f"target {target} of {image.name} needs its base, {base.family}",
            next_step=f"reach its registry, or build target {image.every_target[-1]}",
        )


def _own_args(base: BaseImage, revision: Revision) -> dict[str, str]:
    created = datetime.fromtimestamp(revision.epoch_s, UTC)
    built_on = {"BUILD_IMAGE": base.build_reference} if base.build_reference else {}
    return built_on | {
        "BASE_DIGEST": base.digest,
        "BASE_FAMILY": base.family,
        "BASE_IMAGE": base.build_argument,
        "BASE_NAME": base.reference,
        "CREATED": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "REVISION": revision.label,
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH_S),
    }


def platform_args(prefix: str, platform: Platform) -> dict[str, str]:
    """What BuildKit sets by itself for the image (TARGET) and for the engine (BUILD)."""
    return {
        f"{prefix}PLATFORM": platform.value,
        f"{prefix}OS": platform.value.partition("/")[0],
        f"{prefix}ARCH": platform.architecture,
    }


def _check_args(
    pairs: Iterable[tuple[str, str]], own: Mapping[str, str], dockerfile: Dockerfile
) -> dict[str, str]:
    args = dict(pairs)
    known = (dockerfile.arg_names | PROXY_ARGS) - own.keys()
    for name, value in args.items():
        if name in own:
            raise UsageError(
                f"build argument {name} is set by the plan",
                next_step="choose the base with --base; revision and time come from the commit",
            )
        if name not in known:
            raise unknown_word("build argument", name, known)
        if len(value) > LONGEST_VALUE or re.search(r"[\x00-\x1f\x7f]", value):
            raise UsageError(
                f"build argument {name} cannot be {quote_word(value)}",
                next_step=f"give it up to {LONGEST_VALUE} characters, none of them a control one",
            )
    return args


def _check_torch(image: Image, base: str, args: Mapping[str, str]) -> None:
    """Only some bases have a torch in their archive."""
    if image.torch_archives and args.get("TORCH") == TorchSource.ARCHIVE and base not in image.torch_archives:
        raise UsageError(
            f"the archive of {base} has no torch for {image.name}",
            next_step=f"build on {' or '.join(image.torch_archives)}, or leave TORCH out",
        )


def _name_choices(family: Family, image: Image, base: str, args: Mapping[str, str]) -> str:
    """What is not the first of the declared: another image of the same target gets another tag."""
    declared = {
        "PYTHON_VERSION": family.pythons(image, base),
        "CUDA": tuple(image.cuda),
        "TENSORRT": image.tensorrt,
        "TORCH": image.torch_sources(base),
    }
    told = ""
    for name, words in declared.items():
        chosen = args.get(name)
        if words and chosen is not None and chosen not in words:
            raise unknown_word(f"value of {name}", chosen, words)
        if words and chosen not in (None, words[0]):
            told += f"-{TAG_PREFIXES[name]}{chosen}"
    return told


def _make_tags(image: Image, target: str, revision: Revision, base: str) -> tuple[str, ...]:
    words = {"target": target, "base": base, "revision": revision.short}
    return tuple(f"{image.name}:{template.format_map(words)}" for template in image.tags)

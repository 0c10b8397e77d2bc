"""Make a plan: pure decisions on declared data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from baseimages.declare import Dockerfile, Family, Revision, load_dockerfile, nearest
from baseimages.errors import UsageError
from baseimages.plan.model import BaseImage, BuildPlan, Secret


def make_plan(
    family: Family,
    *,
    variant: str,
    target: str | None,
    base: BaseImage,
    revision: Revision,
    ca_bundle: Path | None,
    root: Path,
    extra_build_args: tuple[tuple[str, str], ...] = (),
) -> BuildPlan:
    """Resolve names and defaults. Raises UsageError with the nearest name."""
    image = family.image(variant)
    name = image.target(target)
    dockerfile = load_dockerfile(root / image.dockerfile)
    arguments = _arguments(base, revision) | _checked(extra_build_args, dockerfile)
    return BuildPlan(
        variant=variant,
        image_name=image.name,
        target=name,
        platform=image.platform,
        base=base,
        root=root,
        dockerfile=image.dockerfile,
        stages=tuple(stage.name for stage in dockerfile.stages_of(name, arguments)),
        build_args=tuple(sorted(arguments.items())),
        tags=_tags(image.name, name, base.family, revision),
        secrets=(Secret(id="ca", path=ca_bundle),) if ca_bundle else (),
        revision=revision.name,
        dirty=revision.dirty,
        source_date_epoch_s=revision.epoch_s,
    )


def find_ca_bundle(environ: Mapping[str, str], explicit: Path | None) -> Path | None:
    """The bundle that was named, or the one of `SSL_CERT_FILE`. Raises UsageError if it is absent."""
    path = explicit or (Path(environ["SSL_CERT_FILE"]) if environ.get("SSL_CERT_FILE") else None)
    if path is None:
        return None
    if not path.is_file():
        raise UsageError(
            f"no certificate bundle at {path}", next_step="correct --ca-bundle or SSL_CERT_FILE"
        )
    return path.resolve()


def _arguments(base: BaseImage, revision: Revision) -> dict[str, str]:
    created = datetime.fromtimestamp(revision.epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "BASE_DIGEST": base.digest,
        "BASE_FAMILY": base.family,
        "BASE_IMAGE": base.build_argument,
        "BASE_NAME": base.reference,
        "CREATED": created,
        "REVISION": revision.name,
    }


def _checked(pairs: tuple[tuple[str, str], ...], dockerfile: Dockerfile) -> dict[str, str]:
    known = {arg.name for arg in dockerfile.args}
    for name, value in pairs:
        if name not in known:
            raise UsageError(
                f"{dockerfile.path} has no build argument {ascii(name[:60])}{nearest(name[:60], known)}",
                next_step="its global ARGs are at its top",
            )
        if not value.isprintable():
            raise UsageError(
                f"the value of {name} has a control character", next_step="give it on one line"
            )
    return dict(pairs)


def _tags(image: str, target: str, base: str, revision: Revision) -> tuple[str, ...]:
    return (f"{image}:{target}-{base}", f"{image}:{target}-{base}-{revision.name}")

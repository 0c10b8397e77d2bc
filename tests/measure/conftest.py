"""A checkout that can be edited, the record of its build, and runs read from recorded streams."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build import BaseFacts, BuildRecord, EngineFacts, StepRecord, fold_groups
from baseimages.declare import Revision
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder
from tests.build.conftest import BASE, ENGINE, HOST, read_steps

DIGEST = "sha256:" + "7" * 64
DOCKERFILE = """\
FROM tiny:1 AS core
COPY --link scripts/entrypoint.sh /entrypoint
"""


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def plan(tmp_path: Path) -> BuildPlan:
    root = tmp_path / "checkout"
    texts = {name: f"# {name}\n" for name in ("scripts/entrypoint.sh", ".dockerignore", "secret.txt")}
    for name, text in (texts | {"image_one/Dockerfile": DOCKERFILE}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return BuildPlan(
        variant="one",
        image_name="image_one",
        target="core",
        platform="linux/amd64",
        build_platform="linux/amd64",
        base=BASE,
        root=root,
        dockerfile="image_one/Dockerfile",
        stages=("os", "core"),
        build_args=(("GREETING", "hello"),),
        labels=(),
        tags=("image_one:core-tiny",),
        secrets=(),
        revision=Revision(commit="0123" * 10, dirty=False, epoch_s=1767323045),
    )


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    return WorkFolder(root=tmp_path, image_name="image_one", base="tiny", target="core")


@pytest.fixture
def built(plan: BuildPlan) -> BuildRecord:
    """The record of a build into an empty cache."""
    return BuildRecord(
        variant=plan.variant,
        image_name=plan.image_name,
        target=plan.target,
        platform=plan.platform,
        base=BaseFacts.of(plan.base),
        revision=plan.revision.label,
        dirty=False,
        source_digest=DIGEST,
        manifest_digest=DIGEST,
        tags=plan.tags,
        build_args=dict(plan.build_args),
        engine=EngineFacts.of(ENGINE),
        host=HOST,
        started_at="2026-01-02T03:04:05Z",
        duration_s=100.0,
        export_duration_s=20.0,
        load_duration_s=5.0,
        cold=True,
        cold_reason="the build cache held no record before this build",
        base_present=True,
        steps=tuple(StepRecord.of(step) for step in fold_groups(read_steps("cold"))),
        progress_sha256="8" * 64,
    )

"""A tiny family with its Dockerfile, and plans made from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baseimages.declare import Family, Platform, Revision, load_family
from baseimages.plan import BaseImage, BuildPlan, make_plan

ZERO = "sha256:" + "0" * 64
FAMILY = f"""
[bases.tiny]
reference = "tiny:1"
glibc = "2.39"
digest = "{ZERO}"
build_args = {{ EXTRA = "of the base" }}
[bases.other]
reference = "other:1"
glibc = "2.39"
digest = "{ZERO}"
[bases.unused]
reference = "unused:1"
glibc = "2.39"
digest = "{ZERO}"
[images.one]
name = "image_one"
environment_version = "1.0.0"
platform = "linux/arm64"
accelerator = "cpu"
targets = ["core", "full"]
default_target = "full"
bases = ["tiny", "other"]
suite = "image_testing/test-one.sh"
tags = ["{{target}}-{{base}}", "{{target}}-{{base}}-{{revision}}"]
"""
DOCKERFILE = """ARG BASE_FAMILY=tiny
ARG BASE_IMAGE=scratch
ARG WITH_THING=1
ARG EXTRA
FROM scratch AS thing-0
FROM scratch AS thing-1
FROM thing-${WITH_THING} AS thing
FROM scratch AS for-arm64
FROM scratch AS for-amd64
FROM for-${TARGETARCH} AS core
ARG BASE_NAME
ARG BASE_DIGEST
ARG REVISION
ARG CREATED
LABEL a=${REVISION}
COPY --from=thing . .
FROM core AS full
"""
REVISION = Revision(commit="0123456789abcdef" + "0" * 24, dirty=False, epoch_s=1767323045)
BASE = BaseImage(family="tiny", reference="tiny:1", digest=ZERO, origin="declared", reason="why")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "images.toml").write_text(FAMILY, encoding="utf-8")
    (tmp_path / "image_one").mkdir()
    (tmp_path / "image_one" / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def family(checkout: Path) -> Family:
    return load_family(checkout / "images.toml")


@pytest.fixture
def plan_of(checkout: Path, family: Family) -> Callable[..., BuildPlan]:
    def make(**changes: Any) -> BuildPlan:
        options: dict[str, Any] = {
            "variant": "one",
            "target": None,
            "base": BASE,
            "host": Platform.AMD64,
            "revision": REVISION,
            "ca_bundle": None,
            "root": checkout,
        }
        return make_plan(family, **(options | changes))

    return make

"""A plan as text, as JSON and as a bake file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from baseimages.command import ProcessRunner
from baseimages.plan import BuildPlan, plan_to_json, render_bake, render_plan
from baseimages.records import WorkFolder
from tests.plan.conftest import ZERO

PlanOf = Callable[..., BuildPlan]


def test_people_read_one_fact_a_line(plan_of: PlanOf) -> None:
    lines = render_plan(plan_of(ca_bundle=Path("/ca.pem"))).splitlines()
    assert "image       image_one, target full, linux/arm64" in lines
    assert "built on    linux/arm64" in lines
    assert f"base        tiny: tiny:1@{ZERO} (declared)" in lines
    assert "            why" in lines
    assert "stages      thing-1 thing for-arm64 core full" in lines
    assert "secret      ca from /ca.pem" in lines


def test_scripts_read_every_field(plan_of: PlanOf) -> None:
    plan = plan_of()
    record = json.loads(plan_to_json(plan))
    assert record["schema_version"] == 1
    assert record["build_args"] == dict(plan.build_args)
    assert record["base"]["origin"] == "declared"
    assert record["tags"] == list(plan.tags)
    assert record["bake"] == json.loads(render_bake(plan))


def test_bake_writes_the_layout_that_all_readers_share(plan_of: PlanOf, checkout: Path) -> None:
    (output,) = json.loads(render_bake(plan_of()))["target"]["one-full"]["output"]
    work = WorkFolder(root=checkout, image_name="image_one", base="tiny", target="full")
    options = dict(part.split("=") for part in output.split(","))
    assert options["dest"] == str(work.layout.relative_to(checkout))


@pytest.mark.engine
def test_bake_accepts_the_plan_as_it_is(plan_of: PlanOf, checkout: Path) -> None:
    bundle = checkout / "ca.pem"
    bundle.write_text("", encoding="utf-8")
    plan = plan_of(ca_bundle=bundle)
    path = checkout / "bake.json"
    path.write_text(render_bake(plan), encoding="utf-8")
    argv = ["docker", "buildx", "bake", "--print", "-f", str(path)]
    printed = ProcessRunner().run(argv, deadline_s=60, cwd=checkout).stdout
    target = json.loads(printed)["target"]["one-full"]
    assert target["args"] == dict(plan.build_args)
    assert target["tags"] == list(plan.tags)
    assert (target["context"], target["dockerfile"]) == (".", "image_one/Dockerfile")
    assert (target["target"], target["platforms"]) == ("full", ["linux/arm64"])
    assert target["secret"] == [{"id": "ca", "src": str(bundle)}]


@pytest.mark.engine
def test_bake_builds_the_plan_into_a_layout(plan_of: PlanOf, checkout: Path) -> None:
    text = render_bake(plan_of(target="core")).replace("linux/arm64", "linux/amd64")
    (checkout / "bake.json").write_text(text, encoding="utf-8")
    (checkout / "file").write_text("copied\n", encoding="utf-8")
    dockerfile = checkout / "image_one" / "Dockerfile"
    dockerfile.write_text("FROM scratch AS core\nCOPY file /file\n", encoding="utf-8")
    argv = ["docker", "buildx", "bake", "-f", "bake.json"]
    ProcessRunner().run(argv, deadline_s=60, cwd=checkout)
    index = json.loads((checkout / ".work/image_one/tiny/core/layout/index.json").read_text())
    names = {item["annotations"]["io.containerd.image.name"] for item in index["manifests"]}
    assert names == {
        "docker.io/library/image_one:core-tiny",
        "docker.io/library/image_one:core-tiny-0123456789ab",
    }

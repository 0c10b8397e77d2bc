"""A plan resolves every word, or refuses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from baseimages.declare import Platform, Revision, load_dockerfile, load_family
from baseimages.errors import DeclarationError, UsageError
from baseimages.plan import SOURCE_DATE_EPOCH_S, BaseImage, BuildPlan, Secret, make_plan
from baseimages.plan.planner import _own_args
from tests.conftest import ROOT
from tests.plan.conftest import BASE, REVISION, ZERO

PlanOf = Callable[..., BuildPlan]


def test_the_default_target_is_taken_when_none_is_named(plan_of: PlanOf) -> None:
    assert plan_of().target == "full"


def test_the_plan_lists_the_stages_that_the_target_needs(plan_of: PlanOf) -> None:
    assert plan_of().stages == ("thing-1", "thing", "for-arm64", "core", "full")


def test_a_build_argument_changes_the_stages(plan_of: PlanOf) -> None:
    stages = plan_of(target="core", extra_build_args=[("WITH_THING", "0")]).stages
    assert stages == ("thing-0", "thing", "for-arm64", "core")


@pytest.mark.parametrize("host", Platform)
def test_the_stages_are_those_for_the_engine_that_builds(
    plan_of: PlanOf, checkout: Path, host: Platform
) -> None:
    path = checkout / "image_one" / "Dockerfile"
    text = path.read_text(encoding="utf-8").replace("TARGETARCH", "BUILDARCH")
    path.write_text(text, encoding="utf-8")
    assert f"for-{host.architecture}" in plan_of(host=host).stages


@pytest.mark.parametrize(("crossed", "built_on"), [("true", "linux/amd64"), ("false", "linux/arm64")])
def test_a_cross_built_image_is_built_on_the_platform_of_the_engine(
    checkout: Path, crossed: str, built_on: str
) -> None:
    path = checkout / "images.toml"
    text = path.read_text(encoding="utf-8").replace("[images.one]", f"[images.one]\ncross_built = {crossed}")
    path.write_text(text, encoding="utf-8")
    plan = make_plan(
        load_family(path), variant="one", target=None, base=BASE, host=Platform.AMD64,
        revision=REVISION, ca_bundle=None, root=checkout,
    )  # fmt: skip
    assert (plan.platform, plan.build_platform) == ("linux/arm64", built_on)


def test_the_base_is_given_by_tag_and_digest(plan_of: PlanOf) -> None:
    args = dict(plan_of().build_args)
    assert args["BASE_IMAGE"] == f"tiny:1@{ZERO}"
    assert (args["BASE_FAMILY"], args["BASE_NAME"], args["BASE_DIGEST"]) == ("tiny", "tiny:1", ZERO)


def test_a_bootstrapped_base_is_given_by_its_content_derived_tag(plan_of: PlanOf) -> None:
    base = dataclasses.replace(BASE, reference="baseimages/tiny:0123", origin="bootstrapped")
    assert dict(plan_of(base=base).build_args)["BASE_IMAGE"] == "baseimages/tiny:0123"


STAND_IN = dataclasses.replace(BASE, reference="builder:1", origin="stand-in", build_reference="builder:1")


def with_parts(checkout: Path, **words: object) -> BuildPlan:
    """A plan of the image with a target that needs no base."""
    path = checkout / "images.toml"
    key = 'without_base = { target = "parts", builders = ["other"] }'
    path.write_text(path.read_text(encoding="utf-8") + key + "\n", encoding="utf-8")
    dockerfile = checkout / "image_one" / "Dockerfile"
    dockerfile.write_text(
        dockerfile.read_text(encoding="utf-8") + "FROM scratch AS parts\n", encoding="utf-8"
    )
    options = {"target": "parts", "base": STAND_IN} | words
    return make_plan(
        load_family(path), variant="one", host=Platform.AMD64, revision=REVISION, ca_bundle=None,
        root=checkout, **options,
    )  # fmt: skip


def test_what_needs_no_base_is_planned_on_a_stand_in_and_says_so(checkout: Path) -> None:
    plan = with_parts(checkout)
    assert plan.stages == ("parts",)
    assert dict(plan.labels) == {"io.baseimages.base-origin": "stand-in"}
    assert dict(plan.build_args)["BASE_IMAGE"] == dict(plan.build_args)["BUILD_IMAGE"] == "builder:1"


@pytest.mark.parametrize("target", ["core", "full"])
def test_what_ships_is_never_built_on_a_stand_in(checkout: Path, target: str) -> None:
    with pytest.raises(UsageError, match=f"target {target} of image_one needs its base, tiny") as caught:
        with_parts(checkout, target=target)
    assert "target parts" in caught.value.next_step


def test_a_base_that_nothing_is_built_on_is_refused_with_its_reason(checkout: Path) -> None:
    path = checkout / "images.toml"
    text = path.read_text(encoding="utf-8").replace("[bases.other]", '[bases.other]\nnot_built = "No torch."')
    path.write_text(text, encoding="utf-8")
    base = dataclasses.replace(BASE, family="other")
    with pytest.raises(UsageError, match=r"nothing is built on other: No torch\."):
        make_plan(
            load_family(path), variant="one", target=None, base=base, host=Platform.AMD64,
            revision=REVISION, ca_bundle=None, root=checkout,
        )  # fmt: skip


def test_the_label_has_the_time_of_the_commit(plan_of: PlanOf) -> None:
    assert dict(plan_of().build_args)["CREATED"] == "2026-01-02T03:04:05Z"


def test_layers_have_the_same_time_at_every_commit(plan_of: PlanOf) -> None:
    later = dataclasses.replace(REVISION, epoch_s=REVISION.epoch_s + 1)
    times = {dict(plan_of(revision=r).build_args)["SOURCE_DATE_EPOCH"] for r in (REVISION, later)}
    assert times == {str(SOURCE_DATE_EPOCH_S)}


def test_a_dirty_checkout_shows_in_revision_and_tag(plan_of: PlanOf) -> None:
    plan = plan_of(revision=dataclasses.replace(REVISION, dirty=True))
    assert dict(plan.build_args)["REVISION"] == f"{REVISION.commit}-dirty"
    assert plan.tags[1] == "image_one:full-tiny-0123456789ab-dirty"


def plan_gpu(revision: Revision, *pairs: tuple[str, str]) -> BuildPlan:
    family = load_family(ROOT / "images.toml")
    return make_plan(
        family,
        variant="gpu",
        target=None,
        base=dataclasses.replace(BASE, family="debian-13"),
        host=Platform.AMD64,
        revision=revision,
        ca_bundle=None,
        root=ROOT,
        extra_build_args=pairs,
    )


def test_another_cuda_line_or_tensorrt_gets_another_tag_and_the_default_none() -> None:
    name = "base_edge_node_amd64_gpu:full-debian-13"
    assert plan_gpu(REVISION, ("CUDA", "12.8"), ("TENSORRT", "none")).tags[0] == name
    assert plan_gpu(REVISION, ("CUDA", "13.0")).tags[0] == f"{name}-cu13.0"
    assert plan_gpu(REVISION, ("TENSORRT", "10.14.1.48.post1")).tags == (
        f"{name}-trt10.14.1.48.post1",
        f"{name}-trt10.14.1.48.post1-0123456789ab",
    )


def test_a_cuda_line_that_is_not_declared_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"12\.9") as caught:
        plan_gpu(REVISION, ("CUDA", "12.9"))
    assert "12.8" in str(caught.value.next_step)


def plan_board(base: str, torch: str, host: Platform = Platform.AMD64) -> BuildPlan:
    return make_plan(
        load_family(ROOT / "images.toml"), variant="arm64", target=None,
        base=dataclasses.replace(BASE, family=base), host=host, revision=REVISION, ca_bundle=None,
        root=ROOT, extra_build_args=[("TORCH", torch)],
    )  # fmt: skip


@pytest.mark.parametrize("host", Platform)
def test_another_torch_gets_another_tag_and_its_own_stages(host: Platform) -> None:
    name = "base_edge_node_arm64_cpu:full-debian-13"
    index, archive = (plan_board("debian-13", torch, host) for torch in ("index", "archive"))
    assert (index.tags[0], archive.tags[0]) == (name, f"{name}-torch-archive")
    assert [stage for stage in index.stages if stage.startswith("torch")] == ["torch-index", "torch"]
    assert [stage for stage in archive.stages if stage.startswith("torch")] == [
        "torch-packages", f"torch-archive-{host.architecture}", "torch-archive", "torch",
    ]  # fmt: skip


def test_a_base_whose_archive_has_no_torch_is_refused_with_one_that_has() -> None:
    with pytest.raises(UsageError, match=r"the archive of ubuntu-24\.04 has no torch") as caught:
        plan_board("ubuntu-24.04", "archive")
    assert "build on debian-13" in caught.value.next_step


def test_a_torch_that_is_not_declared_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown value of TORCH 'archives'") as caught:
        plan_board("debian-13", "archives")
    assert "did you mean archive?" in caught.value.next_step


def test_tags_follow_the_declared_scheme(plan_of: PlanOf) -> None:
    assert plan_of(target="core").tags == (
        "image_one:core-tiny",
        "image_one:core-tiny-0123456789ab",
    )


def test_a_base_adds_its_own_build_arguments(plan_of: PlanOf) -> None:
    assert dict(plan_of().build_args)["EXTRA"] == "of the base"


def test_a_person_overrides_what_the_base_adds(plan_of: PlanOf) -> None:
    plan = plan_of(extra_build_args=[("EXTRA", "mine")])
    assert dict(plan.build_args)["EXTRA"] == "mine"


def test_a_proxy_needs_no_arg_in_the_dockerfile(plan_of: PlanOf) -> None:
    plan = plan_of(extra_build_args=[("https_proxy", "http://proxy:3128")])
    assert ("https_proxy", "http://proxy:3128") in plan.build_args


def test_the_certificate_bundle_is_a_secret(plan_of: PlanOf) -> None:
    bundle = Path("/ca.pem")
    assert plan_of(ca_bundle=bundle).secrets == (Secret(id="ca", path=bundle),)
    assert plan_of().secrets == ()


def test_the_same_words_make_the_same_plan(plan_of: PlanOf) -> None:
    assert plan_of() == plan_of()


@pytest.mark.parametrize(
    ("change", "nearest"),
    [
        ({"variant": "on"}, "one"),
        ({"target": "cor"}, "core"),
        ({"base": dataclasses.replace(BASE, family="tinny")}, "tiny"),
        ({"extra_build_args": [("WITH_THNG", "0")]}, "WITH_THING"),
    ],
    ids=["variant", "target", "base", "build argument"],
)
def test_an_unknown_word_is_answered_with_the_nearest(
    plan_of: PlanOf, change: dict[str, object], nearest: str
) -> None:
    with pytest.raises(UsageError, match=f"did you mean {nearest}\\?"):
        plan_of(**change)


def test_a_base_that_the_image_does_not_build_on_is_refused(plan_of: PlanOf) -> None:
    with pytest.raises(UsageError, match="use one of: other, tiny"):
        plan_of(base=dataclasses.replace(BASE, family="unused"))


@pytest.mark.parametrize("word", ["-v/:/h", "a\nb", "../", "x" * 5000, "\u0441\u0440u"], ids=ascii)
def test_a_hostile_word_is_refused_in_one_short_line(plan_of: PlanOf, word: str) -> None:
    for change in (
        {"variant": word},
        {"target": word},
        {"base": dataclasses.replace(BASE, family=word)},
        {"extra_build_args": [(word, "1")]},
        {"extra_build_args": [("EXTRA", f"{word}\n")]},
    ):
        with pytest.raises(UsageError) as caught:
            plan_of(**change)
        assert len(caught.value.message) < 200
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", sorted(_own_args(BASE, REVISION)))
def test_what_the_plan_sets_cannot_be_overridden(plan_of: PlanOf, name: str) -> None:
    with pytest.raises(UsageError, match="is set by the plan"):
        plan_of(extra_build_args=[(name, "x")])


def test_a_dockerfile_without_the_promised_stage_is_refused(plan_of: PlanOf, checkout: Path) -> None:
    path = checkout / "image_one" / "Dockerfile"
    path.write_text("FROM scratch AS core\nARG EXTRA\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="has no stage 'full'"):
        plan_of()


def test_our_dockerfiles_take_what_a_plan_gives() -> None:
    base = BaseImage(family="f", reference="r:1", digest=ZERO, origin="declared", reason="")
    # SOURCE_DATE_EPOCH is BuildKit's own.
    given = _own_args(base, REVISION).keys() - {"SOURCE_DATE_EPOCH"}
    for path in ROOT.glob("*/Dockerfile"):
        assert given <= load_dockerfile(path).arg_names

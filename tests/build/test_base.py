"""The base is the one that can be had; the reason says why not the ones before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build import base as room
from baseimages.build import choose_base, choose_stand_in
from baseimages.declare import Family, Platform
from baseimages.errors import BaseFamilyError, CommandError, DeadlineError, UsageError
from baseimages.plan import BaseImage
from tests.build.conftest import BUILDX, ENGINE, INSPECT, said
from tests.conftest import FakeRunner

UBUNTU, DEBIAN = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FAMILY = Family.model_validate(
    {
        "bases": {
            "ubuntu-24.04": {"reference": "ubuntu:24.04", "digest": UBUNTU, "glibc": "2.39"},
            "debian-13": {
                "reference": "debian:trixie-slim",
                "digest": DEBIAN,
                "glibc": "2.41",
                "bootstrap": {"suite": "trixie"},
            },
            "unused": {"reference": "unused:1", "digest": UBUNTU, "glibc": "2.39"},
        },
        "images": {
            "one": {
                "name": "image_one",
                "environment_version": "1.0.0",
                "platform": "linux/amd64",
                "accelerator": "cpu",
                "targets": ["core"],
                "default_target": "core",
                "bases": ["ubuntu-24.04", "debian-13"],
                "suite": "image_testing/test-one.sh",
                "tags": ["{target}-{base}"],
            }
        },
    }
)
IMAGETOOLS = (*BUILDX, "imagetools", "inspect", "--raw")
MADE = BaseImage(
    family="debian-13",
    reference="baseimages/debian-13:0123",
    digest="sha256:" + "c" * 64,
    origin="bootstrapped",
    reason="",
)
Choose = Callable[..., BaseImage]


def refusal(tail: str) -> CommandError:
    return CommandError("buildx ended with 1", next_step="x", tail=tail)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the bases that were made from the archive; mmdebstrap is there."""
    names: list[str] = []

    def make_base(name: str, recipe: object, platform: Platform, *_: object) -> BaseImage:
        names.append(f"{name} for {platform}")
        return MADE

    monkeypatch.setattr(room, "make_base", make_base)
    monkeypatch.setattr(room, "find_program", lambda name: Path("/usr/bin") / name)
    return names


@pytest.fixture
def choose(runner: FakeRunner, console: Console, made: list[str]) -> Choose:
    """An engine that holds nothing and a registry that cannot be found, unless scripted otherwise."""
    runner.script(*INSPECT, returncode=1, stderr="Error: No such image")
    runner.script(*IMAGETOOLS, error=refusal("lookup registry.example: no such host"))

    def call(requested: str = "auto") -> BaseImage:
        return choose_base(FAMILY, FAMILY.image("one"), requested, ENGINE, runner, console)

    return call


def test_a_base_that_the_engine_holds_is_taken_without_asking_a_registry(
    choose: Choose, runner: FakeRunner
) -> None:
    runner.script(*INSPECT, f"ubuntu:24.04@{UBUNTU}", stdout=f"{UBUNTU}\n")
    base = choose()
    assert (base.family, base.origin, base.reason) == (
        "ubuntu-24.04",
        "registry",
        "ubuntu-24.04: the engine holds it",
    )
    assert not [call for call in runner.calls if "imagetools" in call]


def test_the_engine_is_asked_for_the_digest_and_not_for_the_tag(choose: Choose, runner: FakeRunner) -> None:
    runner.script(*INSPECT, "ubuntu:24.04", stdout="sha256:other\n")
    assert choose().family == "debian-13"


def test_a_base_that_the_registry_answers_for_is_taken_and_not_pulled(
    choose: Choose, runner: FakeRunner
) -> None:
    runner.script(*IMAGETOOLS, f"ubuntu:24.04@{UBUNTU}", stdout="{}")
    base = choose()
    assert base.reason == "ubuntu-24.04: its registry has it"
    assert base.build_argument == f"ubuntu:24.04@{UBUNTU}"
    assert not [call for call in runner.calls if "pull" in call]


@pytest.mark.parametrize(
    ("tail", "meaning"),
    [
        ("dial tcp: lookup registry.example: no such host", "cannot be found by name"),
        ("ERROR: docker.io/library/ubuntu@sha256:aa: not found", "does not have that digest"),
        ("tls: x509: certificate signed by unknown authority", "certificate of its registry is not trusted"),
        ("unexpected status: 401 Unauthorized", "wants a login"),
        ("requested access to the resource is denied", "wants a login"),
        ("dial tcp 192.0.2.1:443: connect: connection refused", "its registry cannot be reached"),
        ("", "its registry cannot be reached"),
    ],
)
def test_the_cause_of_a_registrys_refusal_is_named_without_its_own_words(
    choose: Choose, runner: FakeRunner, tail: str, meaning: str
) -> None:
    runner.script(*IMAGETOOLS, error=refusal(tail))
    with pytest.raises(BaseFamilyError, match=meaning) as caught:
        choose("ubuntu-24.04")
    assert "192.0.2.1" not in str(caught.value)
    assert "registry.example" not in str(caught.value)


def test_a_registry_that_does_not_answer_is_given_up_after_its_time(
    choose: Choose, runner: FakeRunner
) -> None:
    runner.script(*IMAGETOOLS, error=DeadlineError("stopped", next_step="x", tail="no such host"))
    with pytest.raises(BaseFamilyError, match="did not answer within 20 s"):
        choose("ubuntu-24.04")


def test_what_the_client_said_of_the_registry_is_shown_on_the_console(
    choose: Choose, runner: FakeRunner, console: Console
) -> None:
    runner.script(*IMAGETOOLS, error=refusal("lookup [registry.example]: no such host"))
    with pytest.raises(BaseFamilyError):
        choose("ubuntu-24.04")
    assert "lookup [registry.example]: no such host" in said(console)


def test_without_a_registry_auto_makes_the_base_that_has_a_recipe_and_says_why(
    choose: Choose, made: list[str]
) -> None:
    base = choose()
    assert made == ["debian-13 for linux/amd64"]
    assert (base.reference, base.origin) == (MADE.reference, "bootstrapped")
    assert base.reason == (
        "ubuntu-24.04: its registry cannot be found by name; "
        "debian-13: its registry cannot be found by name, so it was made from the archive"
    )


def test_the_base_is_made_for_the_platform_of_the_image(
    runner: FakeRunner, console: Console, made: list[str], choose: Choose
) -> None:
    image = FAMILY.image("one").model_copy(update={"platform": Platform.ARM64})
    choose_base(FAMILY, image, "debian-13", ENGINE, runner, console)
    assert made == ["debian-13 for linux/arm64"]


def test_a_registry_is_preferred_to_making_the_base(
    choose: Choose, runner: FakeRunner, made: list[str]
) -> None:
    runner.script(*IMAGETOOLS, f"debian:trixie-slim@{DEBIAN}", stdout="{}")
    assert choose("debian-13").origin == "registry"
    assert not made


def test_without_mmdebstrap_each_base_is_refused_with_its_cause(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "find_program", lambda name: None)
    with pytest.raises(BaseFamilyError) as caught:
        choose()
    assert "ubuntu-24.04: its registry" in caught.value.message
    assert "by name, and mmdebstrap is not installed" in caught.value.message
    assert "install mmdebstrap" in caught.value.next_step


def test_mmdebstrap_is_no_cure_for_a_base_that_it_cannot_make(choose: Choose) -> None:
    with pytest.raises(BaseFamilyError) as caught:
        choose("ubuntu-24.04")
    assert "mmdebstrap" not in caught.value.next_step


def test_a_requested_base_is_never_replaced_by_another(choose: Choose, made: list[str]) -> None:
    with pytest.raises(BaseFamilyError, match=r"ubuntu-24\.04"):
        choose("ubuntu-24.04")
    assert not made


@pytest.mark.parametrize("word", ["debian-12", "unused"], ids=["in no family", "of another image"])
def test_a_base_that_the_image_does_not_build_on_is_refused_before_anything_is_asked(
    choose: Choose, runner: FakeRunner, word: str
) -> None:
    with pytest.raises(UsageError, match="base family"):
        choose(word)
    assert not runner.calls


def test_a_stand_in_is_made_for_the_engine_and_never_called_the_base(
    choose: Choose, runner: FakeRunner, console: Console, made: list[str]
) -> None:
    image = FAMILY.image("one").model_copy(update={"platform": Platform.ARM64})
    stand_in = choose_stand_in(FAMILY, image, ("debian-13",), ENGINE, runner, console)
    assert made == ["debian-13 for linux/amd64"]
    assert (stand_in.family, stand_in.origin) == ("ubuntu-24.04", "stand-in")
    assert stand_in.build_argument == stand_in.build_reference == MADE.reference
    assert stand_in.reason.startswith("stand-in, for build stages only: debian-13: ")


def test_a_stand_in_of_a_registry_is_used_by_its_digest(
    choose: Choose, runner: FakeRunner, console: Console
) -> None:
    runner.script(*IMAGETOOLS, f"debian:trixie-slim@{DEBIAN}", stdout="{}")
    stand_in = choose_stand_in(FAMILY, FAMILY.image("one"), ("debian-13",), ENGINE, runner, console)
    assert stand_in.build_argument == f"debian:trixie-slim@{DEBIAN}"

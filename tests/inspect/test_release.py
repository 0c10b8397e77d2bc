"""Release tags: the image answers, and no tag has a hole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from baseimages.declare import load_family
from baseimages.errors import CommandError, EngineError, TagError, UsageError
from baseimages.inspect import make_release, tag_commands
from tests.conftest import ROOT, FakeRunner

FAMILY = load_family(ROOT / "images.toml")
CPU, GPU = "base_edge_node_amd64_cpu", "base_edge_node_amd64_gpu"
IMAGE = "some/image:full"
REVISION = "6ce207e0a1b2c3d4e5f60718293a4b5c6d7e8f90"
VERSIONS: dict[str, str | None] = {
    "python": "3.13.5", "torch": "2.9.1+cu128", "cuda": "12.8", "tensorrt": "10.14.1.48.post1",
    "onnx": "1.23.2", "transformers": "5.23.0",
}  # fmt: skip


def script_image(
    runner: FakeRunner, *, name: str = GPU, versions: dict[str, str | None] | None = None, **labels: str
) -> None:
    """An engine that holds IMAGE; `labels` are named by their last word."""
    found = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.revision": labels.get("revision", REVISION),
        "org.opencontainers.image.created": labels.get("created", "2026-11-24T02:54:10Z"),
        "io.baseimages.target": labels.get("target", "full"),
        "io.baseimages.base-family": labels.get("base", "ubuntu-24.04"),
        "io.baseimages.tensorrt": labels.get("tensorrt", "10.14.1.48.post1"),
    }
    runner.script("docker", "image", "inspect", stdout=json.dumps(found))
    answer = VERSIONS | (versions or {})
    runner.script("docker", "run", stdout=json.dumps(answer) + "\n")


def references(runner: FakeRunner, **options: Any) -> tuple[str, ...]:
    return make_release(IMAGE, FAMILY, runner, **options).references


def test_the_gpu_image_is_tagged_by_its_scheme_its_day_its_revision_and_its_legacy_names(
    runner: FakeRunner,
) -> None:
    script_image(runner)
    scheme = "py3.13-th2.9-cu12.8-trt10.14-tr5.23"
    assert references(runner) == (
        f"{GPU}:{scheme}",
        f"{GPU}:{scheme}-20261124",
        f"{GPU}:{scheme}-sha-6ce207e0a1b2",
        f"base_edge_node:{scheme}",
        f"base_edge_node_dind:{scheme}",
    )


def test_the_cpu_image_has_its_own_scheme_and_another_base_says_so(runner: FakeRunner) -> None:
    script_image(runner, name=CPU, base="debian-13", versions={"torch": "2.6.0"})
    assert references(runner)[0] == f"{CPU}:py3.13-th2.6-ox1.23-tr5.23-debian-13"


def test_what_was_left_out_by_request_has_no_part_of_the_tag(runner: FakeRunner) -> None:
    script_image(runner, versions={"tensorrt": None}, tensorrt="none")
    assert references(runner)[0] == f"{GPU}:py3.13-th2.9-cu12.8-tr5.23"


@pytest.mark.parametrize("question", ["python", "torch", "cuda", "tensorrt", "transformers"])
@pytest.mark.parametrize("answer", [None, "", "unknown", "3.13; rm -rf /"])
def test_an_answer_that_is_no_version_is_an_error_and_no_hole(
    runner: FakeRunner, question: str, answer: str | None
) -> None:
    script_image(runner, versions={question: answer})
    with pytest.raises(TagError, match=question):
        references(runner)


@pytest.mark.parametrize("text", ["", "hello", "[]", '{"python": 3}', "warning\n{}"])
def test_an_image_that_answers_something_else_is_an_error(runner: FakeRunner, text: str) -> None:
    script_image(runner)
    runner.script("docker", "run", stdout=text)
    with pytest.raises(TagError, match="answered something else"):
        references(runner)


def test_an_image_whose_python_does_not_start_is_an_error_with_its_words(runner: FakeRunner) -> None:
    script_image(runner)
    runner.script("docker", "run", returncode=1, stderr="ImportError: libtorch_cpu.so")
    with pytest.raises(TagError, match=r"ImportError: libtorch_cpu\.so"):
        references(runner)


def test_the_question_runs_without_network_and_without_an_engine_inside(runner: FakeRunner) -> None:
    script_image(runner)
    references(runner)
    asked = runner.calls[-1]
    assert asked[:6] == ("docker", "run", "--rm", "--network", "none", "--env")
    assert "EE_DD=false" in asked


@pytest.mark.parametrize(
    "labels", [{"revision": "unknown"}, {"revision": f"{REVISION}-dirty"}, {"revision": ""}, {"created": ""}]
)
def test_an_image_of_no_committed_revision_is_not_released(
    runner: FakeRunner, labels: dict[str, str]
) -> None:
    script_image(runner, **labels)
    with pytest.raises(TagError, match="no committed revision"):
        references(runner)


def test_the_target_core_is_not_released(runner: FakeRunner) -> None:
    script_image(runner, target="core")
    with pytest.raises(UsageError, match="target 'core'"):
        references(runner)


def test_an_image_of_another_family_is_refused(runner: FakeRunner) -> None:
    script_image(runner, name="base_edge_node_amd64")
    with pytest.raises(UsageError, match="unknown image 'base_edge_node_amd64'"):
        references(runner)


def test_an_image_that_the_engine_lacks_is_named(runner: FakeRunner) -> None:
    runner.script("docker", "image", "inspect", returncode=1, stderr="No such image")
    with pytest.raises(EngineError, match="no image 'some/image:full'"):
        references(runner)


@pytest.mark.parametrize("word", ["-v/:/h", "--privileged", "A B", "../x", "", "x;id"])
def test_a_hostile_image_or_repository_is_refused_before_the_engine_is_asked(
    runner: FakeRunner, word: str
) -> None:
    with pytest.raises(UsageError, match="is no image"):
        make_release(word, FAMILY, runner)
    with pytest.raises(UsageError, match="is no repository"):
        references(runner, repository=word)
    assert runner.calls == []


def test_a_repository_stands_in_for_all_names_of_the_image(runner: FakeRunner) -> None:
    script_image(runner)
    release = make_release(IMAGE, FAMILY, runner, repository="registry.example.org:5000/edge/gpu")
    assert {reference.rpartition(":")[0] for reference in release.references} == {
        "registry.example.org:5000/edge/gpu"
    }
    assert tag_commands(release)[0] == ("docker", "tag", IMAGE, release.references[0])


def test_a_command_error_of_the_engine_keeps_its_class(runner: FakeRunner) -> None:
    script_image(runner)
    runner.script("docker", "run", error=CommandError("no answer", next_step="look", tail=""))
    with pytest.raises(TagError):
        references(runner)

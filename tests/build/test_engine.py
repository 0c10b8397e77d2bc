"""An engine is found, or refused with its cause and the next step."""

from __future__ import annotations

import json
from typing import Any

import pytest

from baseimages.build import find_engine
from baseimages.errors import CommandError, DeadlineError, EngineError, MissingToolError
from baseimages.host import CONTAINERD_STORE
from tests.conftest import FakeRunner

INFO = ("docker", "info")
ANSWER: dict[str, Any] = {
    "Driver": "overlayfs",
    "DriverStatus": [["driver-type", CONTAINERD_STORE]],
    "ServerVersion": "28.5.2",
    "Architecture": "x86_64",
    "ClientInfo": {"Context": "remote"},
}
# What the client prints when it reaches nobody (docker 28.5.2).
NO_SERVER = {"ServerVersion": "", "DriverStatus": None, "ClientInfo": {"Context": "default"}}
UNREACHED = "Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?\n"
DENIED = "permission denied while trying to connect to the Docker daemon socket at unix:///run/docker.sock"


def answer(runner: FakeRunner, **changes: Any) -> None:
    runner.script(*INFO, stdout=json.dumps(ANSWER | changes))
    runner.script("docker", "buildx", "version", stdout="github.com/docker/buildx 0.29.1 0.29.1-4\n")


def test_an_engine_tells_its_versions_and_architecture(runner: FakeRunner) -> None:
    answer(runner)
    engine = find_engine(runner)
    assert (engine.server_version, engine.buildx_version, engine.architecture) == (
        "28.5.2",
        "0.29.1",
        "x86_64",
    )


def test_the_builder_is_the_engines_own_whatever_was_chosen_before(runner: FakeRunner) -> None:
    answer(runner)
    assert find_engine(runner).buildx("du") == ["docker", "buildx", "--builder", "remote", "du"]


def test_a_named_host_is_asked_and_used(runner: FakeRunner) -> None:
    host = ("docker", "--host", "unix:///private.sock")
    runner.script(*host, "info", stdout=json.dumps(ANSWER))
    runner.script(*host, "buildx", "version", stdout="github.com/docker/buildx 0.29.1\n")
    assert find_engine(runner, host="unix:///private.sock").argv("load") == [*host, "load"]


def test_a_machine_without_a_client_is_told_to_get_one(runner: FakeRunner) -> None:
    runner.script(*INFO, error=MissingToolError("docker cannot be started", next_step="x"))
    with pytest.raises(EngineError, match="no docker client on PATH") as caught:
        find_engine(runner)
    assert "./bootstrap.sh" in caught.value.next_step


@pytest.mark.parametrize("returncode", [0, 1], ids=["a client that ends with 0", "one that ends with 1"])
def test_a_dead_daemon_is_named_whatever_the_exit_code(runner: FakeRunner, returncode: int) -> None:
    runner.script(*INFO, stdout=json.dumps(NO_SERVER), stderr=UNREACHED, returncode=returncode)
    with pytest.raises(EngineError, match="no container engine answers: Cannot connect") as caught:
        find_engine(runner)
    assert "start it" in caught.value.next_step


def test_a_daemon_whose_client_reports_errors_is_dead(runner: FakeRunner) -> None:
    answer(runner, ServerErrors=["Error response from daemon: it is shutting down"])
    with pytest.raises(EngineError, match="it is shutting down"):
        find_engine(runner)


def test_a_client_without_a_daemon_and_without_words_is_refused(runner: FakeRunner) -> None:
    runner.script(*INFO, stdout=json.dumps({"host": {}, "version": {}}))
    with pytest.raises(EngineError, match="no daemon behind it"):
        find_engine(runner)


@pytest.mark.parametrize("stream", ["ServerErrors", "stderr"])
def test_a_user_who_may_not_ask_is_told_which_group_to_join(runner: FakeRunner, stream: str) -> None:
    told = {"ServerErrors": [DENIED]} if stream == "ServerErrors" else {}
    runner.script(*INFO, stdout=json.dumps(NO_SERVER | told), stderr="" if told else DENIED, returncode=1)
    with pytest.raises(EngineError, match="this user may not talk to the container engine") as caught:
        find_engine(runner)
    assert "usermod -aG docker" in caught.value.next_step


def test_an_engine_that_never_answers_is_an_engine_error_with_a_next_step(runner: FakeRunner) -> None:
    runner.script(*INFO, error=DeadlineError("docker info did not end", next_step="x"))
    with pytest.raises(EngineError, match="did not answer within 3 s") as caught:
        find_engine(runner)
    assert caught.value.next_step.startswith("restart it")


def test_an_engine_that_never_answers_is_asked_once(runner: FakeRunner) -> None:
    runner.script(*INFO, error=DeadlineError("docker info did not end", next_step="x"))
    with pytest.raises(EngineError):
        find_engine(runner)
    assert len(runner.calls) == 1


@pytest.mark.parametrize("status", [None, [], [["Backing Filesystem", "extfs"]], [["odd"]]], ids=str)
def test_a_store_that_cannot_export_layouts_is_refused(runner: FakeRunner, status: object) -> None:
    answer(runner, Driver="overlay2", DriverStatus=status)
    with pytest.raises(EngineError, match=r"image store \(overlay2\) cannot export") as caught:
        find_engine(runner)
    assert "containerd-snapshotter" in caught.value.next_step


def test_a_client_without_buildx_is_told_which_package_to_install(runner: FakeRunner) -> None:
    answer(runner)
    runner.script("docker", "buildx", "version", error=CommandError("unknown command", next_step="x"))
    with pytest.raises(EngineError, match="no buildx plugin") as caught:
        find_engine(runner)
    assert "docker-buildx" in caught.value.next_step


@pytest.mark.parametrize("garbage", ["<html>proxy</html>", "{", "\x00" * 5000], ids=["html", "cut", "nul"])
def test_a_garbage_answer_is_refused_and_quoted_in_short(runner: FakeRunner, garbage: str) -> None:
    runner.script(*INFO, stdout=garbage)
    with pytest.raises(EngineError, match="did not answer in JSON") as caught:
        find_engine(runner)
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("document", ["[]", "null", '"text"', "7"])
def test_an_answer_that_is_no_object_is_refused(runner: FakeRunner, document: str) -> None:
    runner.script(*INFO, stdout=document)
    with pytest.raises(EngineError, match="no container engine answers"):
        find_engine(runner)

"""The doctor: a line each with cause and cure, whatever fails on the machine."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from baseimages.errors import CommandError, DeadlineError, MissingToolError
from baseimages.host import Check, doctor, render_checks, run_doctor
from tests.conftest import FakeRunner


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program is found, no host is."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(doctor, "find_program", lambda name: Path("/usr/bin") / name)


@pytest.fixture
def healthy(runner: FakeRunner) -> FakeRunner:
    runner.script("docker", "version", stdout="28.5.2 amd64\n")
    runner.script("docker", "buildx", "version", stdout="buildx 0.29\n")
    runner.script("docker", "info", stdout='[["driver-type","io.containerd.snapshotter.v1"]]\n')
    for name in doctor.TOOLS:
        runner.script(f"/usr/bin/{name}", stdout=f"{name} 1.0\n")
    return runner


def look(runner: FakeRunner, name: str) -> Check:
    checks = {check.name: check for check in run_doctor(Path.cwd(), runner)}
    return checks[name]


def test_a_healthy_engine_is_ok_and_needs_no_cure(healthy: FakeRunner) -> None:
    checks = {check.name: check for check in run_doctor(Path.cwd(), healthy)}
    for name in ("engine", "buildx", "image store", "tool git"):
        assert (checks[name].status, checks[name].cure) == ("ok", "")


@pytest.mark.parametrize(
    "error",
    [
        MissingToolError("docker cannot be found", next_step=""),
        DeadlineError("docker did not end", next_step=""),
        CommandError("docker failed", next_step=""),
    ],
)
@pytest.mark.parametrize(
    ("name", "words"),
    [("engine", ("version",)), ("buildx", ("buildx", "version")), ("image store", ("info",))],
)
def test_an_engine_that_fails_is_a_problem_with_a_cure(
    healthy: FakeRunner, name: str, words: tuple[str, ...], error: Exception
) -> None:
    healthy.script("docker", *words, error=error)
    check = look(healthy, name)
    assert check.status == "problem"
    assert check.cure


def test_a_daemon_that_does_not_answer_tells_in_its_own_words(healthy: FakeRunner) -> None:
    healthy.script("docker", "version", stderr="noise\nCannot connect to the daemon\n", returncode=1)
    assert look(healthy, "engine").cause == "Cannot connect to the daemon"


def test_another_image_store_is_a_problem(healthy: FakeRunner) -> None:
    healthy.script("docker", "info", stdout='[["Backing Filesystem","extfs"]]\n')
    assert "containerd-snapshotter" in look(healthy, "image store").cure


def test_a_tool_that_hangs_is_a_warning_and_stops_nothing(healthy: FakeRunner) -> None:
    healthy.script("/usr/bin/go", error=DeadlineError("go did not end", next_step=""))
    assert look(healthy, "tool go").status == "warning"


def test_a_missing_tool_says_what_it_is_for(healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_program", lambda _: None)
    check = look(healthy, "tool mmdebstrap")
    assert (check.status, check.cause) == ("warning", "not on PATH")
    assert "without a registry" in check.cure


@pytest.mark.parametrize("host", doctor.REGISTRIES)
def test_a_registry_out_of_reach_says_what_is_done_without_it(healthy: FakeRunner, host: str) -> None:
    check = look(healthy, f"registry {host}")
    assert (check.status, check.cure) == ("warning", doctor.REGISTRIES[host])


class Connection:
    """A connection whose certificate has that issuer."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def wrap_socket(self, *_: Any, **__: Any) -> Connection:
        return self

    def getpeercert(self) -> dict[str, Any]:
        return {"issuer": ((("organizationName", self.issuer),),)}


@pytest.mark.parametrize(("issuer", "status"), [("Amazon", "ok"), ("Corporate Proxy Ltd", "warning")])
def test_a_certificate_of_somebody_in_between_is_told(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch, issuer: str, status: str
) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: Connection(issuer))
    monkeypatch.setattr(ssl, "create_default_context", lambda: Connection(issuer))
    check = look(healthy, "registry registry-1.docker.io")
    assert check.status == status
    assert issuer in check.cause
    assert ("--ca-bundle" in check.cure) == (status == "warning")


def test_a_certificate_that_is_not_trusted_is_a_problem(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ssl.SSLCertVerificationError(1, "self-signed certificate")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert look(healthy, "registry mirror.gcr.io").status == "problem"


def test_little_space_is_a_problem(healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_FLOOR_BYTES", 1 << 60)
    assert look(healthy, "disk").status == "problem"


def test_a_check_is_one_line_with_its_cure() -> None:
    check = Check(name="disk", status="problem", cause="1 GB free", cure="free 20 GB")
    (line,) = render_checks((check,), as_json=False).splitlines()
    assert line.split() == ["problem", "disk", "1", "GB", "free", "->", "free", "20", "GB"]
    assert json.loads(render_checks((check,), as_json=True))["checks"][0]["status"] == "problem"

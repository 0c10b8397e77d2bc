"""The doctor: a line each with cause and cure, whatever fails on the machine."""

from __future__ import annotations

import errno
import json
import shutil
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


def test_without_an_engine_the_image_store_is_not_blamed(healthy: FakeRunner) -> None:
    healthy.script("docker", "info", stdout="null\n", stderr="Cannot connect\n", returncode=1)
    check = look(healthy, "image store")
    assert (check.status, check.cause) == ("problem", "no engine tells which one it has")
    assert "bootstrap.sh" in check.cure
    assert "daemon.json" not in check.cure


def test_a_client_without_buildx_says_which_package_has_it(healthy: FakeRunner) -> None:
    healthy.script("docker", "buildx", "version", stderr="'buildx' is not a command\n", returncode=1)
    check = look(healthy, "buildx")
    assert (check.status, check.cause) == ("problem", "the docker client has no buildx")
    assert "docker-buildx" in check.cure


def test_a_daemon_that_fails_without_a_word_has_a_cause(healthy: FakeRunner) -> None:
    healthy.script("docker", "version", returncode=1)
    assert look(healthy, "engine").cause == "no daemon answers"


def test_on_a_machine_with_nothing_every_check_still_answers(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "find_program", lambda _: None)
    runner.script("docker", error=MissingToolError("docker cannot be started", next_step=""))
    checks = run_doctor(Path.cwd(), runner)
    names = [check.name for check in checks]
    own = ["engine", "buildx", "image store", "disk", "memory", "platform", "arm64 programs", "cache"]
    hosts = [f"registry {host}" for host in doctor.REGISTRIES]
    assert sorted(names) == sorted([*own, *hosts, *(f"tool {name}" for name in doctor.TOOLS)])
    assert all(check.cause for check in checks)


def test_what_is_wrong_has_a_cure_and_what_is_not_has_none(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "find_program", lambda _: None)
    runner.script("docker", error=MissingToolError("docker cannot be started", next_step=""))
    for check in run_doctor(Path.cwd(), runner):
        assert bool(check.cure) == (check.status != "ok"), check


def test_a_tool_tells_the_first_line_of_its_version(healthy: FakeRunner) -> None:
    healthy.script("/usr/bin/git", "--version", stdout="git version 2.51\nmore\n")
    assert look(healthy, "tool git").cause == "git version 2.51"


def test_go_is_asked_in_its_own_way(healthy: FakeRunner) -> None:
    look(healthy, "tool go")
    assert ("/usr/bin/go", "version") in healthy.calls


def test_a_tool_that_tells_no_version_is_there_all_the_same(healthy: FakeRunner) -> None:
    healthy.script("/usr/bin/uv", returncode=1)
    check = look(healthy, "tool uv")
    assert (check.status, check.cause) == ("ok", "no version told")


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


def test_a_certificate_without_an_issuer_is_not_trusted_by_name(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: Connection(""))
    monkeypatch.setattr(ssl, "create_default_context", lambda: Connection(""))
    check = look(healthy, "registry registry-1.docker.io")
    assert check.status == "warning"
    assert "an unnamed issuer" in check.cause


@pytest.mark.parametrize(("free_bytes", "status"), [(19_900_000_000, "problem"), (20_000_000_000, "ok")])
def test_a_disk_with_less_than_20_gb_is_a_problem(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch, free_bytes: int, status: str
) -> None:
    usage = shutil.disk_usage(".")._replace(free=free_bytes)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    check = look(healthy, "disk")
    assert (check.status, bool(check.cure)) == (status, status != "ok")


@pytest.mark.parametrize(("pages", "status"), [(900_000, "warning"), (1_000_000, "ok")])
def test_a_machine_with_less_than_4_gb_is_a_warning(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch, pages: int, status: str
) -> None:
    told = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": pages}
    monkeypatch.setattr(doctor.os, "sysconf", told.__getitem__)
    check = look(healthy, "memory")
    assert (check.status, check.cause) == (status, f"{pages * 4096 / 1e9:.1f} GB")


def test_a_system_that_does_not_tell_its_memory_is_not_given_a_number(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> int:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(doctor.os, "sysconf", refuse)
    check = look(healthy, "memory")
    assert (check.status, check.cause) == ("warning", "not told by this system")


def test_the_machine_and_what_it_emulates_are_told(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [Path("register"), Path("qemu-riscv64"), Path("qemu-aarch64")]
    monkeypatch.setattr(doctor.Path, "iterdir", lambda _: iter(entries))
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    assert look(healthy, "platform").cause == "x86_64; emulation of qemu-aarch64, qemu-riscv64"


@pytest.fixture
def binfmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's table of interpreters, of an amd64 machine."""
    monkeypatch.setattr(doctor, "BINFMT", tmp_path)
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    return tmp_path


# Written by hand in the form that the kernel shows an entry; the magic is left out.
REGISTERED = "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: OCF\noffset 0\n"


def test_registered_emulation_is_told_with_its_interpreter(healthy: FakeRunner, binfmt: Path) -> None:
    (binfmt / "qemu-aarch64").write_text(REGISTERED)
    check = look(healthy, "arm64 programs")
    assert (check.status, check.cause) == ("ok", "emulation by /usr/bin/qemu-aarch64, flags OCF")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("enabled", "disabled", "disabled"), ("OCF", "OC", "without F"), ("flags: OCF", "flags: ", "none")],
)
def test_emulation_that_a_container_cannot_use_is_a_warning(
    healthy: FakeRunner, binfmt: Path, old: str, new: str, told: str
) -> None:
    (binfmt / "qemu-aarch64").write_text(REGISTERED.replace(old, new))
    check = look(healthy, "arm64 programs")
    assert (check.status, told in check.cause) == ("warning", True)


def test_without_emulation_the_doctor_says_what_is_not_possible_and_registers_nothing(
    healthy: FakeRunner, binfmt: Path
) -> None:
    check = look(healthy, "arm64 programs")
    assert check.status == "warning"
    assert "arm64 images are built and not run here" in check.cause
    assert "--with-emulation" in check.cure
    assert list(binfmt.iterdir()) == []


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_an_arm64_machine_needs_no_emulation(
    healthy: FakeRunner, binfmt: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    monkeypatch.setattr(doctor.platform, "machine", lambda: machine)
    assert look(healthy, "arm64 programs").status == "ok"


def test_an_automount_that_cannot_be_entered_stops_nothing(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.ELOOP, "Too many levels of symbolic links")

    monkeypatch.setattr(doctor.Path, "iterdir", refuse)
    assert look(healthy, "platform").cause.endswith("emulation of nothing")


def test_the_folder_of_programs_and_base_tars_is_named(
    healthy: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "user_cache_path", lambda name: Path("/cache") / name)
    assert look(healthy, "cache").cause == "programs and base tars lie in /cache/baseimages"


def test_a_check_is_one_line_with_its_cure() -> None:
    check = Check(name="disk", status="problem", cause="1 GB free", cure="free 20 GB")
    (line,) = render_checks((check,), as_json=False).splitlines()
    assert line.split() == ["problem", "disk", "1", "GB", "free", "->", "free", "20", "GB"]


def test_json_carries_its_schema_version_and_every_check() -> None:
    checks = (
        Check(name="disk", status="problem", cause="1 GB free", cure="free 20 GB"),
        Check(name="engine", status="ok", cause="28"),
    )
    document = json.loads(render_checks(checks, as_json=True))
    assert document["schema_version"] == 1
    assert tuple(Check(**check) for check in document["checks"]) == checks

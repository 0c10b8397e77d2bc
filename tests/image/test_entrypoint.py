"""The entrypoint's contract, with stubs first on PATH: no root and no engine."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
SCRIPT = ROOT / "scripts" / "entrypoint.sh"


class Box:
    """A folder with stubs, and the environment that finds them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        self.stub("docker", f"[ -s {folder}/dockerd.argv ]")
        self.stub("dockerd", f'env > {folder}/dockerd.env; echo "$@" > {folder}/dockerd.argv; sleep 3')

    def stub(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "DOCKER_TLS_CERTDIR": "",
            "EE_DD_CGROUP": str(self.folder / "cgroup"),
            "EE_DD_LOG": str(self.folder / "log"),
            "EE_DD_TIMEOUT_S": "5",
        }
        return subprocess.run(
            [str(SCRIPT), *words],
            env=environment | env,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def argv(self) -> str:
        return (self.folder / "dockerd.argv").read_text()


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.mark.parametrize("value", ["0", "false"])
def test_no_engine_is_started_and_the_command_is_untouched(box: Box, value: str) -> None:
    done = box.run("bash", "-c", 'printf "%s|" "$@"; exit 37', "_", "a b", "*", "$HOME", "", EE_DD=value)
    assert (done.returncode, done.stdout, done.stderr) == (37, "a b|*|$HOME||", "")
    assert not (box.folder / "dockerd.argv").exists()


@pytest.mark.parametrize("value", ["true", "1", "", "False", " 0"])
def test_anything_else_starts_the_engine(box: Box, value: str) -> None:
    done = box.run("echo", "mine", EE_DD=value)
    assert (done.returncode, done.stdout) == (0, "mine\n")
    assert "engine ready" in done.stderr


@pytest.mark.parametrize("value", ["0", "1"])
def test_no_command_is_an_error_and_not_a_daemon(box: Box, value: str) -> None:
    done = box.run(EE_DD=value)
    assert done.returncode == 64
    assert not (box.folder / "dockerd.argv").exists()


def test_a_daemon_that_dies_is_noticed_its_words_shown_the_command_not_run(box: Box) -> None:
    box.stub("dockerd", "echo no permission; exit 1")
    box.stub("docker", "exit 1")
    done = box.run("touch", str(box.folder / "ran"), EE_DD="1")
    assert done.returncode == 69
    assert "no permission" in done.stderr
    assert "--privileged" in done.stderr
    assert not (box.folder / "ran").exists()


def test_a_probe_that_hangs_ends_with_the_deadline(box: Box) -> None:
    box.stub("dockerd", "exec sleep 30")
    box.stub("docker", "exec sleep 30")
    done = box.run("touch", str(box.folder / "ran"), EE_DD="1", EE_DD_PROBE_S="1", EE_DD_TIMEOUT_S="2")
    assert done.returncode == 69
    assert "did not answer within 2 s" in done.stderr
    assert not (box.folder / "ran").exists()


def test_the_probe_asks_our_daemon_whatever_the_environment_names(box: Box) -> None:
    box.stub("docker", f'echo "$DOCKER_HOST|$*" >> {box.folder}/probe')
    box.run("true", EE_DD="1", DOCKER_HOST="tcp://192.0.2.1:1")
    assert (box.folder / "probe").read_text().startswith("|--host unix:///var/run/docker.sock info")


def test_the_driver_of_the_environment_cannot_beat_the_choice(box: Box) -> None:
    box.run("true", EE_DD="1", DOCKER_DRIVER="overlay2", DOCKERD_STORAGE_DRIVER="vfs")
    assert "--storage-driver vfs" in box.argv()
    assert "\nDOCKER_DRIVER=" not in "\n" + (box.folder / "dockerd.env").read_text()


def test_an_unknown_driver_is_refused(box: Box) -> None:
    done = box.run("true", EE_DD="1", DOCKER_DRIVER="aufs")
    assert done.returncode == 78
    assert "overlay2, fuse-overlayfs, vfs" in done.stderr


def test_without_certificates_the_risk_is_named(box: Box) -> None:
    done = box.run("true", EE_DD="1")
    assert "tcp://0.0.0.0:2375" in box.argv()
    assert "without TLS" in done.stderr


def add_cgroup(folder: Path, **files: str) -> Path:
    """A control group as cgroup v2 shows it."""
    (folder / "cgroup").mkdir()
    for name, content in {"controllers": "cpu io memory\n", "procs": "1\n42\n", **files}.items():
        (folder / "cgroup" / f"cgroup.{name}").write_text(content)
    return folder / "cgroup"


def test_with_cgroup_v2_the_processes_step_aside_so_that_the_engine_can_divide_its_group(box: Box) -> None:
    group = add_cgroup(box.folder, type="domain\n")
    assert box.run("true", EE_DD="1").returncode == 0
    assert (group / "init" / "cgroup.procs").read_text() == "1\n42\n"
    assert (group / "cgroup.subtree_control").read_text() == "+cpu +io +memory\n"


def test_the_root_group_of_the_host_is_left_alone(box: Box) -> None:
    group = add_cgroup(box.folder)
    assert box.run("true", EE_DD="1").returncode == 0
    assert not (group / "init").exists()


def test_a_group_that_cannot_be_divided_is_told_and_is_not_the_end(box: Box) -> None:
    group = add_cgroup(box.folder, type="domain\n")
    (group / "cgroup.subtree_control").mkdir()  # nothing can be written to it
    done = box.run("echo", "mine", EE_DD="1")
    assert (done.returncode, done.stdout) == (0, "mine\n")
    assert "could not be divided after 3 tries" in done.stderr


def test_without_an_engine_no_process_is_moved(box: Box) -> None:
    group = add_cgroup(box.folder, type="domain\n")
    box.run("true", EE_DD="0")
    assert not (group / "init").exists()


def verify(certificates: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *words], cwd=certificates, capture_output=True, text=True, check=False)


def test_certificates_satisfy_strict_clients(box: Box) -> None:
    box.stub("hostname", "exit 1")  # one failing source must not lose the other names
    folder = box.folder / "certs"
    done = box.run("true", EE_DD="1", DOCKER_TLS_CERTDIR=str(folder), EE_DD_TIMEOUT_S="60")
    assert done.returncode == 0, done.stderr
    assert "--tlsverify" in box.argv()
    for side, purpose in (("server", "sslserver"), ("client", "sslclient")):
        words = ("verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.pem", "cert.pem")
        checked = verify(folder / side, *words)
        assert checked.returncode == 0, checked.stderr
    text = verify(folder / "server", "x509", "-noout", "-text", "-in", "cert.pem").stdout
    assert "DNS:localhost, IP Address:127.0.0.1" in text
    context = ssl.create_default_context(cafile=str(folder / "client" / "ca.pem"))
    context.load_cert_chain(folder / "client" / "cert.pem", folder / "client" / "key.pem")
    assert (folder / "ca").stat().st_mode & 0o077 == 0


def test_certificates_are_kept_and_a_broken_pair_is_made_again(box: Box) -> None:
    folder = box.folder / "certs"
    env = {"EE_DD": "1", "DOCKER_TLS_CERTDIR": str(folder), "EE_DD_TIMEOUT_S": "60"}
    box.run("true", **env)
    authority, client = ((folder / name / "cert.pem").read_text() for name in ("ca", "client"))
    (folder / "server" / "key.pem").write_text("cut")
    box.run("true", **env)
    assert (folder / "ca" / "cert.pem").read_text() == authority
    assert (folder / "client" / "cert.pem").read_text() == client
    assert verify(folder / "server", "pkey", "-noout", "-in", "key.pem").returncode == 0

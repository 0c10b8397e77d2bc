"""bootstrap.sh on a fake PATH: what it would do, what it refuses, with which exit code."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
LOCK = """\
tomli==1.0 \\
    --hash=sha256:00
uv==9.9.9 \\
    --hash=sha256:11 \\
    --hash=sha256:22
    # via the project
virtualenv==1.0 \\
    --hash=sha256:33
"""
TOOLS = [
    "bash",
    "cat",
    "grep",
    "awk",
    "sed",
    "head",
    "tail",
    "tr",
    "dirname",
    "mkdir",
    "chmod",
    "true",
    "rm",
    "sleep",
    "env",
    "date",
    "pgrep",
]


class Machine:
    """A machine made of stubs: nothing outside its folder is found or changed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for name in TOOLS:
            real = next(p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists())
            (self.bin / name).symlink_to(real)
        self.stub("python3", f'exec {sys.executable} "$@"')
        self.stub("uname", "echo Linux")
        self.checkout = folder / "checkout"
        (self.checkout / "tools").mkdir(parents=True)
        shutil.copy2(ROOT / "bootstrap.sh", self.checkout)
        (self.checkout / "tools" / "environment.txt").write_text(LOCK)
        self.make_environment()
        release = folder / "os-release"
        release.write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
        sources = folder / "apt" / "sources.list.d"
        sources.mkdir(parents=True)
        (sources / "debian.sources").write_text("Types: deb\nURIs: http://archive.example/debian\n")
        self.env = {
            "PATH": str(self.bin),
            "HOME": str(folder),
            "BASEIMAGES_UID": "0",
            "BASEIMAGES_OS_RELEASE": str(release),
            "BASEIMAGES_APT_FOLDER": str(folder / "apt"),
            "BASEIMAGES_DAEMON_CONFIG": str(folder / "daemon.json"),
            "BASEIMAGES_ENGINE_LOG": str(folder / "engine.log"),
            "BASEIMAGES_RUN_FOLDER": str(folder / "run"),
            "BASEIMAGES_SYSTEMD": str(folder / "no-systemd"),
            "BASEIMAGES_START_S": "1",
        }

    def make_environment(self) -> None:
        """What an earlier run left: a tool environment that is current."""
        stamp = f"{platform.python_version()} {hashlib.sha256(LOCK.encode()).hexdigest()}"
        venv = self.checkout / ".venv"
        venv.mkdir()
        (venv / "stamp").write_text(f"{stamp}\n")

    def stub(self, name: str, body: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.checkout / "bootstrap.sh"), *words],
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def make_venv(machine: Machine, *, pip: str) -> None:
    """A Python whose `-m venv` leaves stubs; what they are asked is appended to `asked`."""
    shutil.rmtree(machine.checkout / ".venv")
    asked, venv = machine.folder / "asked", machine.checkout / ".venv"
    stubs = f"""
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p {venv}/bin
  printf '#!/bin/bash\\necho python "$@" >> {asked}\\n{pip}\\n' > {venv}/bin/python
  printf '#!/bin/bash\\necho uv "$@" >> {asked}\\n' > {venv}/bin/uv
  chmod +x {venv}/bin/python {venv}/bin/uv
  exit
fi
exec {sys.executable} "$@\""""
    machine.stub("python3", stubs)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_uv_comes_by_hash_and_brings_the_rest_by_hash(machine: Machine) -> None:
    make_venv(machine, pip="exit 0")
    done = machine.run("--no-engine", "true")
    assert done.returncode == 0, done.stderr
    pip, uv = (machine.folder / "asked").read_text().splitlines()
    assert "--require-hashes" in pip
    assert "--require-hashes" in uv
    locked = (machine.checkout / ".venv" / "uv.txt").read_text()
    assert locked == LOCK[LOCK.index("uv==") : LOCK.index("virtualenv")]
    again = machine.run("--no-engine", "true")
    assert "tool environment is current" in again.stderr


def test_a_wrong_hash_leaves_no_environment_that_counts_as_made(machine: Machine) -> None:
    make_venv(machine, pip="exit 1")
    for _ in range(2):
        done = machine.run("--no-engine", "true")
        assert done.returncode == 24
        assert "hash is wrong" in done.stderr


def test_a_dry_run_makes_no_environment(machine: Machine) -> None:
    make_venv(machine, pip="exit 1")
    assert machine.run("--no-engine", "--dry-run", "true").returncode == 0
    assert not (machine.checkout / ".venv").exists()


def test_a_dry_run_on_debian_names_the_four_packages_and_changes_nothing(machine: Machine) -> None:
    done = machine.run("--dry-run", "nox")
    assert done.returncode == 0, done.stderr
    for package in ("docker.io/forky", "docker-cli/forky", "docker-buildx/forky", "containerd/forky"):
        assert package in done.stderr
    assert "would run: nox" in done.stderr
    assert not (machine.folder / "daemon.json").exists()
    assert not list((machine.folder / "apt").rglob("baseimages*"))


def test_ubuntu_takes_its_own_engine(machine: Machine) -> None:
    (machine.folder / "os-release").write_text('ID="ubuntu"\nVERSION_CODENAME=noble\n')
    done = machine.run("--dry-run")
    assert "docker.io docker-buildx" in done.stderr
    assert "forky" not in done.stderr


def test_without_root_the_exact_packages_are_named_with_an_exit_code_of_its_own(
    machine: Machine,
) -> None:
    done = machine.run("--dry-run", BASEIMAGES_UID="1000")
    assert done.returncode == 22
    assert "apt-get install --no-install-recommends docker.io" in done.stderr


def test_another_system_is_told_what_it_lacks(machine: Machine) -> None:
    (machine.folder / "os-release").write_text("ID=fedora\n")
    done = machine.run("--dry-run")
    assert done.returncode == 22
    assert "neither Debian nor Ubuntu" in done.stderr


def test_a_client_without_an_engine_counts_as_none(machine: Machine) -> None:
    machine.stub("docker", 'echo "Cannot connect" >&2; exit 1')
    assert "docker.io/forky" in machine.run("--dry-run").stderr


def test_an_engine_that_answers_is_used_and_nothing_is_installed(machine: Machine) -> None:
    machine.stub("docker", "echo 28.5.2")
    done = machine.run("--dry-run", "true")
    assert done.returncode == 0
    assert "container engine answers" in done.stderr
    assert "apt-get" not in done.stderr


def test_a_client_without_buildx_is_told_so(machine: Machine) -> None:
    machine.stub("docker", '[ "$1" = version ] && echo 28 || exit 1')
    done = machine.run("--dry-run")
    assert done.returncode == 22
    assert "docker-buildx" in done.stderr


def test_an_engine_with_another_image_store_is_used_and_the_lack_is_told(machine: Machine) -> None:
    machine.stub("docker", '[ "$1" = info ] && echo "[]" || echo 28.5.2')
    done = machine.run("--dry-run")
    assert done.returncode == 0
    assert "invoke doctor" in done.stderr
    machine.stub("docker", 'echo \'[["driver-type","io.containerd.snapshotter.v1"]]\'')
    assert "invoke doctor" not in machine.run("--dry-run").stderr


def test_an_engine_that_never_answers_is_given_up_in_time(machine: Machine) -> None:
    machine.stub("docker", "exec sleep 60")
    done = machine.run("--dry-run", DOCKER_HOST="tcp://192.0.2.1:1")
    assert done.returncode == 23
    assert "DOCKER_HOST=tcp://192.0.2.1:1" in done.stderr


def test_an_installed_engine_that_does_not_start_shows_its_last_words(machine: Machine) -> None:
    machine.stub("docker", "exit 1")
    machine.stub("setsid", 'exec "$@"')
    machine.stub("dockerd", "echo cannot mount >&2; exit 1")
    (machine.folder / "run").mkdir()
    done = machine.run("true")
    assert done.returncode == 23
    assert "cannot mount" in done.stderr


def test_stale_state_of_a_killed_engine_is_cleared_and_the_engine_started(machine: Machine) -> None:
    run = machine.folder / "run"
    run.mkdir()
    (run / "docker.pid").write_text("999999999")
    started = machine.folder / "started"
    machine.stub("docker", f"[ -e {started} ] && echo 28")
    machine.stub("setsid", 'exec "$@"')
    machine.stub("dockerd", f"echo > {started}")
    done = machine.run("bash", "-c", "echo handed over", BASEIMAGES_START_S="10")
    assert done.returncode == 0, done.stderr
    assert "removing the stale" in done.stderr
    assert not (run / "docker.pid").exists()
    assert done.stdout == "handed over\n"


def test_an_engine_that_was_started_lives_on_and_holds_nothing_of_ours(machine: Machine) -> None:
    (machine.folder / "run").mkdir()
    pid = machine.folder / "pid"
    machine.stub("docker", f"[ -s {pid} ] && echo 28")
    machine.stub("setsid", 'exec "$@"')
    machine.stub("dockerd", f"echo $$ > {pid}; exec sleep 100")
    # `run` waits until nobody holds the output open any more, for a minute at most
    done = machine.run("true", BASEIMAGES_START_S="10")
    assert done.returncode == 0, done.stderr
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_the_pid_file_of_a_living_engine_stays(machine: Machine) -> None:
    run = machine.folder / "run"
    run.mkdir()
    sleeper = machine.folder / "dockerd"
    sleeper.symlink_to("/bin/sleep" if Path("/bin/sleep").exists() else "/usr/bin/sleep")
    with subprocess.Popen([str(sleeper), "30"]) as living:
        (run / "docker.pid").write_text(str(living.pid))
        machine.stub("docker", "exit 1")
        machine.stub("dockerd", "exit 1")
        done = machine.run("--dry-run")
        living.kill()
    assert "removing the stale" not in done.stderr


def test_no_engine_is_looked_for_when_none_is_wanted(machine: Machine) -> None:
    machine.stub("docker", "exit 1")
    done = machine.run("--no-engine", "--dry-run", "true")
    assert done.returncode == 0
    assert "container engine" not in done.stderr


def test_an_unknown_option_is_refused_with_what_is_known(machine: Machine) -> None:
    done = machine.run("--engine")
    assert done.returncode == 20
    assert "--no-engine" in done.stderr


def test_no_usable_python_is_an_exit_code_of_its_own(machine: Machine) -> None:
    machine.stub("python3", "exit 1")
    done = machine.run("true")
    assert done.returncode == 21
    assert "3.11 to 3.14" in done.stderr


def test_help_is_the_head_of_the_script(machine: Machine) -> None:
    done = machine.run("--help")
    assert done.stdout.startswith("From a fresh machine")
    assert "--no-engine" in done.stdout
    assert os.fspath(ROOT) not in done.stdout

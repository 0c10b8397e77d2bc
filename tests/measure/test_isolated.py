"""A private engine: refused where it cannot run, and gone afterwards whatever happened."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from baseimages.build import Engine
from baseimages.command import Completed
from baseimages.errors import CommandError, EngineError, MeasurementError, MissingToolError
from baseimages.measure import isolated, isolated_engine
from baseimages.measure.isolated import PrivateEngine, remove_leftovers
from tests.build.conftest import ENGINE
from tests.conftest import FakeRunner

PID = 2_000_000_000  # above any limit: a signal that is sent by mistake reaches nobody
GONE, ALIVE = PID - 1, PID - 2


class Host(FakeRunner):
    """A machine on which a daemon can be started; `events` is what happened, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.answers: list[bool] = [True]
        self.dies = False
        self.daemon: tuple[str, ...] = ()
        self.config = ""
        self._ended = threading.Event()
        self._began = threading.Event()
        for words in (("link", "add"), ("address", "add"), ("link", "set"), ("link", "delete")):
            self.script("ip", *words, action=lambda call: self.events.append(" ".join(call[1:3])))

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        if "dockerd" not in argv:
            return super().run(argv, **options)
        self.daemon = tuple(argv)
        self.config = Path(self.option("config-file")).read_text(encoding="utf-8")
        self.events.append("daemon starts")
        options["on_stdout"](str(PID))
        self._began.set()
        if not self.dies:
            assert self._ended.wait(10)
        return Completed(argv=self.daemon, returncode=1, stdout="", stderr="", duration_s=0.0)

    def restart(self) -> None:
        """Be ready for another daemon."""
        self.answers = [True]
        self._began.clear()
        self._ended.clear()

    def option(self, name: str) -> str:
        (word,) = [word for word in self.daemon if word.startswith(f"--{name}=")]
        return word.partition("=")[2]

    def find_engine(self, runner: FakeRunner, *, host: str) -> Engine:
        self._began.wait(10)
        assert host == self.option("host")
        if not (self.answers.pop(0) if self.answers else False):
            raise EngineError("no container engine answers: not yet", next_step="x")
        return ENGINE

    def stop_group(self, group: int, ended: Callable[[], bool]) -> None:
        assert group == PID
        self.events.append("daemon stops")
        self._ended.set()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    host = Host()
    (tmp_path / "sockets").mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "sockets"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(isolated, "find_program", lambda name: Path("/usr/sbin") / name)
    monkeypatch.setattr(isolated, "find_engine", host.find_engine)
    monkeypatch.setattr(isolated, "stop_group", host.stop_group)
    monkeypatch.setattr(isolated, "POLL_S", 0.001)
    return host


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@contextmanager
def refused(match: str) -> Iterator[None]:
    with pytest.raises(MeasurementError, match=match) as caught:
        yield
    assert "that build is the cold run" in caught.value.next_step


def left_behind(tmp_path: Path) -> list[Path]:
    return [path for folder in ("sockets", "data") for path in (tmp_path / folder).iterdir()]


def test_a_user_who_is_not_root_gets_no_private_engine(
    host: Host, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with refused("it needs root"), isolated_engine(host, data):
        pass
    assert not host.calls


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"dockerd"}, "dockerd cannot be found"),
        ({"ip"}, "ip cannot be found"),
        ({"dockerd", "ip"}, "dockerd and ip cannot be found"),
    ],
    ids=["dockerd", "ip", "both"],
)
def test_a_host_without_the_programs_gets_no_private_engine(
    host: Host, data: Path, monkeypatch: pytest.MonkeyPatch, missing: set[str], said: str
) -> None:
    monkeypatch.setattr(isolated, "find_program", lambda name: None if name in missing else Path(name))
    with refused(said), isolated_engine(host, data):
        pass
    assert not host.calls


def test_the_bridge_is_made_before_the_daemon_and_removed_after_it(host: Host, data: Path) -> None:
    with isolated_engine(host, data):
        host.events.append("work")
    assert host.events == [
        "link add",
        "address add",
        "link set",
        "daemon starts",
        "work",
        "daemon stops",
        "link delete",
    ]


def test_the_daemon_is_never_started_without_a_bridge_of_its_own(host: Host, data: Path) -> None:
    with isolated_engine(host, data):
        bridge = host.option("bridge")
    assert bridge not in {"none", "", "docker0"}
    (made,) = [call for call in host.calls if call[:3] == ("ip", "link", "add")]
    (removed,) = [call for call in host.calls if call[:3] == ("ip", "link", "delete")]
    assert (made[3], removed[3]) == (bridge, bridge)


def test_the_name_of_the_bridge_is_one_that_the_kernel_takes(
    host: Host, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 4_194_304)
    with isolated_engine(host, data):
        assert len(host.option("bridge")) <= 15


def test_the_daemon_leaves_the_firewall_of_the_host_alone(host: Host, data: Path) -> None:
    with isolated_engine(host, data):
        assert {"--iptables=false", "--ip6tables=false"} <= set(host.daemon)


def test_garbage_is_never_collected_behind_a_warm_cache(host: Host, data: Path) -> None:
    with isolated_engine(host, data) as engine:
        assert json.loads(host.config)["builder"] == {"gc": {"enabled": False}}
        assert (engine.kind, engine.settings) == ("dockerd", host.config)


def test_two_engines_at_a_time_have_two_bridges(
    host: Host, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "NETWORKS", tmp_path / "networks")
    with isolated_engine(host, data):
        first = host.option("bridge")
    (tmp_path / "networks" / first).mkdir(parents=True)
    host.restart()
    with isolated_engine(host, data):
        assert host.option("bridge") != first
    addresses = [call[3] for call in host.calls if call[:3] == ("ip", "address", "add")]
    assert len(set(addresses)) == 2


def test_the_daemon_shares_no_folder_with_the_users_engine(host: Host, data: Path, tmp_path: Path) -> None:
    with isolated_engine(host, data):
        assert Path(host.option("data-root")).parent == data
        for name in ("exec-root", "pidfile", "config-file"):
            assert Path(host.option(name)).is_relative_to(tmp_path / "sockets")
        assert host.option("host").startswith(f"unix://{tmp_path / 'sockets'}")


def test_the_daemon_has_the_store_that_can_export(host: Host, data: Path) -> None:
    with isolated_engine(host, data):
        assert '"containerd-snapshotter": true' in host.config


def test_builds_in_the_private_engine_use_the_network_of_the_host(host: Host, data: Path) -> None:
    with isolated_engine(host, data) as engine:
        assert engine.build_options == ("--network=host", "--allow=network.host")


def test_an_engine_that_needs_a_moment_is_waited_for(host: Host, data: Path) -> None:
    host.answers = [False, False, True]
    with isolated_engine(host, data) as engine:
        assert engine.server_version == ENGINE.server_version


def test_nothing_of_the_engine_is_left_behind(host: Host, data: Path, tmp_path: Path) -> None:
    with isolated_engine(host, data):
        assert len(left_behind(tmp_path)) == 2
    assert left_behind(tmp_path) == []


def test_nothing_is_left_behind_when_the_work_fails(host: Host, data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), isolated_engine(host, data):
        raise KeyboardInterrupt
    assert host.events[-2:] == ["daemon stops", "link delete"]
    assert left_behind(tmp_path) == []


def test_an_engine_that_does_not_come_up_is_stopped_and_everything_removed(
    host: Host, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.answers = []
    monkeypatch.setattr(isolated, "START_S", 0.0)
    with refused("the private engine did not start: no container engine answers"):
        isolated_engine(host, data).__enter__()
    assert host.events[-2:] == ["daemon stops", "link delete"]
    assert left_behind(tmp_path) == []


def test_a_daemon_that_dies_at_once_is_not_waited_for(host: Host, data: Path, tmp_path: Path) -> None:
    host.answers, host.dies = [], True
    with refused("did not start"):
        isolated_engine(host, data).__enter__()
    assert host.events[-1] == "link delete"
    assert left_behind(tmp_path) == []


def test_a_bridge_that_cannot_be_made_starts_no_daemon_and_leaves_nothing(
    host: Host, data: Path, tmp_path: Path
) -> None:
    host.script("ip", "link", "add", returncode=2, stderr="RTNETLINK answers: Operation not permitted")
    host.script("ip", "link", "delete", returncode=1, stderr="Cannot find device")
    with pytest.raises(CommandError, match="Operation not permitted"):
        isolated_engine(host, data).__enter__()
    assert host.daemon == ()
    assert left_behind(tmp_path) == []


def test_a_bridge_that_was_made_in_part_is_removed(host: Host, data: Path) -> None:
    host.script("ip", "address", "add", returncode=2, stderr="File exists")
    with pytest.raises(CommandError):
        isolated_engine(host, data).__enter__()
    assert host.events == ["link add", "link delete"]


def test_a_daemon_that_cannot_be_started_leaves_nothing(
    host: Host, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(argv: Sequence[str], **options: Any) -> Completed:
        if "dockerd" in argv:
            host._began.set()
            host.daemon = tuple(argv)
            raise MissingToolError("sh cannot be started", next_step="x")
        return FakeRunner.run(host, argv, **options)

    host.answers = []
    monkeypatch.setattr(host, "run", refuse)
    with refused("did not start"):
        isolated_engine(host, data).__enter__()
    assert "daemon stops" not in host.events
    assert left_behind(tmp_path) == []


def test_what_the_daemon_left_mounted_is_unmounted_innermost_first(
    host: Host, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, elsewhere = tmp_path / "data" / "bench-x", tmp_path / "elsewhere"
    mounts = f"a {inside} ext4 rw 0 0\nb {inside}/netns/1 nsfs rw 0 0\nc {elsewhere} ext4 rw 0 0\n"
    (tmp_path / "mounts").write_text(mounts, encoding="utf-8")
    monkeypatch.setattr(
        isolated, "Path", lambda word: tmp_path / "mounts" if word == "/proc/mounts" else Path(word)
    )
    host.script("umount")
    isolated._unmount_below(host, inside)
    assert [call[1] for call in host.calls] == [f"{inside}/netns/1", str(inside)]


@pytest.fixture
def machine(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a benchmark that was killed left, beside what one that runs holds."""
    for name in ("NETWORKS", "PROCESSES"):
        monkeypatch.setattr(isolated, name, tmp_path / name.lower())
    for pid in (GONE, ALIVE):
        for name in (f"networks/bench{pid}-0", f"networks/bench{pid}", f"sockets/bench-{pid}-x/exec"):
            (tmp_path / name).mkdir(parents=True)
    (tmp_path / "networks/docker0").mkdir()
    (tmp_path / "sockets/bench-mark-x").mkdir()
    start(tmp_path, ALIVE, "python", "-m", "invoke", "benchmark")
    monkeypatch.setattr(os, "getpgid", lambda pid: pid)
    return tmp_path


def start(machine: Path, pid: int, *words: str) -> None:
    command = machine / "processes" / str(pid) / "cmdline"
    command.parent.mkdir(parents=True)
    command.write_text("\0".join((*words, "")), encoding="utf-8")


def test_the_folders_and_the_bridge_of_a_killed_benchmark_are_removed(
    host: Host, machine: Path, data: Path
) -> None:
    (data / "benchmark-x" / "bench-y").mkdir(parents=True)
    (data / "layout").mkdir()
    remove_leftovers(host, data)
    assert {path.name for path in left_behind(machine)} == {f"bench-{ALIVE}-x", "bench-mark-x", "layout"}
    removed = {call[3] for call in host.calls if call[:3] == ("ip", "link", "delete")}
    assert removed == {f"bench{GONE}", f"bench{GONE}-0"}


def test_the_daemon_of_a_killed_benchmark_is_stopped_and_no_other_process(host: Host, machine: Path) -> None:
    folder, other = (machine / "sockets" / f"bench-{pid}-x" for pid in (GONE, ALIVE))
    start(machine, PID, "/usr/sbin/dockerd", f"--host=unix://{folder}/docker.sock")
    start(machine, PID + 1, "/usr/sbin/dockerd", f"--host=unix://{other}/docker.sock")
    start(machine, PID + 2, "less", str(folder / "daemon.json"))
    remove_leftovers(host, machine / "data")
    assert host.events == ["daemon stops", "link delete", "link delete"]


def test_what_another_user_owns_is_left_alone(
    host: Host, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    start(machine, PID, "/usr/sbin/dockerd", f"--host=unix://{machine}/sockets/bench-{GONE}-x/docker.sock")
    remove_leftovers(host, machine / "data")
    assert len(left_behind(machine)) == 3
    assert host.events == []


@pytest.mark.process
def test_processor_seconds_of_a_finished_child_count(host: Host, data: Path) -> None:
    """What a build step burns is the daemon's when the step has ended; this process plays the daemon."""
    engine = PrivateEngine(**asdict(ENGINE), pid=os.getpid())
    before_s = engine.cpu_s()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True, timeout=60)
    burnt_s = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert engine.cpu_s() > before_s
    assert engine.cpu_s() == pytest.approx(own_s() + burnt_s.ru_utime + burnt_s.ru_stime, abs=0.2)


def own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def test_the_private_engine_knows_its_daemon(host: Host, data: Path) -> None:
    with isolated_engine(host, data) as engine:
        assert engine.pid == PID

"""A private engine with an empty store, so that cold is cold and nobody's cache is harmed.

It is a second `dockerd` of the installed binaries with a root, sockets and a bridge of its own. The
bridge is made first: `--bridge=none` would delete the bridge of the user's engine. Without rules of
a firewall that bridge leads nowhere, so build steps use the host's network.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from baseimages.build import Engine, find_engine
from baseimages.command import Runner, find_program, stop_group
from baseimages.errors import BaseImagesError, CommandError, EngineError, MeasurementError
from baseimages.records import write_text

START_S = 60.0
SHORT_S = 30.0
# Outlives a session of pairs that fills two days; whoever started it stops it long before.
LIFE_S = 172800.0
POLL_S = 0.2
# Of a private range; each engine that lives at the same time takes another.
ADDRESSES = tuple(f"172.31.{250 - number}.1/24" for number in range(8))
NETWORKS = Path("/sys/class/net")
PROCESSES = Path("/proc")
PROGRAMS = ("docker", "containerd")
# The collection of garbage fires by itself: a warm cache would not stay warm.
CONFIGURATION = json.dumps(
    {"builder": {"gc": {"enabled": False}}, "features": {"containerd-snapshotter": True}}
)
BUILD_OPTIONS = ("--network=host", "--allow=network.host")
NEXT_STEP = "build on an engine whose cache is empty: that build is the cold run"
# The shell tells the process id, then becomes the daemon.
TELL_PID = ("sh", "-c", 'echo "$$"; exec "$@"', "sh")


@dataclass(frozen=True, kw_only=True)
class PrivateEngine(Engine):
    """An engine that is ours: its daemon `pid`, None where its processes cannot be seen from here.

    `kind` is a daemon of the installed binaries or a builder in a container, `settings` what it was
    told: a file's text.
    """

    pid: int | None
    kind: Literal["dockerd", "docker-container"] = "dockerd"
    settings: str = CONFIGURATION

    def cpu_s(self) -> float | None:
        """Processor seconds, of user and system, of the daemon and of all that it ran and waited for.

        Build steps are its children: their time becomes the daemon's when they end.
        """
        if self.pid is None:
            return None
        daemon = psutil.Process(self.pid)
        return sum(map(_cpu_s, (daemon, *daemon.children(recursive=True))))


def _cpu_s(process: psutil.Process) -> float:
    # What ended between the listing and the question is counted by its parent.
    with suppress(psutil.NoSuchProcess):
        t = process.cpu_times()
        return float(t.user + t.system + t.children_user + t.children_system)
    return 0.0


@contextmanager
def isolated_engine(runner: Runner, data_parent: Path) -> Iterator[PrivateEngine]:
    """Start an engine with its data below `data_parent`, and leave nothing of it behind.

    Raises MeasurementError when it cannot run on this host, CommandError when its bridge cannot be
    made.
    """
    if obstacle := find_obstacle():
        raise MeasurementError(f"no private engine can run here: {obstacle}", next_step=NEXT_STEP)
    with ExitStack() as stack:
        # Paths of sockets are short by law: 108 bytes.
        folder = Path(stack.enter_context(_folder(Path(tempfile.gettempdir()))))
        data = Path(stack.enter_context(_folder(data_parent)))
        stack.callback(_unmount_below, runner, folder, data)
        bridge, address = _choose_bridge()
        stack.callback(_remove_bridge, runner, bridge)
        _make_bridge(runner, bridge, address)
        daemon = _Daemon(runner, folder, data, bridge)
        stack.callback(daemon.stop)
        daemon.start()
        engine = _wait_for(runner, daemon)
        yield PrivateEngine(**asdict(engine) | {"build_options": BUILD_OPTIONS}, pid=daemon.pid)


def remove_leftovers(runner: Runner, work: Path) -> None:
    """Remove what benchmarks that were killed left: engines, bridges, and their folders below `work`.

    What a living process or another user owns is left alone. The caller holds the checkout's lock:
    nobody else measures in `work`.
    """
    for folder in Path(tempfile.gettempdir()).glob("bench-*-*"):
        if folder.lstat().st_uid == os.geteuid() and _is_gone(folder.name.split("-")[1]):
            _stop_programs_of(folder)
            _remove_folder(runner, folder)
    for bridge in NETWORKS.glob("bench*"):
        if os.geteuid() == 0 and _is_gone(bridge.name.removeprefix("bench").partition("-")[0]):
            _remove_bridge(runner, bridge.name)
    for scratch in work.glob("benchmark-*"):
        _remove_folder(runner, scratch)


def _is_gone(pid: str) -> bool:
    return pid.isdigit() and not (PROCESSES / pid).exists()


def _stop_programs_of(folder: Path) -> None:
    """Stop the daemon, its containerd and its clients: all are told the folder in their arguments."""
    for command in PROCESSES.glob("[0-9]*/cmdline"):
        with suppress(OSError):
            program, *words = command.read_text(encoding="utf-8", errors="replace").split("\0")
            if Path(program).name.startswith(PROGRAMS) and any(str(folder) in word for word in words):
                _stop_process(int(command.parent.name))


def _stop_process(pid: int) -> None:
    stop_group(os.getpgid(pid), lambda: not (PROCESSES / str(pid)).exists())


def _remove_folder(runner: Runner, folder: Path) -> None:
    _unmount_below(runner, folder)
    shutil.rmtree(folder, ignore_errors=True)


def _folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    prefix = f"bench-{os.getpid()}-"
    return tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True)


def find_obstacle() -> str:
    """Why no daemon can be started on this host, empty when one can."""
    missing = [name for name in ("dockerd", "ip") if find_program(name) is None]
    if missing:
        return f"{' and '.join(missing)} cannot be found"
    return "" if os.geteuid() == 0 else "it needs root"


def _choose_bridge() -> tuple[str, str]:
    """A name that the kernel takes, at most 15 characters and free; and the address of that number."""
    names = (f"bench{os.getpid()}-{number}" for number in itertools.count())
    number, name = next((n, name) for n, name in enumerate(names) if not (NETWORKS / name).exists())
    return name[:15], ADDRESSES[number % len(ADDRESSES)]


def _make_bridge(runner: Runner, bridge: str, address: str) -> None:
    for words in (
        ["ip", "link", "add", bridge, "type", "bridge"],
        ["ip", "address", "add", address, "dev", bridge],
        ["ip", "link", "set", bridge, "up"],
    ):
        runner.run(words, deadline_s=SHORT_S, echo=False)


def _remove_bridge(runner: Runner, bridge: str) -> None:
    with suppress(CommandError):
        runner.run(["ip", "link", "delete", bridge], deadline_s=SHORT_S, echo=False)


class _Daemon:
    """A dockerd in a thread that waits for its end."""

    def __init__(self, runner: Runner, folder: Path, data: Path, bridge: str) -> None:
        self.host = f"unix://{folder / 'docker.sock'}"
        self._runner = runner
        self._config = folder / "daemon.json"
        self._pid: int | None = None
        self._told_pid = threading.Event()
        self._words = [
            *TELL_PID,
            "dockerd",
            f"--data-root={data}",
            f"--exec-root={folder / 'exec'}",
            f"--host={self.host}",
            f"--pidfile={folder / 'docker.pid'}",
            f"--config-file={self._config}",
            f"--bridge={bridge}",
            "--iptables=false",
            "--ip6tables=false",
        ]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        write_text(self._config, CONFIGURATION)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its process, known once it answers."""
        assert self._pid is not None
        return self._pid

    @property
    def lives(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop it whatever state it is in, its containerd with it."""
        if not self._thread.ident:
            return
        self._told_pid.wait(SHORT_S)
        if self._pid is not None:
            stop_group(self._pid, lambda: not self.lives)
        self._thread.join(SHORT_S)

    def _run(self) -> None:
        with suppress(BaseImagesError):  # its end is seen by whoever asks it next
            self._runner.run(
                self._words,
                deadline_s=LIFE_S,
                ok_codes=None,
                on_stdout=self._take_pid,
                keep_output=False,
                echo=False,
            )
        self._told_pid.set()

    def _take_pid(self, line: str) -> None:
        if self._pid is None and line.isdigit():
            self._pid = int(line)
            self._told_pid.set()


def _wait_for(runner: Runner, daemon: _Daemon) -> Engine:
    limit = time.monotonic() + START_S
    while True:
        try:
            return find_engine(runner, host=daemon.host)
        except EngineError as error:
            if not daemon.lives or time.monotonic() > limit:
                raise MeasurementError(
                    f"the private engine did not start: {error.message}", next_step=NEXT_STEP
                ) from error
            time.sleep(POLL_S)


def _unmount_below(runner: Runner, *folders: Path) -> None:
    """A stopped daemon leaves a network namespace mounted now and then."""
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    places = [Path(line.split()[1]) for line in mounts]
    for place in sorted(places, reverse=True):
        if any(place.is_relative_to(folder) for folder in folders):
            with suppress(CommandError):
                runner.run(["umount", str(place)], deadline_s=SHORT_S, echo=False)

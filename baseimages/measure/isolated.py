"""A private engine with an empty store, so that cold is cold and nobody's cache is harmed.

It is a second `dockerd` of the installed binaries with a root, socket and bridge of its own. The
bridge is made first: `--bridge=none` would delete the bridge of the user's engine.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from baseimages.build import Engine, find_engine
from baseimages.command import Runner, find_program
from baseimages.errors import BaseImagesError, CommandError, EngineError, MeasurementError
from baseimages.records import write_text

START_S = 60.0
SHORT_S = 30.0
LIFE_S = 7200.0
ADDRESS = "172.31.250.1/24"


@contextlib.contextmanager
def isolated_engine(runner: Runner, scratch: Path) -> Iterator[Engine]:
    """Start, yield and always remove the engine. Raises MeasurementError when it cannot run here."""
    _refuse_hosts_that_cannot()
    with tempfile.TemporaryDirectory(prefix="engine-", dir=scratch, ignore_cleanup_errors=True) as name:
        folder, bridge = Path(name), f"bench{os.getpid() % 100000}"
        _make_bridge(runner, bridge)
        stop = threading.Event()
        thread = threading.Thread(target=_serve, args=(runner, folder, bridge, stop), daemon=True)
        try:
            thread.start()
            yield _wait_for(runner, f"unix://{folder / 'docker.sock'}", thread)
        finally:
            _stop(runner, folder, thread)
            _remove_bridge(runner, bridge)
            _unmount_leftovers(runner, folder)


def _refuse_hosts_that_cannot() -> None:
    missing = [name for name in ("dockerd", "ip") if find_program(name) is None]
    if missing or os.geteuid() != 0:
        cause = f"{' and '.join(missing)} missing" if missing else "it needs root"
        raise MeasurementError(
            f"no private engine can run here: {cause}",
            next_step="build on an engine whose cache is empty: that build is the cold run",
        )


def _make_bridge(runner: Runner, bridge: str) -> None:
    for words in (
        ["ip", "link", "add", bridge, "type", "bridge"],
        ["ip", "address", "add", ADDRESS, "dev", bridge],
        ["ip", "link", "set", bridge, "up"],
    ):
        runner.run(words, deadline_s=SHORT_S)


def _serve(runner: Runner, folder: Path, bridge: str, stop: threading.Event) -> None:
    config = folder / "daemon.json"
    write_text(config, '{"features": {"containerd-snapshotter": true}}\n')
    words = [
        "dockerd",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--host=unix://{folder / 'docker.sock'}",
        f"--pidfile={folder / 'docker.pid'}",
        f"--config-file={config}",
        f"--bridge={bridge}",
        "--iptables=false",
        "--ip6tables=false",
    ]
    with contextlib.suppress(BaseImagesError):  # its end is seen by whoever asks it next
        runner.run(words, deadline_s=LIFE_S, ok_codes=None, keep_output=False)
    stop.set()


def _wait_for(runner: Runner, host: str, thread: threading.Thread) -> Engine:
    limit = time.monotonic() + START_S
    while True:
        try:
            return find_engine(runner, host=host)
        except EngineError as error:
            if not thread.is_alive() or time.monotonic() > limit:
                raise MeasurementError(
                    f"the private engine did not start: {error.message}",
                    next_step="`invoke doctor` looks at this host",
                ) from error
            time.sleep(0.2)


def _stop(runner: Runner, folder: Path, thread: threading.Thread) -> None:
    pid = folder / "docker.pid"
    if pid.exists():
        with contextlib.suppress(CommandError):
            runner.run(["kill", "-TERM", pid.read_text(encoding="utf-8").strip()], deadline_s=SHORT_S)
    thread.join(SHORT_S)


def _remove_bridge(runner: Runner, bridge: str) -> None:
    with contextlib.suppress(CommandError):
        runner.run(["ip", "link", "delete", bridge], deadline_s=SHORT_S)


def _unmount_leftovers(runner: Runner, folder: Path) -> None:
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    places = [line.split()[1] for line in mounts if line.split()[1].startswith(str(folder))]
    for place in sorted(places, reverse=True):
        with contextlib.suppress(CommandError):
            runner.run(["umount", place], deadline_s=SHORT_S)

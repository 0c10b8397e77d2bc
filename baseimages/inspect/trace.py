"""Which files of an image its suite really opens: the suite runs as always, the kernel tells.

Watched is the file system of every container that the suite starts, from this machine and from
outside: nothing is added to the image, and no program in it can tell. It takes root, and an engine
whose containers' file systems are overlays mounted on this machine.

Told are opens and executions, of static programs too. Not told is what opens nothing: asking whether
a file is there, following a link, listing a folder, a memory map shared from before.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from baseimages.command import Runner
from baseimages.inspect.fanotify import Notice, Notices
from baseimages.inspect.inventory import Inventory
from baseimages.inspect.suite import SuiteRecord, run_suite
from baseimages.records import Record

MOUNTS = Path("/proc/self/mountinfo")
CONTAINER = re.compile(r"[0-9a-f]{64}")
WAIT_MS = 10
# The suite leaves the id of each container that it starts in the folder of this name (suite.sh).
CONTAINERS_VARIABLE = "SUITE_CONTAINERS"
# Who opens files without using what they belong to: package managers, bytecode, the loader's cache.
PASSING = frozenset({"apt", "apt-get", "dpkg", "dpkg-deb", "dpkg-query", "ldconfig", "py3compile"})


class TraceRecord(Record):
    """The image's files that the containers of one suite opened, by path, sorted; bytes of a path that are no
    UTF-8 are written as \\xNN. With a `reason` it was not measured, and `opened` is empty.
    """

    manifest_digest: str
    suite: str
    containers: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    opened: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class Trace:
    """What grows while containers run: opened paths by container."""

    opened: dict[str, set[bytes]] = field(default_factory=dict)
    lost: int = 0
    refusal: str = "the watcher died"

    def note(self, container: str, notices: Iterator[Notice]) -> None:
        """Keep what counts."""
        for notice in notices:
            self.lost += notice.lost
            if notice.path and notice.program not in PASSING:
                self.opened[container].add(notice.path)


def trace_suite(script: Path, image: str, inventory: Inventory, junit: Path, runner: Runner) -> TraceRecord:
    """Run the image's suite and watch its containers. Raises SuiteError when the suite gives no result."""
    with tempfile.TemporaryDirectory(prefix="containers-") as folder:
        variables = {CONTAINERS_VARIABLE: folder}
        with watch_containers(Path(folder)) as trace:
            suite = run_suite(script, image, inventory.manifest_digest, junit, runner, own_env=variables)
        started = list_containers(Path(folder))
    return make_trace(trace, started, inventory, suite, script.name)


def make_trace(
    trace: Trace, started: frozenset[str], inventory: Inventory, suite: SuiteRecord, name: str
) -> TraceRecord:
    """Judge whether the trace is whole; of one that is not, nothing is kept but the reason."""
    reason = _why_incomplete(trace, started, frozenset(map(os.fsencode, inventory.entry)))
    opened = set().union(*trace.opened.values()) & {os.fsencode(path) for path in inventory.paths}
    return TraceRecord(
        manifest_digest=suite.manifest_digest,
        suite=name,
        containers=len(started),
        passed=suite.count("passed"),
        failed=suite.count("failed"),
        skipped=suite.count("skipped"),
        opened=() if reason else tuple(sorted(spell(os.fsdecode(path)) for path in opened)),
        reason=reason,
    )


def spell(path: str) -> str:
    """A path as records have it: bytes that are no UTF-8 become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _why_incomplete(trace: Trace, started: frozenset[str], entry: frozenset[bytes]) -> str:
    if trace.refusal:
        return trace.refusal
    if not started:
        return "the suite started no container"
    unseen = sum(container not in trace.opened for container in started)
    if unseen:
        return f"the file systems of {unseen} of {len(started)} containers were not seen on this machine"
    late = sum(not (trace.opened[container] & entry) for container in started)
    if late:
        return f"{late} of {len(started)} containers were watched too late"
    return f"the kernel lost {trace.lost} notices" if trace.lost else ""


@contextlib.contextmanager
def watch_containers(folder: Path) -> Iterator[Trace]:
    """Watch the containers whose ids come to lie in `folder`, until the block ends."""
    trace, ended = Trace(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, trace, ended), daemon=True)
    watcher.start()
    try:
        yield trace
    finally:
        ended.set()
        watcher.join()


def list_containers(folder: Path) -> frozenset[str]:
    """The ids that lie in a folder; what is no id is passed over."""
    texts = (path.read_text(encoding="ascii", errors="replace") for path in folder.iterdir())
    return frozenset(text for text in texts if CONTAINER.fullmatch(text))


def _watch(folder: Path, trace: Trace, ended: threading.Event) -> None:
    watched: dict[tuple[str, str], Notices] = {}
    try:
        with MOUNTS.open(encoding="utf-8", errors="surrogateescape") as mounts:
            poll = select.poll()
            poll.register(mounts, select.POLLPRI | select.POLLERR)
            is_last = False
            while not is_last:
                is_last = ended.is_set()  # what came before the end is read in a last round
                poll.poll(WAIT_MS)
                _look(mounts.read(), list_containers(folder), watched, trace)
                mounts.seek(0)
                for (_, container), notices in watched.items():
                    trace.note(container, notices.read())
        trace.refusal = ""
    except OSError as error:
        trace.refusal = f"this machine does not tell what is opened: {error.strerror}"
    finally:
        for notices in watched.values():
            notices.close()


def _look(
    mounts: str, containers: frozenset[str], watched: dict[tuple[str, str], Notices], trace: Trace
) -> None:
    """Watch the file systems that have come."""
    for mount, container, path in find_overlays(mounts):
        if container in containers and (mount, container) not in watched:
            with contextlib.suppress(FileNotFoundError):  # gone while we looked
                watched[mount, container] = Notices(Path(path))
                trace.opened.setdefault(container, set())


def find_overlays(mounts: str) -> Iterator[tuple[str, str, str]]:
    """Number, container and path of each overlay whose path names a container (proc_pid_mountinfo(5))."""
    for line in mounts.splitlines():
        own, _, source = line.partition(" - ")
        words = own.split(" ")
        found = CONTAINER.search(words[4]) if source.startswith("overlay ") else None
        if found:
            yield words[0], found[0], words[4]

"""The one door to processes: argument lists, an own process group, deadlines, a log line.

Nothing else in the package imports `subprocess` (a test proves it). Tests pass a fake `Runner`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from baseimages.errors import CommandError, DeadlineError, MissingToolError

TAIL_LINES = 30
# A build tree gets this long to stop by itself; nox would kill its child after half a second.
STOP_GRACE_S = 8.0
POLL_S = 0.05

OnLine = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What a program left: its streams as text (undecodable bytes escaped) and its wall time."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    duration_s: float


class Runner(Protocol):
    """Runs one program; the fake of the tests and `ProcessRunner` are the two that exist."""

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline_s: float,
        idle_deadline_s: float | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: IO[bytes] | str | None = None,
        stdout_path: Path | None = None,
        ok_codes: Collection[int] | None = (0,),
        on_stdout: OnLine | None = None,
        on_stderr: OnLine | None = None,
        keep_output: bool = True,
        echo: bool = True,
    ) -> Completed:
        """Run `argv` to its end.

        `env` replaces the whole environment. `ok_codes=None` accepts every exit code.
        `on_stdout`/`on_stderr` get each line as it comes, without its newline; with
        `keep_output=False` only the tail is kept in `Completed`. With `stdout_path` the
        standard output goes to that file, byte for byte.

        Raises MissingToolError, CommandError (other exit code), DeadlineError (total or idle).
        """
        ...


class _Pump(threading.Thread):
    """Reads one stream of the child line by line, so that neither stream can block the other."""

    def __init__(self, stream: IO[bytes], on_line: OnLine | None, keep_output: bool) -> None:
        super().__init__(daemon=True)
        self.lines: deque[str] = deque(maxlen=None if keep_output else TAIL_LINES)
        self.last_seen = time.monotonic()
        self.error: BaseException | None = None
        self._stream, self._on_line = stream, on_line

    def run(self) -> None:
        with self._stream:
            for raw in self._stream:
                self.last_seen = time.monotonic()
                line = raw.decode("utf-8", "backslashreplace")
                self.lines.append(line)
                self._tell(line.rstrip("\r\n"))

    def _tell(self, line: str) -> None:
        if self._on_line is None or self.error is not None:
            return
        try:
            self._on_line(line)
        except BaseException as error:  # noqa: BLE001 -- re-raised in the caller's thread
            self.error = error


class ProcessRunner:
    """Runs real programs."""

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline_s: float,
        idle_deadline_s: float | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: IO[bytes] | str | None = None,
        stdout_path: Path | None = None,
        ok_codes: Collection[int] | None = (0,),
        on_stdout: OnLine | None = None,
        on_stderr: OnLine | None = None,
        keep_output: bool = True,
        echo: bool = True,
    ) -> Completed:
        """See `Runner.run`."""
        if echo:
            print(f"+ {shlex.join(argv)}", file=sys.stderr, flush=True)
        started = time.monotonic()
        with contextlib.ExitStack() as files:
            target = files.enter_context(stdout_path.open("wb")) if stdout_path else subprocess.PIPE
            child = _start(argv, cwd, env, stdin, target)
            try:
                pumps = _pump_streams(child, on_stdout, on_stderr, keep_output)
                _feed(child, stdin)
                _wait(child, pumps, started, deadline_s, idle_deadline_s, argv)
                _join(pumps)
            except BaseException:
                stop_group(child.pid, lambda: child.poll() is not None)
                raise
        completed = _complete(argv, child, pumps, started)
        if ok_codes is not None and completed.returncode not in ok_codes:
            raise _failure(completed)
        return completed


def find_program(name: str) -> Path | None:
    """The program on PATH, or None."""
    found = shutil.which(name)
    return Path(found) if found else None


def stop_group(group: int, ended: Callable[[], bool]) -> None:
    """Ask a process group to stop, then kill it; returns when its leader has ended."""
    for sign, grace_s in ((signal.SIGTERM, STOP_GRACE_S), (signal.SIGKILL, STOP_GRACE_S)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, sign)
        limit = time.monotonic() + grace_s
        while time.monotonic() < limit:
            if ended() and not _group_lives(group):
                return
            time.sleep(POLL_S)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _start(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: IO[bytes] | str | None,
    stdout: IO[bytes] | int,
) -> subprocess.Popen[bytes]:
    source = subprocess.PIPE if isinstance(stdin, str) else (stdin or subprocess.DEVNULL)
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=source,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise MissingToolError(
            f"{argv[0]} cannot be started: {error.strerror}",
            next_step=f"install {Path(argv[0]).name} or run through ./bootstrap.sh",
        ) from error


def _pump_streams(
    child: subprocess.Popen[bytes],
    on_stdout: OnLine | None,
    on_stderr: OnLine | None,
    keep_output: bool,
) -> tuple[_Pump | None, _Pump]:
    assert child.stderr is not None
    out = _Pump(child.stdout, on_stdout, keep_output) if child.stdout else None
    err = _Pump(child.stderr, on_stderr, keep_output)
    for pump in (out, err):
        if pump:
            pump.start()
    return out, err


def _feed(child: subprocess.Popen[bytes], stdin: IO[bytes] | str | None) -> None:
    if not isinstance(stdin, str) or child.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError), child.stdin:  # a child may read nothing
        child.stdin.write(stdin.encode())


def _wait(
    child: subprocess.Popen[bytes],
    pumps: tuple[_Pump | None, _Pump],
    started: float,
    deadline_s: float,
    idle_deadline_s: float | None,
    argv: Sequence[str],
) -> None:
    while child.poll() is None:
        now = time.monotonic()
        active = [pump for pump in pumps if pump]
        for pump in active:
            if pump.error:
                raise pump.error
        if now - started > deadline_s:
            raise _deadline(argv, f"did not end within {deadline_s:g} s", pumps)
        if idle_deadline_s and now - max(pump.last_seen for pump in active) > idle_deadline_s:
            raise _deadline(argv, f"said nothing for {idle_deadline_s:g} s", pumps)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(POLL_S)


def _join(pumps: tuple[_Pump | None, _Pump]) -> None:
    # A daemon that the program left behind may hold the pipe open: the pipe is not waited for.
    for pump in pumps:
        if pump:
            pump.join(STOP_GRACE_S)


def _complete(
    argv: Sequence[str],
    child: subprocess.Popen[bytes],
    pumps: tuple[_Pump | None, _Pump],
    started: float,
) -> Completed:
    for pump in pumps:
        if pump and pump.error:
            raise pump.error
    out, err = pumps
    return Completed(
        argv=tuple(argv),
        returncode=child.returncode,
        stdout="".join(out.lines) if out else "",
        stderr="".join(err.lines),
        duration_s=time.monotonic() - started,
    )


def _tail(*streams: str) -> str:
    lines = [line for stream in streams for line in stream.splitlines() if line.strip()]
    return "\n".join(lines[-TAIL_LINES:])


def _failure(completed: Completed) -> CommandError:
    tail = _tail(completed.stdout, completed.stderr)
    return CommandError(
        f"{shlex.join(completed.argv)} ended with {completed.returncode}\n{tail}",
        next_step="read its last lines above; the same command can be run by hand",
        returncode=completed.returncode,
        tail=tail,
    )


def _deadline(argv: Sequence[str], what: str, pumps: tuple[_Pump | None, _Pump]) -> DeadlineError:
    tail = _tail(*("".join(list(pump.lines)) for pump in pumps if pump))
    return DeadlineError(
        f"{shlex.join(argv)} {what} and was stopped\n{tail}",
        next_step="look at what it waits for (`invoke doctor`), then run it again",
        tail=tail,
    )

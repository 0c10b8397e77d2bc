"""What every test may rely on: no process, no network, unless it is marked for it."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from baseimages.build import find_engine
from baseimages.command import Completed, ProcessRunner
from baseimages.errors import EngineError
from baseimages.report.timings import BOOTSTRAP_VARIABLE

ROOT = Path(__file__).resolve().parent.parent


class UnscriptedCommandError(AssertionError):
    """A test let the code start a program that the test did not foresee."""


@dataclass
class FakeRunner:
    """A strict `Runner`: each program has to be scripted, each call is kept in `calls`.

    `script(prefix, ...)` answers every command that starts with `prefix`; the longest wins.
    """

    calls: list[tuple[str, ...]] = field(default_factory=list)
    envs: list[dict[str, str] | None] = field(default_factory=list)
    _answers: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def script(
        self,
        *prefix: str,
        stdout: str = "",
        stderr: str = "",
        returncode: int = 0,
        error: BaseException | None = None,
        action: Callable[[tuple[str, ...]], None] | None = None,
    ) -> None:
        self._answers[prefix] = (stdout, stderr, returncode, error, action)

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        call = tuple(str(word) for word in argv)
        self.calls.append(call)
        self.envs.append(options.get("env"))
        stdout, stderr, returncode, error, action = self._answer(call)
        if action:
            action(call)
        if options.get("stdout_path"):
            Path(options["stdout_path"]).write_text(stdout, encoding="utf-8")
        if error:
            raise error
        self._tell(options.get("on_stdout"), stdout)
        self._tell(options.get("on_stderr"), stderr)
        completed = Completed(argv=call, returncode=returncode, stdout=stdout, stderr=stderr, duration_s=0.0)
        ok_codes = options.get("ok_codes", (0,))
        if ok_codes is not None and returncode not in ok_codes:
            from baseimages.command import _failure

            raise _failure(completed)
        return completed

    def _answer(self, call: tuple[str, ...]) -> Any:
        fitting = [prefix for prefix in self._answers if call[: len(prefix)] == prefix]
        if not fitting:
            raise UnscriptedCommandError(f"not scripted: {call}")
        return self._answers[max(fitting, key=len)]

    @staticmethod
    def _tell(listener: Callable[[str], None] | None, text: str) -> None:
        for line in text.splitlines() if listener else ():
            listener(line)


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def root() -> Path:
    return ROOT


def pytest_configure() -> None:
    # A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@cache
def engine_refusal() -> str:
    """Why ring 2 cannot run, empty when it can."""
    try:
        find_engine(ProcessRunner())
    except EngineError as error:
        return f"ring 2: {error.message} (./bootstrap.sh)"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("engine") and engine_refusal():
            item.add_marker(pytest.mark.skip(reason=engine_refusal()))


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """How this very run came about, and how it is shown, is not for the code under test."""
    for name in (BOOTSTRAP_VARIABLE, "FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ring 1 starts no process and opens no connection."""
    if request.node.get_closest_marker("engine"):
        return

    def refuse_connection(*_: object, **__: object) -> None:
        raise AssertionError("a test without the marker `engine` may not open a connection")

    def refuse_process(*_: object, **__: object) -> None:
        raise AssertionError("a test without a marker `process` or `engine` may not start programs")

    if request.node.get_closest_marker("process"):
        return
    monkeypatch.setattr(socket.socket, "connect", refuse_connection)
    monkeypatch.setattr(subprocess, "Popen", refuse_process)

"""Refusals of the verbs: the exit code, the next step, no traceback, nothing started."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from baseimages import verbs
from baseimages.errors import UNREAD_EXIT_CODE, BuildError, RecordError, StorageError
from tests.conftest import ROOT
from tests.tasks.conftest import NoRunner, refusal


@pytest.mark.parametrize(
    "verb", [tasks.plan, tasks.build, tasks.verify, tasks.scan, tasks.benchmark, tasks.report]
)
def test_an_unknown_variant_is_refused_with_the_nearest(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, variant="cpuu")
    assert code == 2
    assert said.splitlines() == [
        "error: unknown variant 'cpuu'",
        "Next: did you mean cpu? Otherwise use one of: arm64, baseline-cpu, baseline-gpu, cpu, gpu, tegra",
    ]


def test_what_the_system_refuses_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "progress.jsonl")

    monkeypatch.setattr(verbs, "describe_plan", refuse)
    code, said = refusal(capsys, tasks.plan)
    assert code == StorageError.exit_code
    assert said.startswith("error: progress.jsonl: No space left on device\nNext: free some space")


@pytest.mark.process
def test_a_reader_that_went_away_is_no_error() -> None:
    """`invoke plan | head -c 1`: more is printed than a pipe holds, and nobody reads it."""
    argv = [sys.executable, "-m", "invoke", "plan", "--json", "--variant", "all"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout
        process.stdout.close()
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (UNREAD_EXIT_CODE, b"")


@pytest.mark.parametrize(
    ("words", "nearest"), [({"target": "cor"}, "core"), ({"base": "debian-31"}, "debian-13")]
)
def test_an_unknown_target_or_base_is_refused_with_the_nearest(
    words: dict[str, str], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.plan, **words)
    assert (code, f"did you mean {nearest}?" in said) == (2, True)


@pytest.mark.parametrize("name", ["-v/:/h", "cpu\nRUN x", "../cpu", "cpu;id", "\x1b[31mcpu"])
@pytest.mark.parametrize("word", ["variant", "target", "base"])
def test_a_hostile_name_is_refused_and_shown_inert(
    word: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.build, **{word: name, "dry_run": True})
    assert code == 2
    assert "\x1b" not in said
    assert "\nRUN" not in said


@pytest.mark.parametrize("word", ["variant", "base"])
def test_an_empty_word_is_refused_where_it_stands_for_no_default(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, tasks.build, **{word: "", "dry_run": True})[0] == 2


@pytest.mark.parametrize("name", ["-v/:/h", "cpu\nRUN x"])
@pytest.mark.parametrize(
    "verb", [tasks.plan, tasks.build, tasks.verify, tasks.scan, tasks.benchmark, tasks.report]
)
def test_a_hostile_variant_is_refused_before_any_program_starts(
    verb: Callable[..., None],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", NoRunner)
    assert refusal(capsys, verb, variant=name)[0] == 2


@pytest.mark.parametrize("words", [{"target": "-v/:/h"}, {"base": "-v/:/h"}])
@pytest.mark.parametrize("verb", [tasks.verify, tasks.scan, tasks.benchmark])
def test_a_hostile_target_or_base_is_refused_before_a_build_is_read(
    verb: Callable[..., None],
    words: dict[str, str],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", NoRunner)
    assert refusal(capsys, verb, variant="cpu", **words)[0] == 2
    assert sorted(path.name for path in checkout.iterdir()) == ["images.toml"]


@pytest.mark.parametrize("verb", [tasks.verify, tasks.scan, tasks.updates, tasks.report])
def test_without_a_build_the_command_that_makes_one_is_told(
    verb: Callable[..., None], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, variant="cpu")
    assert code == RecordError.exit_code
    assert "invoke build --variant cpu" in said


def test_an_error_of_the_package_is_one_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise BuildError("it did not build", next_step="mend it")

    monkeypatch.setattr(verbs, "build", fail)
    code, said = refusal(capsys, tasks.build)
    assert (code, said) == (BuildError.exit_code, "error: it did not build\nNext: mend it\n")


def test_ctrl_c_is_130_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "scan", interrupt)
    code, said = refusal(capsys, tasks.scan, variant="cpu")
    assert code == 130
    assert said.startswith("interrupted:")

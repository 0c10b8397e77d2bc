"""Verbs as a person types them: refusals with their exit code, no traceback, nothing started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from invoke import Config, MockContext, Task

import tasks
from baseimages import verbs
from baseimages.command import Completed
from baseimages.errors import BuildError, RecordError
from tests.conftest import ROOT

COMMIT = "a" * 40


class GitRunner:
    """Answers git; anything else is an unforeseen program."""

    def run(self, argv: list[str], **_: Any) -> Completed:
        assert argv[0] == "git", f"not scripted: {argv}"
        stdout = f"{COMMIT} 1767323045\n" if "log" in argv else ""
        return Completed(argv=tuple(argv), returncode=0, stdout=stdout, stderr="", duration_s=0.0)


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", GitRunner)


def call(verb: Callable[..., None], **words: Any) -> None:
    verb(MockContext(Config()), **words)


def refusal(
    capsys: pytest.CaptureFixture[str], verb: Callable[..., None], **words: Any
) -> tuple[object, str]:
    """Exit code and message of a verb that refuses."""
    with pytest.raises(SystemExit) as caught:
        call(verb, **words)
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", [tasks.plan, tasks.build, tasks.verify, tasks.scan, tasks.benchmark, tasks.report]
)
def test_an_unknown_variant_is_refused_with_those_there_are(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, variant="cpuu")
    assert code == 2
    assert "cpu" in said
    assert "Next:" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "nearest"), [({"target": "cor"}, "core"), ({"base": "debian-31"}, "debian-13")]
)
def test_an_unknown_target_or_base_is_refused_with_the_nearest(
    words: dict[str, str], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.plan, **words)
    assert (code, nearest in said) == (2, True)


@pytest.mark.parametrize("name", ["-v/:/h", "cpu\nRUN x", "../cpu", "", "cpu;id", "\x1b[31mcpu"])
@pytest.mark.parametrize("word", ["variant", "base"])
def test_a_hostile_name_is_refused_and_shown_inert(
    word: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.build, **{word: name, "dry_run": True})
    assert code == 2
    assert "\x1b" not in said
    assert "\nRUN" not in said


@pytest.mark.parametrize("verb", [tasks.verify, tasks.scan, tasks.benchmark, tasks.report])
def test_without_a_build_the_command_that_makes_one_is_told(
    verb: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "images.toml").write_bytes((ROOT / "images.toml").read_bytes())
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
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
    code, said = refusal(capsys, tasks.scan)
    assert code == 130
    assert said.startswith("interrupted:")


def test_the_plan_as_json_needs_no_engine_and_holds_a_bake_file(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, variant="cpu", target="core", json=True)
    plan = json.loads(capsys.readouterr().out)
    assert plan["revision"]["commit"] == COMMIT
    (target,) = plan["bake"]["target"].values()
    assert target["target"] == "core"
    assert target["args"]["BASE_FAMILY"] == "ubuntu-24.04"


def test_a_dry_run_prints_the_plan_that_plan_prints(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, target="core", base="debian-13")
    planned = capsys.readouterr().out
    call(tasks.build, target="core", base="debian-13", dry_run=True)
    assert capsys.readouterr().out == planned


def test_a_build_argument_of_a_person_reaches_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, build_arg=["WITH_NGROK=0"], json=True)
    (target,) = json.loads(capsys.readouterr().out)["bake"]["target"].values()
    assert target["args"]["WITH_NGROK"] == "0"


@pytest.mark.parametrize("name", [name for name in vars(tasks) if isinstance(vars(tasks)[name], Task)])
def test_a_verb_and_each_of_its_options_are_explained(name: str) -> None:
    verb = getattr(tasks, name)
    assert verb.__doc__
    assert [option.name for option in verb.get_arguments() if not option.help] == []

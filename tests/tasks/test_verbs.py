"""Verbs as a person types them: what is printed and what is written."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from invoke import Collection, Program, Task

import tasks
from baseimages import verbs
from baseimages.errors import LintError, UsageError
from baseimages.host import Check
from baseimages.lint import Finding, LintReport
from tests.conftest import ROOT, FakeRunner
from tests.tasks.conftest import COMMIT, NoRunner, call, list_files, refusal, store_build

FINDING = Finding(file="a.py", line=1, code="F401", message="unused", tool="ruff")


def test_the_plan_as_json_needs_no_engine_and_holds_a_bake_file(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, variant="cpu", target="core", json=True)
    plan = json.loads(capsys.readouterr().out)
    assert plan["revision"]["commit"] == COMMIT
    (target,) = plan["bake"]["target"].values()
    assert target["target"] == "core"
    assert target["args"]["BASE_FAMILY"] == "ubuntu-24.04"


def test_the_plan_of_all_joins_the_platforms_of_one_friendly_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call(tasks.plan, variant="all", target="core", base="debian-13", json=True)
    indexes = {index["name"]: index for index in json.loads(capsys.readouterr().out)["indexes"]}
    members = indexes["base_edge_node_cpu"]["members"]
    assert [member["platform"] for member in members] == ["linux/amd64", "linux/arm64"]
    assert "base_edge_node_amd64_gpu" in indexes
    call(tasks.plan, variant="all")
    assert "## base_edge_node_cpu\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", [{"base": "debian-31"}, {"target": "cor"}])
def test_the_plan_of_all_refuses_what_no_image_has(
    words: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.plan, variant="all", **words)
    assert (code, "did you mean" in said) == (UsageError.exit_code, True)


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


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        (tasks.verify, "would run "),
        (tasks.scan, "would scan "),
        (tasks.benchmark, "would measure "),
        (tasks.report, "would write reports/base_edge_node_amd64_cpu/" + COMMIT[:12]),
    ],
)
def test_a_dry_run_tells_what_would_be_done_and_leaves_no_file(
    verb: Callable[..., None],
    told: str,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_build(checkout, "core")
    before = list_files(checkout)
    monkeypatch.setattr(verbs, "ProcessRunner", NoRunner)
    call(verb, dry_run=True)
    assert capsys.readouterr().out.startswith(told)
    assert list_files(checkout) == before


def use_findings(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    """What the linters find."""
    report = LintReport(findings=findings, ran=("ruff",), skipped=())
    monkeypatch.setattr(verbs, "run_lint", lambda *_, **__: report)


def test_a_clean_lint_ends_well(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_findings(monkeypatch)
    call(tasks.lint)
    assert capsys.readouterr().out == "0 findings by ruff\n"


def test_a_finding_is_the_lints_exit_code_and_json_is_still_json(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_findings(monkeypatch, FINDING)
    with pytest.raises(SystemExit) as caught:
        call(tasks.lint, json=True)
    told = capsys.readouterr()
    assert caught.value.code == LintError.exit_code
    assert json.loads(told.out)["findings"][0]["code"] == "F401"
    assert told.err.startswith("error: 1 findings\nNext: ")


def test_findings_are_written_as_sarif_though_the_lint_fails(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_findings(monkeypatch, FINDING)
    refusal(capsys, tasks.lint, sarif=str(checkout / "lint.sarif"))
    (run,) = json.loads((checkout / "lint.sarif").read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["F401"]


def test_an_unknown_linter_is_a_word_that_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.lint, only=["rufff"])
    assert (code, "did you mean ruff?" in said) == (UsageError.exit_code, True)


def test_the_doctor_answers_as_json_and_ends_well_though_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check = Check(name="engine", status="problem", cause="none", cure="./bootstrap.sh")
    monkeypatch.setattr(verbs, "run_doctor", lambda *_: (check,))
    call(tasks.doctor, json=True)
    assert json.loads(capsys.readouterr().out)["checks"][0]["cure"] == "./bootstrap.sh"


def test_the_schemas_are_written_as_they_are_committed(checkout: Path) -> None:
    call(tasks.schema)
    for name in ("images.schema.json", "reports/record.schema.json"):
        assert (checkout / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_of_the_locks_stays_one_on_its_way(
    dry_run: bool, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verbs, "run_locks", lambda *_, dry_run, **__: f"dry: {dry_run}\n")
    call(tasks.lock, dry_run=dry_run)
    assert capsys.readouterr().out == f"dry: {dry_run}\n"


def test_debug_shows_the_traceback_of_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="invoke"), pytest.raises(UsageError):
        call(tasks.plan, variant="cpuu")


def test_a_terminated_verb_ends_with_143(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "scan", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as caught:
        call(tasks.scan, variant="cpu")
    assert caught.value.code == 143


def test_what_a_person_types_reaches_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: list[object] = []

    def apply(_: Path, pins: tuple[str, ...], *, dry_run: bool) -> str:
        changes.extend([*pins, dry_run])
        return ""

    monkeypatch.setattr(verbs, "apply_changes", apply)
    typed = ["invoke", "update-pins", "--set", "A_VERSION=1", "--set", "A_SHA256=2", "--dry-run"]
    Program(namespace=Collection.from_module(tasks)).run(typed, exit=False)
    assert changes == ["A_VERSION=1", "A_SHA256=2", True]


def test_the_menu_has_every_verb_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Program(namespace=Collection.from_module(tasks)).run(["invoke", "--list"], exit=False)
    menu = capsys.readouterr().out
    names = [item.name.replace("_", "-") for item in vars(tasks).values() if isinstance(item, Task)]
    for name in names:
        assert f"  {name} " in menu


def test_a_dry_run_of_tags_prints_the_commands_and_tags_nothing(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {
        "org.opencontainers.image.title": "base_edge_node_amd64_cpu",
        "org.opencontainers.image.revision": "0" * 40,
        "org.opencontainers.image.created": "2026-11-24T00:00:00Z",
        "io.baseimages.target": "full",
        "io.baseimages.base-family": "ubuntu-24.04",
    }
    versions = {"python": "3.13.5", "torch": "2.10.0", "onnx": "1.23.2", "transformers": "5.23.0"}
    runner.script("docker", "image", "inspect", stdout=json.dumps(labels))
    runner.script("docker", "run", stdout=json.dumps(versions))
    monkeypatch.setattr(verbs, "ProcessRunner", lambda: runner)
    call(tasks.tags, image="x:1", write=True, dry_run=True)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "would run docker tag x:1 base_edge_node_amd64_cpu:py3.13-th2.10-ox1.23-tr5.23"
    runner.script("docker", "tag")
    call(tasks.tags, image="x:1", write=True)
    assert [call[:2] for call in runner.calls].count(("docker", "tag")) == len(told) == 3


@pytest.mark.process
@pytest.mark.parametrize("image", [path.parent.name for path in ROOT.glob("*/retag_and_push.sh")])
def test_retag_and_push_hands_its_words_on_and_says_that_it_does_not_push(image: str, tmp_path: Path) -> None:
    (tmp_path / image).mkdir()
    script = tmp_path / image / "retag_and_push.sh"
    script.write_bytes((ROOT / image / "retag_and_push.sh").read_bytes())
    (tmp_path / "bootstrap.sh").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    for path in (script, tmp_path / "bootstrap.sh"):
        path.chmod(0o755)
    done = subprocess.run(
        [str(script), "x:1", "--dry-run", "--repository", "a/b"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout == "invoke|tags|--write|x:1|--dry-run|--repository|a/b|"
    assert done.stderr == "not pushed: publishing is not part of this release\n"

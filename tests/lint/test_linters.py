"""Each linter's real answer becomes findings; an answer that is none is an error, never "clean"."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baseimages.errors import CommandError, EngineError, UsageError
from baseimages.lint import LintReport, render_findings, render_json, render_sarif, run, run_lint
from baseimages.lint.linters import LINTERS
from tests.conftest import ROOT, FakeRunner

RECORDED = ROOT / "tests" / "fixtures" / "lint"
EXPECTED = {
    "hadolint": [("Dockerfile", 2, "DL3014"), ("Dockerfile", 2, "DL3015")],
    "shellcheck": [("bad.sh", 2, "SC2086")],
    "actionlint": [
        (".github/workflows/ci.yml", 8, "expression"),
        (".github/workflows/ci.yml", 9, "expression"),
    ],
    "yamllint": [(".github/workflows/ci.yml", 1, "yaml"), (".github/workflows/ci.yml", 2, "yaml")],
    "ruff-format": [("bad.py", 2, "format")],
    "mypy": [("bad.py", 3, "no-untyped-def"), ("bad.py", 5, "assignment")],
    "codespell": [("words.txt", 1, "spelling")],
}
FILES = ("Dockerfile", "bad.sh", "bad.py", ".github/workflows/ci.yml", "words.txt")


@pytest.fixture
def checkout(tmp_path: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files git would list; programs are found by name."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    runner.script("git", stdout="\0".join(FILES))
    runner.script("docker", error=EngineError("no engine", next_step=""))
    monkeypatch.setattr(run, "find_tool", lambda name, _: Path("/tools") / name)
    return tmp_path


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_answer_gives_findings_with_file_line_and_code(name: str) -> None:
    linter = next(linter for linter in LINTERS if linter.name == name)
    found = list(linter.parse((RECORDED / f"{name}.out").read_text(encoding="utf-8")))
    assert [(f.file, f.line, f.code) for f in found] == EXPECTED[name]
    assert all(f.message and f.tool == name for f in found)


def test_zizmor_names_the_audit_and_the_line_a_person_counts() -> None:
    linter = next(linter for linter in LINTERS if linter.name == "zizmor")
    found = list(linter.parse((RECORDED / "zizmor.out").read_text(encoding="utf-8")))
    assert found
    assert {f.file for f in found} == {".github/workflows/ci.yml"}
    assert all(1 <= f.line <= 9 for f in found)


def test_ruff_tells_its_fix_where_it_has_one() -> None:
    linter = next(linter for linter in LINTERS if linter.name == "ruff")
    found = {f.code: f for f in linter.parse((RECORDED / "ruff.out").read_text(encoding="utf-8"))}
    assert (found["F401"].line, found["F401"].fix) == (1, "Remove unused import: `os`")


def test_buildkits_check_tells_its_warnings_and_what_stopped_it() -> None:
    found = list(run.parse_check((RECORDED / "build-check.out").read_text(encoding="utf-8"), "D"))
    assert [(f.line, f.code) for f in found] == [
        (2, "FromAsCasing"),
        (2, "InvalidDefaultArgInFrom"),
        (1, "build-error"),
    ]


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.name)
def test_a_linter_that_fails_without_a_finding_is_an_error(
    linter: run.Linter, checkout: Path, runner: FakeRunner
) -> None:
    program = {"ruff-format": "ruff"}.get(linter.name, linter.name)
    code = max(linter.ok_codes)
    runner.script(f"/tools/{program}", stdout="", stderr="it crashed", returncode=code)
    with pytest.raises(CommandError, match=f"{linter.name} ended with {code}"):
        run_lint(checkout, runner, only=(linter.name,))


@pytest.mark.parametrize("name", ["hadolint", "shellcheck", "actionlint", "zizmor", "ruff", "mypy"])
def test_an_answer_in_another_form_is_an_error(name: str, checkout: Path, runner: FakeRunner) -> None:
    runner.script(f"/tools/{name}", stdout='Traceback: "panic"', returncode=1)
    with pytest.raises(CommandError, match="a form that is not known"):
        run_lint(checkout, runner, only=(name,))


def test_warnings_of_yamllint_are_findings_whatever_its_exit_code(checkout: Path, runner: FakeRunner) -> None:
    runner.script("/tools/yamllint", stdout=(RECORDED / "yamllint.out").read_text(), returncode=2)
    assert len(run_lint(checkout, runner, only=("yamllint",)).findings) == 2


def test_a_clean_answer_is_no_finding(checkout: Path, runner: FakeRunner) -> None:
    runner.script("/tools/shellcheck", stdout='{"comments": []}')
    report = run_lint(checkout, runner, only=("shellcheck",))
    assert (report.findings, report.ran) == ((), ("shellcheck",))
    assert runner.calls[-1][-1] == "bad.sh"


def test_without_an_engine_the_check_is_skipped_and_printed(checkout: Path, runner: FakeRunner) -> None:
    report = run_lint(checkout, runner, only=("build-check",))
    assert report.ran == ()
    assert "skipped: build-check: no container engine answers" in render_findings(report)


def test_the_check_asks_no_registry_for_a_base(checkout: Path, runner: FakeRunner) -> None:
    runner.script("docker", "version", stdout="28")
    runner.script("docker", "buildx", stdout='{"warnings": null}')
    assert run_lint(checkout, runner, only=("build-check",)).findings == ()
    assert "--build-arg=BASE_IMAGE=scratch" in runner.calls[-1]


def test_an_unknown_linter_is_refused_with_those_there_are(checkout: Path, runner: FakeRunner) -> None:
    with pytest.raises(UsageError) as caught:
        run_lint(checkout, runner, only=("shelcheck",))
    assert "shellcheck" in caught.value.next_step


@pytest.fixture
def report(checkout: Path, runner: FakeRunner) -> LintReport:
    runner.script("/tools/hadolint", stdout=(RECORDED / "hadolint.out").read_text(), returncode=1)
    # ruff alone names files from the root of the disk
    ruff = (RECORDED / "ruff.out").read_text().replace("{root}", str(checkout))
    runner.script("/tools/ruff", stdout=ruff, returncode=1)
    return run_lint(checkout, runner, only=("hadolint", "ruff"))


def test_sarif_has_a_run_for_each_linter_and_a_result_for_each_finding(report: LintReport) -> None:
    sarif = json.loads(render_sarif(report))
    assert sarif["version"] == "2.1.0"
    assert [r["tool"]["driver"]["name"] for r in sarif["runs"]] == ["hadolint", "ruff"]
    results = [result for r in sarif["runs"] for result in r["results"]]
    assert len(results) == len(report.findings) == 4
    for one_run in sarif["runs"]:
        rules = {rule["id"] for rule in one_run["tool"]["driver"]["rules"]}
        assert {result["ruleId"] for result in one_run["results"]} == rules


def test_sarif_places_are_relative_so_that_they_open_anywhere(report: LintReport) -> None:
    for one_run in json.loads(render_sarif(report))["runs"]:
        for result in one_run["results"]:
            place = result["locations"][0]["physicalLocation"]
            assert place["artifactLocation"]["uri"] in FILES
            assert place["region"]["startLine"] >= 1


def test_a_finding_for_people_has_its_place_its_code_and_its_fix(report: LintReport) -> None:
    text = render_findings(report)
    assert "Dockerfile:2: DL3014 Use the `-y` switch" in text
    assert "    fix: Remove unused import" in text
    assert text.endswith("4 findings by hadolint, ruff\n")


def test_json_carries_its_schema_version(report: LintReport) -> None:
    assert json.loads(render_json(report))["schema_version"] == 1

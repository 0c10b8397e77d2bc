"""Each linter's real answer becomes findings; an answer that is none is an error, never "clean"."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baseimages.errors import CommandError, EngineError, UsageError
from baseimages.lint import Finding, render_findings, run, run_lint
from baseimages.lint.linters import LINTERS, PROGRAMS, Linter
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
    "zizmor": [
        (".github/workflows/ci.yml", 7, "artipacked"),
        (".github/workflows/ci.yml", 4, "excessive-permissions"),
    ],
    "ruff": [("{root}/bad.py", 1, "I001"), ("{root}/bad.py", 1, "F401")],
}
# What each linter says of the first of those: of two texts in one answer, the right one is taken.
MESSAGES = {
    "hadolint": "Use the `-y` switch",
    "shellcheck": "Double quote to prevent globbing",
    "actionlint": '"github.event.issue.title" is potentially untrusted',
    "yamllint": '[warning] missing document start "---" (document-start)',
    "ruff-format": "not formatted",
    "mypy": "Function is missing a type annotation",
    "codespell": "teh ==> the",
    "zizmor": "credential persistence through GitHub Actions artifacts",
    "ruff": "Import block is un-sorted or un-formatted",
}
CLEAN = json.loads((RECORDED / "clean.json").read_text(encoding="utf-8"))
# Exit codes that mean "there are findings"; for all others it is 1.
FINDINGS_CODES = {"yamllint": {1, 2}, "codespell": {65}}
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


def parse_recorded(name: str) -> list[Finding]:
    linter = next(linter for linter in LINTERS if linter.name == name)
    return list(linter.parse((RECORDED / f"{name}.out").read_text(encoding="utf-8")))


def program_of(linter: Linter) -> str:
    return f"/tools/{PROGRAMS.get(linter.name, linter.name)}"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_answer_gives_findings_with_file_line_and_code(name: str) -> None:
    found = parse_recorded(name)
    assert [(f.file, f.line, f.code) for f in found] == EXPECTED[name]
    assert all(f.message and f.tool == name for f in found)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_finding_says_what_the_linter_said(name: str) -> None:
    assert parse_recorded(name)[0].message.startswith(MESSAGES[name])


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("ruff", "Organize imports"),
        ("ruff-format", "ruff format bad.py"),
        ("zizmor", "https://docs.zizmor.sh/audits/#artipacked"),
    ],
)
def test_a_linter_that_knows_the_fix_tells_it(name: str, fix: str) -> None:
    assert parse_recorded(name)[0].fix == fix


def test_every_linter_is_tested_on_an_answer_of_its_own() -> None:
    assert EXPECTED.keys() == MESSAGES.keys() == CLEAN.keys() == {linter.name for linter in LINTERS}


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.name)
def test_the_recorded_answer_to_clean_files_gives_no_finding(
    linter: Linter, checkout: Path, runner: FakeRunner
) -> None:
    runner.script(program_of(linter), stdout=CLEAN[linter.name])
    report = run_lint(checkout, runner, only=(linter.name,))
    assert (report.findings, report.ran, report.skipped) == ((), (linter.name,), ())


def test_a_note_of_mypy_is_no_finding() -> None:
    linter = next(linter for linter in LINTERS if linter.name == "mypy")
    (line, *_) = (RECORDED / "mypy.out").read_text(encoding="utf-8").splitlines()
    assert list(linter.parse(line.replace('"severity": "error"', '"severity": "note"'))) == []


def test_buildkits_check_tells_its_warnings_and_what_stopped_it() -> None:
    found = list(run.parse_check((RECORDED / "build-check.out").read_text(encoding="utf-8"), "D"))
    assert [(f.line, f.code) for f in found] == [
        (2, "FromAsCasing"),
        (2, "InvalidDefaultArgInFrom"),
        (1, "build-error"),
    ]


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.name)
def test_a_linter_that_fails_without_a_finding_is_an_error(
    linter: Linter, checkout: Path, runner: FakeRunner
) -> None:
    code = max(linter.ok_codes)
    runner.script(program_of(linter), stdout="", stderr="it crashed", returncode=code)
    with pytest.raises(CommandError, match=f"^{linter.name} (ended with {code}|answered)") as caught:
        run_lint(checkout, runner, only=(linter.name,))
    assert "it crashed" in caught.value.message


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.name)
def test_an_exit_code_that_does_not_mean_findings_is_an_error_whatever_was_printed(
    linter: Linter, checkout: Path, runner: FakeRunner
) -> None:
    answer = (RECORDED / f"{linter.name}.out").read_text(encoding="utf-8")
    for code in {1, 2, 3, 64, 127, 255, -9} - FINDINGS_CODES.get(linter.name, {1}):
        for stdout in (answer, CLEAN[linter.name]):
            runner.script(program_of(linter), stdout=stdout, returncode=code)
            with pytest.raises(CommandError, match=f"ended with {code}"):
                run_lint(checkout, runner, only=(linter.name,))


@pytest.mark.parametrize("name", ["hadolint", "shellcheck", "actionlint", "zizmor", "ruff"])
def test_silence_is_no_clean_answer_of_a_linter_that_speaks_json(
    name: str, checkout: Path, runner: FakeRunner
) -> None:
    runner.script(f"/tools/{name}", stdout="", stderr="it died quietly")
    with pytest.raises(CommandError, match="it died quietly"):
        run_lint(checkout, runner, only=(name,))


def test_an_answer_that_was_cut_is_an_error(checkout: Path, runner: FakeRunner) -> None:
    whole = (RECORDED / "mypy.out").read_text(encoding="utf-8")
    runner.script("/tools/mypy", stdout=whole[:-20], returncode=1)
    with pytest.raises(CommandError, match="a form that is not known"):
        run_lint(checkout, runner, only=("mypy",))


def test_a_workflow_that_zizmor_cannot_read_is_an_error_and_not_passed_over() -> None:
    linter = next(linter for linter in LINTERS if linter.name == "zizmor")
    assert "--strict-collection" in linter.words


def test_a_linter_without_files_is_not_started(checkout: Path, runner: FakeRunner) -> None:
    runner.script("git", stdout="words.txt")
    assert run_lint(checkout, runner, only=("hadolint",)).findings == ()
    assert [call[0] for call in runner.calls] == ["git"]


def test_recorded_answers_and_deleted_files_are_not_linted(checkout: Path, runner: FakeRunner) -> None:
    (checkout / "tests" / "fixtures").mkdir(parents=True)
    (checkout / "tests" / "fixtures" / "bad.sh").write_text("echo $1\n")
    runner.script("git", stdout="\0".join(["gone.sh", "bad.sh", "tests/fixtures/bad.sh"]))
    runner.script("/tools/shellcheck", stdout=CLEAN["shellcheck"])
    run_lint(checkout, runner, only=("shellcheck",))
    assert [word for word in runner.calls[-1] if word.endswith(".sh")] == ["bad.sh"]


@pytest.mark.parametrize("name", ["Dockerfile", "bad.sh", ".ci/run"])
def test_an_ignore_without_a_reason_is_found_in_every_shell_file_and_dockerfile(
    name: str, checkout: Path, runner: FakeRunner
) -> None:
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("FROM scratch\n# shellcheck disable=SC2086\n")
    runner.script("git", stdout=name)
    found = run_lint(checkout, runner, only=("contract",)).findings
    assert [(f.file, f.line) for f in found if f.code == "BI012"] == [(name, 2)]


def test_findings_are_told_in_the_order_of_files_and_lines(checkout: Path, runner: FakeRunner) -> None:
    runner.script("/tools/hadolint", stdout=(RECORDED / "hadolint.out").read_text(), returncode=1)
    runner.script("/tools/shellcheck", stdout=(RECORDED / "shellcheck.out").read_text(), returncode=1)
    (checkout / "Dockerfile").write_text("FROM scratch\n# hadolint ignore=DL3014\n")
    report = run_lint(checkout, runner, only=("shellcheck", "hadolint", "contract"))
    places = [(f.file, f.line, f.code) for f in report.findings]
    assert places == sorted(places)
    assert {("Dockerfile", 2, "BI012"), *EXPECTED["hadolint"], *EXPECTED["shellcheck"]} <= set(places)


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


def test_buildkit_that_cannot_check_is_an_error_and_not_clean(checkout: Path, runner: FakeRunner) -> None:
    runner.script("docker", "version", stdout="28")
    runner.script("docker", "buildx", stderr="ERROR: no builder found", returncode=1)
    with pytest.raises(CommandError, match="no builder found"):
        run_lint(checkout, runner, only=("build-check",))


def test_an_unknown_linter_is_refused_with_the_nearest_before_anything_starts(
    checkout: Path, runner: FakeRunner
) -> None:
    with pytest.raises(UsageError, match=r"did you mean shellcheck\?"):
        run_lint(checkout, runner, only=("ruff", "shelcheck"))
    assert runner.calls == []


def test_a_hostile_linter_name_is_shown_inert(checkout: Path, runner: FakeRunner) -> None:
    with pytest.raises(UsageError) as caught:
        run_lint(checkout, runner, only=("\x1b[31mruff\n",))
    assert "\x1b" not in str(caught.value)


def test_a_linter_that_names_files_from_the_root_of_the_disk_is_made_relative(
    checkout: Path, runner: FakeRunner
) -> None:
    answer = (RECORDED / "ruff.out").read_text(encoding="utf-8").replace("{root}", str(checkout))
    runner.script("/tools/ruff", stdout=answer, returncode=1)
    report = run_lint(checkout, runner, only=("ruff",))
    assert [f.file for f in report.findings] == ["bad.py", "bad.py"]

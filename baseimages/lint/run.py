"""Run every linter over the files that git knows."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from baseimages.command import Runner
from baseimages.declare import parse_dockerfile, unknown_word
from baseimages.errors import BaseImagesError, CommandError
from baseimages.host import find_tool
from baseimages.lint.finding import Finding, LintReport
from baseimages.lint.linters import LINTERS, PROGRAMS, PYTHON, SHELL, Linter
from baseimages.lint.rules import check_dockerfile, find_bare_ignores

LINT_S = 600.0
PROBE_S = 5.0
OWN = "contract"
BUILD_CHECK = "build-check"
NO_BASE = ("--build-arg=BASE_IMAGE=scratch", "--build-arg=BUILD_IMAGE=scratch")


def run_lint(root: Path, runner: Runner, *, only: tuple[str, ...] = ()) -> LintReport:
    """All linters, or those named. Raises UsageError, MissingToolError, CommandError."""
    names = (OWN, *(linter.name for linter in LINTERS), BUILD_CHECK)
    for name in only:
        if name not in names:
            raise unknown_word("linter", name, names)
    chosen, files = only or names, list_files(root, runner)
    findings, ran, skipped = [], [], []
    if OWN in chosen:
        findings += _check_contract(root, files)
        ran.append(OWN)
    for linter in LINTERS:
        if linter.name in chosen:
            findings += _run_linter(linter, root, files, runner)
            ran.append(linter.name)
    if BUILD_CHECK in chosen:
        if _engine_answers(runner):
            findings += [
                f for name in _matching(files, ("*Dockerfile",)) for f in _check_build(name, root, runner)
            ]
            ran.append(BUILD_CHECK)
        else:
            skipped.append((BUILD_CHECK, "no container engine answers"))
    return LintReport(findings=tuple(sorted(findings)), ran=tuple(ran), skipped=tuple(skipped))


def list_files(root: Path, runner: Runner) -> tuple[str, ...]:
    """Files that git tracks or would track, as they are on disk."""
    words = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = runner.run(words, deadline_s=60, echo=False)
    names = sorted({name for name in done.stdout.split("\0") if name})
    return tuple(name for name in names if (root / name).is_file())


def _matching(files: tuple[str, ...], patterns: tuple[str, ...]) -> list[str]:
    kept = [name for name in files if not name.startswith("tests/fixtures/")]
    return [name for name in kept if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def _check_contract(root: Path, files: tuple[str, ...]) -> list[Finding]:
    found: list[Finding] = []
    for name in _matching(files, ("*Dockerfile", *SHELL, *PYTHON)):
        text = (root / name).read_text(encoding="utf-8")
        found += find_bare_ignores(text, name)
        if name.endswith("Dockerfile"):
            found += check_dockerfile(parse_dockerfile(text, Path(name)), text, name)
    return found


def _run_linter(linter: Linter, root: Path, files: tuple[str, ...], runner: Runner) -> list[Finding]:
    names = _matching(files, linter.patterns)
    if not names:
        return []
    program = find_tool(PROGRAMS.get(linter.name, linter.name), runner)
    words = [str(program), *linter.words, *(names if linter.takes_files else ())]
    done = runner.run(words, deadline_s=LINT_S, cwd=root, ok_codes=linter.ok_codes, echo=False)
    try:
        found = list(linter.parse(done.stdout))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        answer = f"{done.stdout[:300]!r}\n{done.stderr[-1000:]}"
        raise CommandError(
            f"{linter.name} answered in a form that is not known: {answer}",
            next_step="read its words above; compare its version with tools/environment.txt",
        ) from error
    if done.returncode and not found:
        raise CommandError(
            f"{linter.name} ended with {done.returncode} and no finding\n{done.stderr[-1000:]}",
            next_step="read its words above",
        )
    return [_relative(finding, root) for finding in found]


def _relative(finding: Finding, root: Path) -> Finding:
    return replace(finding, file=finding.file.removeprefix(f"{root}/"))


def _engine_answers(runner: Runner) -> bool:
    try:
        words = ["docker", "version", "--format", "{{.Server.Version}}"]
        return bool(runner.run(words, deadline_s=PROBE_S, echo=False).stdout.strip())
    except BaseImagesError:
        return False


def _check_build(name: str, root: Path, runner: Runner) -> list[Finding]:
    """BuildKit's own rules, which know targets and values of ARGs; no base is asked of a registry."""
    words = ["docker", "buildx", "build", "--call=check,format=json", *NO_BASE, f"--file={name}", "."]
    done = runner.run(words, deadline_s=LINT_S, cwd=root, ok_codes=(0, 1), echo=False)
    try:
        return list(parse_check(done.stdout, name))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CommandError(
            f"buildx cannot check {name}\n{done.stderr[-1000:]}",
            next_step="`invoke doctor` looks at buildx",
        ) from error


def parse_check(text: str, name: str) -> Iterator[Finding]:
    """Findings of `--call=check,format=json`; what stopped BuildKit is one, for nothing was checked."""
    answer = json.loads(text)
    for item in answer.get("warnings") or []:
        yield Finding(
            file=name,
            line=_line(item),
            code=item["ruleName"],
            message=item["detail"],
            fix=item.get("url", ""),
            tool=BUILD_CHECK,
        )
    if stopped := answer.get("buildError"):
        message = stopped["message"]
        yield Finding(file=name, line=_line(stopped), code="build-error", message=message, tool=BUILD_CHECK)


def _line(item: dict[str, Any]) -> int:
    ranges = item["location"].get("ranges") or [{"start": {"line": 1}}]
    line: int = ranges[0]["start"]["line"]
    return line

"""The field's linters: how each is called, and how its answer becomes findings.

A linter that crashes or answers in another form is an error, never "no findings".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from baseimages.lint.finding import Finding

Parse = Callable[[str], Iterable[Finding]]
UNFORMATTED = re.compile(r"^unformatted: .*\n +--> (?P<file>.+):(?P<line>\d+):\d+$", re.M)
PLAIN = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?P<text>.*)$", re.M)


@dataclass(frozen=True, kw_only=True)
class Linter:
    """`words` follow the program, then the files that match `patterns`; none means no file words."""

    name: str
    words: tuple[str, ...]
    patterns: tuple[str, ...]
    parse: Parse
    takes_files: bool = True
    ok_codes: Sequence[int] = (0, 1)


def _items(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    return found if isinstance(found, list) else list(found["comments"])


def _parse_hadolint(text: str) -> Iterable[Finding]:
    for item in _items(text):
        yield Finding(
            file=item["file"],
            line=item["line"],
            code=item["code"],
            message=item["message"],
            tool="hadolint",
        )


def _parse_shellcheck(text: str) -> Iterable[Finding]:
    for item in _items(text):
        yield Finding(
            file=item["file"],
            line=item["line"],
            code=f"SC{item['code']}",
            message=item["message"],
            tool="shellcheck",
        )


def _parse_actionlint(text: str) -> Iterable[Finding]:
    for item in _items(text):
        yield Finding(
            file=item["filepath"],
            line=item["line"],
            code=item["kind"],
            message=item["message"],
            tool="actionlint",
        )


def _parse_yamllint(text: str) -> Iterable[Finding]:
    for match in PLAIN.finditer(text):
        yield Finding(
            file=match["file"],
            line=int(match["line"]),
            code="yaml",
            message=match["text"],
            tool="yamllint",
        )


def _parse_zizmor(text: str) -> Iterable[Finding]:
    for item in _items(text):
        place = item["locations"][0]
        yield Finding(
            file=place["symbolic"]["key"]["Local"]["verbatim_path"],
            line=place["concrete"]["location"]["start_point"]["row"] + 1,
            code=item["ident"],
            message=item["desc"],
            fix=item.get("url", ""),
            tool="zizmor",
        )


def _parse_ruff(text: str) -> Iterable[Finding]:
    for item in _items(text):
        yield Finding(
            file=item["filename"],
            line=item["location"]["row"],
            code=item["code"] or "syntax",
            message=item["message"],
            fix=(item.get("fix") or {}).get("message") or "",
            tool="ruff",
        )


def _parse_format(text: str) -> Iterable[Finding]:
    for match in UNFORMATTED.finditer(text):
        name = match["file"]
        yield Finding(
            file=name,
            line=int(match["line"]),
            code="format",
            message="not formatted",
            fix=f"ruff format {name}",
            tool="ruff-format",
        )


def _parse_mypy(text: str) -> Iterable[Finding]:
    for line in text.splitlines():
        item = json.loads(line)
        if item["severity"] == "error":
            yield Finding(
                file=item["file"],
                line=item["line"],
                code=item["code"] or "mypy",
                message=item["message"],
                tool="mypy",
            )


def _parse_codespell(text: str) -> Iterable[Finding]:
    for match in PLAIN.finditer(text):
        yield Finding(
            file=match["file"].removeprefix("./"),
            line=int(match["line"]),
            code="spelling",
            message=match["text"],
            tool="codespell",
        )


PYTHON = ("*.py",)
SHELL = ("*.sh", ".ci/run")
LINTERS = (
    Linter(
        name="hadolint",
        words=("--config=.hadolint.yaml", "--format=json"),
        patterns=("*Dockerfile",),
        parse=_parse_hadolint,
    ),
    Linter(
        name="shellcheck",
        words=("--format=json1", "--external-sources"),
        patterns=SHELL,
        parse=_parse_shellcheck,
    ),
    Linter(
        name="actionlint",
        words=("-format", "{{json .}}", "-pyflakes="),
        patterns=(".github/workflows/*.yml",),
        parse=_parse_actionlint,
    ),
    Linter(
        name="yamllint",
        words=("--strict", "--format=parsable", "--config-file=.yamllint.yaml"),
        patterns=("*.yml", "*.yaml"),
        parse=_parse_yamllint,
        ok_codes=(0, 1, 2),  # 2: warnings only, and --strict
    ),
    Linter(
        name="zizmor",
        words=("--offline", "--no-progress", "--format=json", "--no-exit-codes", "--strict-collection"),
        patterns=(".github/workflows/*.yml",),
        parse=_parse_zizmor,
    ),
    Linter(name="ruff", words=("check", "--output-format=json"), patterns=PYTHON, parse=_parse_ruff),
    Linter(name="ruff-format", words=("format", "--check"), patterns=PYTHON, parse=_parse_format),
    Linter(
        name="mypy",
        words=("--output=json", "--no-error-summary"),
        patterns=PYTHON,
        parse=_parse_mypy,
        takes_files=False,
    ),
    Linter(name="codespell", words=(), patterns=("*",), parse=_parse_codespell, ok_codes=(0, 65)),
)
PROGRAMS = {"ruff-format": "ruff"}

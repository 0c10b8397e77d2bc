"""The Dockerfile contract: each rule finds what it is for, and leaves a good file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.declare import parse_dockerfile
from baseimages.lint.rules import check_dockerfile, find_bare_ignores

HEADER = """# Stage name: one
# Purpose: p
# Inputs: i
# Outputs: o
# Why: w
# Risks: r
"""
BASE = "ubuntu:24.04@sha256:" + "0" * 64
GOOD = f"""{HEADER}FROM {BASE} AS one
ENV A=b
# Intent.
RUN <<'EOT'
set -eux
true
EOT
"""


def codes(text: str) -> list[str]:
    return [f.code for f in check_dockerfile(parse_dockerfile(text, Path("D")), text, "D")]


def test_a_file_that_keeps_the_contract_has_no_finding() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("# Why: w\n", "", "BI001"),
        ("# Why: w\n# Risks: r\n", "# Risks: r\n# Why: w\n", "BI001"),
        ("# Stage name: one", "# Stage name: two", "BI002"),
        ("# Intent.\n", "", "BI003"),
        ("# Stage name", "# syntax=docker/dockerfile:1\n# Stage name", "BI004"),
        ("true\n", "curl -fsS https://x.example/i.sh | sh\n", "BI005"),
        ("@sha256:" + "0" * 64, "", "BI006"),
        ("ENV A=b", "ADD https://x.example/f /f", "BI007"),
        ("true\n", "curl -o /f https://x.example/f\n", "BI008"),
        ("ENV A=b", "ENV A b", "BI009"),
        ("ENV A=b", "ENV NGROK_TOKEN=b", "BI010"),
        ("ENV A=b", "ARG DB_PASSWORD", "BI010"),
        ("set -eux\n", "", "BI011"),
        ("RUN <<", "RUN --mount=type=bind,source=scripts,target=/mnt <<", "BI013"),
    ],
)
def test_each_rule_finds_its_fault(old: str, new: str, code: str) -> None:
    assert old in GOOD
    assert code in codes(GOOD.replace(old, new, 1))


def test_a_download_that_is_verified_in_its_step_is_fine() -> None:
    text = GOOD.replace("true\n", "curl -o /f https://x.example/f\necho 'a  /f' | sha256sum -c -\n")
    assert codes(text) == []


@pytest.mark.parametrize(
    "mount",
    ["type=bind,source=a/b.sh,target=/m", "type=bind,from=one,source=/out,target=/m", "type=cache,target=/c"],
)
def test_a_mounted_file_stage_or_cache_is_fine(mount: str) -> None:
    assert codes(GOOD.replace("RUN <<", f"RUN --mount={mount} <<")) == []


def test_an_ignore_with_a_reason_silences_one_rule() -> None:
    text = GOOD.replace("# Intent.\n", "# baseimages: ignore BI011 -- one command only\n")
    assert codes(text.replace("set -eux\n", "")) == []


@pytest.mark.parametrize(
    "line", ["# hadolint ignore=DL3008", "# shellcheck disable=SC2086", "# baseimages: ignore BI003"]
)
def test_an_ignore_without_a_reason_is_itself_a_finding(line: str) -> None:
    assert [f.code for f in find_bare_ignores(f"a\n{line}\n", "x.sh")] == ["BI012"]
    assert not find_bare_ignores(f"{line} -- because\n", "x.sh")


@pytest.mark.parametrize("words", ["noqa", "noqa: BLE001", "type: ignore", "type: ignore[arg-type]"])
def test_an_ignore_in_python_needs_its_reason_too(words: str) -> None:
    line = f"x = 1  # {words}"
    assert [(f.code, f.line) for f in find_bare_ignores(f"\n{line}\n", "x.py")] == [("BI012", 2)]
    assert not find_bare_ignores(f"{line} # its stub is wrong\n", "x.py")
    assert not find_bare_ignores(f"{line} -- its stub is wrong\n", "x.py")

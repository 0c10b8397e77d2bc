"""The verb that judges combinations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tasks
from baseimages import verbs
from baseimages.command import Completed
from tests.conftest import ROOT
from tests.tasks.conftest import GitRunner, call, list_files, refusal


@pytest.fixture
def whole_checkout(checkout: Path) -> Path:
    """A checkout with what the matrix reads, beside images.toml."""
    (checkout / "compatibility.toml").write_bytes((ROOT / "compatibility.toml").read_bytes())
    for path in ROOT.glob("base_edge_node_*/requirements*"):
        copy = checkout / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return checkout


def test_a_dry_run_of_compat_prints_each_question_once_and_writes_nothing(
    whole_checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list_files(whole_checkout)
    call(tasks.compat, dry_run=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(" -m uv pip compile " in line for line in lines)
    assert len(lines) == len(set(lines))
    assert list_files(whole_checkout) == before


def test_compat_refuses_an_unknown_image(whole_checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refusal(capsys, tasks.compat, variant="cpuu")
    assert (code, "did you mean cpu?" in said) == (2, True)


class SilentIndexes(GitRunner):
    """uv that reaches no index."""

    def run(self, argv: list[str], **options: Any) -> Completed:
        if "uv" not in argv:
            return super().run(argv, **options)
        stderr = "error: Failed to fetch: `x`"
        return Completed(argv=tuple(argv), returncode=2, stdout="", stderr=stderr, duration_s=0.0)


def test_compat_writes_the_matrix_of_all_images_and_of_one_image_only_tells(
    whole_checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", SilentIndexes)
    call(tasks.compat, variant="cpu")
    assert "nothing written" in capsys.readouterr().out
    assert not (whole_checkout / "reports").exists()
    call(tasks.compat)
    assert f"report: {whole_checkout / 'reports' / 'compatibility.md'}" in capsys.readouterr().out
    call(tasks.compat, json=True)
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["verdict"] for row in rows} == {"not checked", "blocked"}

"""The revision of a checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from baseimages.command import ProcessRunner
from baseimages.declare import Revision, load_revision
from baseimages.errors import DeclarationError, MissingToolError
from tests.conftest import FakeRunner

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
    for key in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{key}_NAME", "someone")
        monkeypatch.setenv(f"{key}_EMAIL", "someone@example.org")
    (tmp_path / "file").write_text("one\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.process
def test_a_clean_checkout_has_the_time_of_its_commit(checkout: Path) -> None:
    revision = load_revision(ProcessRunner(), checkout)
    assert not revision.dirty
    assert revision.epoch_s == 1767323045
    assert len(revision.commit) == 40


@pytest.mark.process
@pytest.mark.parametrize("name", ["file", "new"])
def test_a_changed_or_new_file_makes_it_dirty(checkout: Path, name: str) -> None:
    (checkout / name).write_text("two\n", encoding="utf-8")
    assert load_revision(ProcessRunner(), checkout).dirty


@pytest.mark.process
def test_reports_do_not_make_it_dirty(checkout: Path) -> None:
    (checkout / "reports").mkdir()
    (checkout / "reports" / "README.md").write_text("made\n", encoding="utf-8")
    assert not load_revision(ProcessRunner(), checkout).dirty


@pytest.mark.process
def test_a_folder_outside_of_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(DeclarationError, match="build in a git clone"):
        load_revision(ProcessRunner(), tmp_path)


def test_a_missing_git_is_named(runner: FakeRunner, tmp_path: Path) -> None:
    runner.script("git", error=MissingToolError("git cannot be started", next_step="install git"))
    with pytest.raises(MissingToolError):
        load_revision(runner, tmp_path)


def test_looking_takes_no_lock_of_git(runner: FakeRunner, tmp_path: Path) -> None:
    runner.script("git", stdout=f"{COMMIT} 1767323045\n")
    load_revision(runner, tmp_path)
    assert all("--no-optional-locks" in call for call in runner.calls)


def test_a_dirty_revision_says_so_in_label_and_short_name() -> None:
    revision = Revision(commit=COMMIT, dirty=True, epoch_s=0)
    assert revision.label == f"{COMMIT}-dirty"
    assert revision.short == "0123456789ab-dirty"

"""What a repository held at another revision."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from baseimages.command import ProcessRunner
from baseimages.declare import History
from tests.conftest import FakeRunner
from tests.declare.test_revision import checkout

__all__ = ["checkout"]
pytestmark = pytest.mark.process
FIRST_S = 1767323045  # 2026-01-02T03:04:05Z


def git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def history(checkout: Path) -> History:
    """Two commits, of which the second changes the file and adds one in a folder."""
    (checkout / "file").write_text("zwölf\r\n", encoding="utf-8", newline="")
    (checkout / "folder").mkdir()
    (checkout / "folder/ö b").write_text("x", encoding="utf-8")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "second")
    return History(root=checkout, runner=ProcessRunner())


def test_a_file_is_read_as_it_was_byte_for_byte(history: History) -> None:
    first, second = git(history.root, "rev-list", "--reverse", "HEAD").split()
    assert (history.read(first, "file"), history.read(second, "file")) == ("one\n", "zwölf\r\n")
    assert history.sha256(second, "file") == hashlib.sha256("zwölf\r\n".encode()).hexdigest()
    assert history.read(first, "folder/ö b") is None
    assert history.list_files(second, "folder") == ("folder/ö b",)
    assert history.commits_of("file") == (second, first)
    assert history.time_of(first) == datetime.fromtimestamp(FIRST_S, UTC)


def test_whether_files_are_as_they_were(history: History) -> None:
    first, second = git(history.root, "rev-list", "--reverse", "HEAD").split()
    same = (
        history.is_same(first, "file"),
        history.is_same(second, "file"),
        history.is_same("0" * 40, "file"),
    )
    assert same == (False, True, None)


def test_a_commit_of_another_branch_is_no_ancestor(history: History) -> None:
    first, second = git(history.root, "rev-list", "--reverse", "HEAD").split()
    assert history.is_ancestor(second)
    git(history.root, "checkout", "-q", first)
    assert history.is_ancestor(first)
    assert not history.is_ancestor(second)


def test_a_shallow_clone_knows_that_it_lacks_commits(history: History, tmp_path: Path) -> None:
    first, second = git(history.root, "rev-list", "--reverse", "HEAD").split()
    git(history.root, "clone", "-q", "--depth=1", history.root.as_uri(), str(tmp_path / "shallow"))
    shallow = History(root=tmp_path / "shallow", runner=ProcessRunner())
    assert (history.is_whole(), shallow.is_whole()) == (True, False)
    assert (shallow.time_of(first), shallow.is_ancestor(second)) == (None, True)


@pytest.mark.parametrize("word", ["HEAD", "--output=x", "0" * 39, "0" * 40 + "-dirty", "a" * 40 + "\n"])
def test_a_word_that_is_no_commit_never_reaches_git(word: str, runner: FakeRunner, tmp_path: Path) -> None:
    history = History(root=tmp_path, runner=runner)
    assert history.read(word, "file") is None
    assert not history.is_ancestor(word)
    assert history.time_of(word) is None
    assert runner.calls == []

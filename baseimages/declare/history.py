"""What the repository held at a revision, asked of git."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from baseimages.command import Completed, Runner

DEADLINE_S = 30.0
COMMIT = re.compile(r"[0-9a-f]{40}")
SAME, OTHER = 0, 1  # exit codes of `git diff --quiet`


@dataclass(frozen=True, kw_only=True)
class History:
    """Questions about commits of the clone at `root`; what git cannot answer is None.

    A revision is a full commit; any other word, such as one that ends in `-dirty`, is unknown.
    """

    root: Path
    runner: Runner

    def time_of(self, revision: str) -> datetime | None:
        """When it was committed; None for a revision that this clone does not have."""
        told = self._ask("show", "-s", "--no-show-signature", "--format=%ct", revision, about=revision)
        return datetime.fromtimestamp(int(told), UTC) if told else None

    def is_ancestor(self, revision: str) -> bool:
        """Whether the checked out commit stands on it."""
        return self._ask("merge-base", "--is-ancestor", revision, "HEAD", about=revision) is not None

    def is_whole(self) -> bool:
        """Whether the clone has every commit: not so for a shallow one, nor outside of git."""
        return (self._ask("rev-parse", "--is-shallow-repository") or "").strip() == "false"

    def commits_of(self, path: str) -> tuple[str, ...]:
        """The commits that wrote that file, the newest first; none for one that is not committed."""
        return tuple((self._ask("log", "--format=%H", "--", path) or "").split())

    def read(self, revision: str, path: str) -> str | None:
        """The text of a file as it was; None where there was none."""
        return self._ask("show", f"{revision}:{path}", about=revision)

    def sha256(self, revision: str, path: str) -> str | None:
        """Hex sha256 of a file of text as it was; None where there was none."""
        text = self.read(revision, path)
        return None if text is None else hashlib.sha256(text.encode()).hexdigest()

    def is_same(self, revision: str, *paths: str) -> bool | None:
        """Whether the checkout has these as they were; None where git cannot tell."""
        done = self._run("diff", "--quiet", revision, "--", *paths)
        return {SAME: True, OTHER: False}.get(done.returncode)

    def list_files(self, revision: str, *folders: str) -> tuple[str, ...]:
        """Every file below these folders as they were."""
        words = ("ls-tree", "-r", "-z", "--name-only", revision, "--", *folders)
        return tuple(name for name in (self._ask(*words, about=revision) or "").split("\0") if name)

    def _ask(self, *words: str, about: str | None = None) -> str | None:
        if about is not None and not COMMIT.fullmatch(about):
            return None
        done = self._run(*words)
        return None if done.returncode else done.stdout

    def _run(self, *words: str) -> Completed:
        # --no-optional-locks: looking at a checkout never blocks a git command of the user.
        argv = ("git", "--no-optional-locks", "-C", str(self.root), *words)
        return self.runner.run(argv, deadline_s=DEADLINE_S, ok_codes=None, echo=False)

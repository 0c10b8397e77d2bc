"""The revision of the checkout: what a build and a report are named after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baseimages.command import Runner
from baseimages.errors import CommandError, DeclarationError, MissingToolError

GIT_DEADLINE_S = 30.0
SHORT = 12


@dataclass(frozen=True, kw_only=True)
class Revision:
    """Commit (hex), whether tracked files differ from it, its time in seconds since 1970."""

    commit: str
    dirty: bool
    epoch_s: int

    @property
    def name(self) -> str:
        """Short form for folders and tags; `-dirty` says that the commit alone is not enough."""
        return self.commit[:SHORT] + ("-dirty" if self.dirty else "")


def load_revision(runner: Runner, root: Path) -> Revision:
    """Ask git. Reports do not count as changes: they are made from builds. Raises DeclarationError."""

    def git(*words: str) -> str:
        return runner.run(["git", *words], cwd=root, deadline_s=GIT_DEADLINE_S, echo=False).stdout

    try:
        commit, epoch = git("log", "-1", "--format=%H %ct").split()
        status = git("status", "--porcelain", "--", ".", ":!reports")
    except (CommandError, MissingToolError, ValueError) as error:
        raise DeclarationError(
            "this folder is not a git checkout with a commit",
            next_step="work in a clone: revisions name builds and reports",
        ) from error
    return Revision(commit=commit, dirty=bool(status.strip()), epoch_s=int(epoch))

"""The checkout's revision: which commit, whether changed since, and when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baseimages.command import Runner
from baseimages.errors import CommandError, DeclarationError

DEADLINE_S = 30.0
SHORT_LENGTH = 12
# Written by this tool from finished builds: no input of any build, so no change of the revision.
GENERATED = ":(exclude)reports"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A git commit; `dirty` when tracked or new files differ from it."""

    commit: str
    dirty: bool
    epoch_s: int

    @property
    def label(self) -> str:
        """What an image says of its origin: the full commit, with -dirty where that is not all."""
        return self.commit + self._suffix

    @property
    def short(self) -> str:
        """The same with a short commit, for tags and folders."""
        return self.commit[:SHORT_LENGTH] + self._suffix

    @property
    def _suffix(self) -> str:
        return "-dirty" if self.dirty else ""


def load_revision(runner: Runner, root: Path) -> Revision:
    """Ask git for the revision of the checkout at `root`.

    Raises DeclarationError outside of a git checkout or before the first commit, MissingToolError
    without git.
    """
    # --no-optional-locks: looking at a checkout never blocks a git command of the user.
    git = ("git", "--no-optional-locks", "-C", str(root))
    head = (*git, "log", "-1", "--no-show-signature", "--format=%H %ct")
    status = (*git, "status", "--porcelain", "--", ".", GENERATED)
    try:
        commit, epoch = runner.run(head, deadline_s=DEADLINE_S, echo=False).stdout.split()
        changes = runner.run(status, deadline_s=DEADLINE_S, echo=False).stdout
    except CommandError as error:
        raise DeclarationError(
            f"{root} has no revision that git knows\n{error.tail}",
            next_step="build in a git clone of this repository that has a commit",
        ) from error
    return Revision(commit=commit, dirty=bool(changes.strip()), epoch_s=int(epoch))

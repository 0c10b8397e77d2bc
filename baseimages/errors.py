"""Every failure a person can meet: one base class, one exit code each, the next step in the message.

The codes are the table in AGENTS.md; a test proves that table and classes agree. Codes 20 to 29
belong to bootstrap.sh, 130, 141 and 143 to the signals.
"""

from __future__ import annotations

import errno
from typing import ClassVar

INTERRUPTED_EXIT_CODE = 130
TERMINATED_EXIT_CODE = 143
UNREAD_EXIT_CODE = 141  # as a shell says it of SIGPIPE
# What a person mends at the disk; the rest of OSError is nobody's to foresee.
OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
MAKE_ROOM = "free some space (`df -h .`) or fix the permissions, then run it again"


class BaseImagesError(Exception):
    """Base of all errors of this project; `str()` is the cause and then the next step."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, next_step: str) -> None:
        super().__init__(f"{message}\nNext: {next_step}")
        self.message = message
        self.next_step = next_step


class UsageError(BaseImagesError):
    """A word on the command line is not one that the family or the verb knows."""

    exit_code = 2


class DeclarationError(BaseImagesError):
    """images.toml, a Dockerfile or a pin file does not say what it must."""

    exit_code = 3


class MissingToolError(BaseImagesError):
    """A program is neither installed nor obtainable."""

    exit_code = 4


class CommandError(BaseImagesError):
    """A program ran and failed; the message carries the tail of its output."""

    exit_code = 5

    def __init__(self, message: str, *, next_step: str, returncode: int = 1, tail: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.returncode = returncode
        self.tail = tail


class DeadlineError(CommandError):
    """A program was stopped because it said nothing, or did not end, in the time it had."""

    exit_code = 6


class EngineError(BaseImagesError):
    """No container engine answers, or it lacks a feature that is used."""

    exit_code = 7


class BaseFamilyError(BaseImagesError):
    """No base image of the family can be had."""

    exit_code = 8


class VerificationError(BaseImagesError):
    """Bytes do not have the digest that was declared for them."""

    exit_code = 9


class LockedError(BaseImagesError):
    """Another run works in this checkout."""

    exit_code = 10


class StorageError(BaseImagesError):
    """A file could not be written whole."""

    exit_code = 11


class BuildError(BaseImagesError):
    """The image did not build."""

    exit_code = 12


class SuiteError(BaseImagesError):
    """The image was built and a check inside it failed."""

    exit_code = 13


class ScanError(BaseImagesError):
    """The scan is invalid, its result would not mean anything, or programs of the image do not fit it."""

    exit_code = 14


class LintError(BaseImagesError):
    """The lint has findings."""

    exit_code = 15


class MeasurementError(BaseImagesError):
    """A run did not measure what its scenario names."""

    exit_code = 16


class RecordError(BaseImagesError):
    """A stored record is missing, damaged or of another schema."""

    exit_code = 17


class CompatibilityError(BaseImagesError):
    """A default combination cannot be had, the family drifts without a reason, or an index is silent."""

    exit_code = 18


class TagError(BaseImagesError):
    """An image does not answer what its release tag asks."""

    exit_code = 19


class BudgetError(BaseImagesError):
    """An image weighs more than it may."""

    exit_code = 30


class DriftError(BaseImagesError):
    """A committed report does not follow from its record, its inputs or the image any more."""

    exit_code = 35


class ProposalError(BaseImagesError):
    """A proposal was kept against a gate that failed, or against its own score."""

    exit_code = 36


class RegressionError(BaseImagesError):
    """A candidate lost against its baseline what nobody allowed, or does not pass a gate."""

    exit_code = 37


def tell_error(error: BaseImagesError | OSError) -> BaseImagesError:
    """An error as a person meets it; what the system refused, with the file where it names one."""
    if isinstance(error, BaseImagesError):
        return error
    message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if error.errno in OF_THE_DISK:
        return StorageError(message, next_step=MAKE_ROOM)
    return BaseImagesError(message, next_step="run it again with `invoke --debug` to see where it happened")

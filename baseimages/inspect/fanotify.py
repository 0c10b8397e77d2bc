"""The kernel's notices about opened files, fanotify(7), by the C library's own calls.

One `Notices` is about one file system, whoever opens and from whichever mount of it: what a process
of a container opens is told by the path that the container itself sees. It takes root, and nothing
of what is watched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# linux/fanotify.h
FAN_CLOEXEC, FAN_NONBLOCK, FAN_UNLIMITED_QUEUE = 0x1, 0x2, 0x10
FAN_MARK_ADD, FAN_MARK_FILESYSTEM = 0x1, 0x100
FAN_OPEN, FAN_Q_OVERFLOW = 0x20, 0x4000  # an execution opens its file too
AT_FDCWD = -100
# struct fanotify_event_metadata: length, version, reserved, length of the head, mask, file, process.
EVENT = struct.Struct("=IBBHQii")
VERSION = 3
READ_BYTES = 1 << 16
# Opening for the notice must not wait for the other end of a named pipe.
OPENED_AS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One open: the path as the container sees it, and the name of the program that opened it, empty
    where it had ended already. A lost notice has no path."""

    path: bytes = b""
    program: str = ""
    lost: bool = False


class Notices:
    """What is opened in the file system at `path` from now on. Raises OSError where that is refused."""

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        flags = FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE
        self.descriptor = _checked(library.fanotify_init(flags, OPENED_AS))
        try:
            mark, mask = FAN_MARK_ADD | FAN_MARK_FILESYSTEM, ctypes.c_uint64(FAN_OPEN)
            _checked(library.fanotify_mark(self.descriptor, mark, mask, AT_FDCWD, os.fsencode(path)))
        except OSError:
            self.close()
            raise

    def read(self) -> Iterator[Notice]:
        """What came since the last call; waits for nothing."""
        while True:
            try:
                data = os.read(self.descriptor, READ_BYTES)
            except BlockingIOError:
                return
            except OSError:  # the file of the first notice could not be opened for us
                yield Notice(lost=True)
                return
            yield from parse_notices(data)

    def close(self) -> None:
        """Stop watching."""
        os.close(self.descriptor)


def parse_notices(data: bytes) -> Iterator[Notice]:
    """Notices as the kernel writes them; the files that it opened for them are closed."""
    offset = 0
    while offset < len(data):
        length, version, _, _, mask, file, process = EVENT.unpack_from(data, offset)
        offset += length
        if version != VERSION or mask & FAN_Q_OVERFLOW or file < 0:
            yield Notice(lost=True)
            continue
        try:
            path = os.fsencode(Path(f"/proc/self/fd/{file}").readlink())
            yield Notice(path=path, program=_name(process))
        finally:
            os.close(file)


def _name(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_bytes().decode("utf-8", "replace").removesuffix("\n")
    return ""


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

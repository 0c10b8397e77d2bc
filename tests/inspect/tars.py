"""Tars made entry by entry, as a line of words says."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import Any

TYPES = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "character": tarfile.CHRTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def entry(
    name: str, kind: str = "file", content: bytes | str = b"", **fields: Any
) -> tuple[tarfile.TarInfo, bytes]:
    """One entry; the content of a link is its target."""
    info = tarfile.TarInfo(name)
    info.type = TYPES[kind]
    data = content if isinstance(content, bytes) else b""
    info.size = len(data)
    info.linkname = content if isinstance(content, str) else ""
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def pack(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """The tar of entries in one of tarfile's formats."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def put_files(files: Mapping[str, bytes | None]) -> bytes:
    """The tar of files by path, None for a folder; folders are not added by themselves."""
    return pack(
        *(
            entry(name, "folder") if data is None else entry(name, "file", data)
            for name, data in files.items()
        )
    )

"""The RECORD file of a Python distribution: who owns which file, with its hash and size."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path

CHUNK_BYTES = 2**20


def hash_file(path: Path) -> str:
    """`sha256=` and the digest in the unpadded URL-safe base64 of the wheel standard."""
    # hashlib.file_digest is too new for the Python 3.10 of JetPack 6's builder.
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def render_record(site: Path, dist_info: Path, files: Iterable[tuple[Path, Path]]) -> str:
    """RECORD of (path in the image, where its bytes lie now); its own line has no hash."""
    own = dist_info / "RECORD"
    rows = {os.path.relpath(own, site): ("", "")}
    for installed, source in files:
        if installed != own:
            row = (hash_file(source), str(source.stat().st_size))
            rows[os.path.relpath(installed, site)] = row
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((name, *rows[name]) for name in sorted(rows))
    return text.getvalue()

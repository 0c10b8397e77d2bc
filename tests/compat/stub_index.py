"""A package index on the loopback: PEP 691 pages and PEP 658 metadata, and no wheel behind them.

Whoever asks for a wheel itself gets 404 and is remembered: a resolution must not need one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UPLOADED = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class StubWheel:
    """One file of the index; its hash is that of its name."""

    name: str
    version: str
    tag: str = "py3-none-any"
    needs: tuple[str, ...] = ()
    yanked: str = ""
    uploaded: str = UPLOADED

    @property
    def file_name(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-{self.tag}.whl"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.file_name.encode()).hexdigest()

    @property
    def metadata(self) -> bytes:
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {self.name}",
            f"Version: {self.version}",
            *(f"Requires-Dist: {need}" for need in self.needs),
        ]
        return ("\n".join(lines) + "\n").encode()

    @property
    def row(self) -> dict[str, object]:
        """The file as a page of the index lists it."""
        return {
            "filename": self.file_name,
            "url": f"../../files/{self.file_name}",
            "hashes": {"sha256": self.sha256},
            "core-metadata": {"sha256": hashlib.sha256(self.metadata).hexdigest()},
            "size": 1000,
            "upload-time": self.uploaded,
            "yanked": self.yanked or False,
        }


@dataclass
class StubIndex:
    """What the index holds, where it answers and what it was asked."""

    wheels: tuple[StubWheel, ...]
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[bytes, str] | None:
        """Body and content type of a path, None where there is nothing."""
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[1] == "files":
            found = [w.metadata for w in self.wheels if parts[-1] == f"{w.file_name}.metadata"]
            return (found[0], "text/plain") if found else None
        rows = [wheel.row for wheel in self.wheels if wheel.name == parts[-1]]
        page = {"meta": {"api-version": "1.1"}, "name": parts[-1], "files": rows}
        return (json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json") if rows else None


@contextmanager
def serve(*wheels: StubWheel) -> Iterator[StubIndex]:
    """Serve these wheels on a free port of the loopback."""
    index = StubIndex(wheels=wheels)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = index.answer(self.path)
            body, kind = found or (b"", "text/plain")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # A name of its own: uv's cache may know another index that had the same port.
        index.url = f"http://127.0.0.1:{server.server_port}/{secrets.token_hex(4)}/simple"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()

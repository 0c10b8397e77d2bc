"""Records in and out: JSON with a schema version, atomic writes, the work folder, the lock.

A record is a frozen pydantic model. Nothing is ever half-written: a temporary file beside the
target, fsync, rename. Whoever reads a record names the model and gets that or a `RecordError`; a
record of an older schema is read as one of today's, one of a newer schema is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from baseimages.errors import MAKE_ROOM, LockedError, RecordError, StorageError

WORK_FOLDER = ".work"
OTHER_SCHEMA = "other_schema"
# Takes the document of one schema version and gives that of the next.
Reader = Callable[[dict[str, Any]], dict[str, Any]]


class Record(BaseModel):
    """Base of everything that is stored as JSON.

    The default of `schema_version` is the version that is written. A new field with a default needs
    no new version. A model that changes more than that raises it and names in `OLDER`, by version,
    what reads a document of that version as one of the next; so every record stays readable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    OLDER: ClassVar[Mapping[int, Reader]] = {}
    schema_version: int = 1

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, document: Any) -> Any:
        newest: int = cls.model_fields["schema_version"].default
        version = document.get("schema_version", newest) if isinstance(document, dict) else newest
        if version == newest or not isinstance(version, int):
            return document
        for number in range(version, newest) if version < newest else (version,):
            if number not in cls.OLDER:
                raise PydanticCustomError(
                    OTHER_SCHEMA,
                    "schema {version} is none that this version of the tool reads; the newest is {newest}",
                    {"version": version, "newest": newest},
                )
            document = cls.OLDER[number](document)
        return {**document, "schema_version": newest}


RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, kw_only=True)
class WorkFolder:
    """Where raw outputs of one image, base family and target lie; ignored by git."""

    root: Path
    image_name: str
    base: str
    target: str

    BUILD: ClassVar[str] = "build.json"
    PROVENANCE: ClassVar[str] = "provenance.json"
    SUITE: ClassVar[str] = "suite.json"
    SCAN: ClassVar[str] = "scan.json"
    ELF: ClassVar[str] = "elf.json"
    CONTRACT: ClassVar[str] = "contract.json"
    ABILITIES: ClassVar[str] = "abilities.json"
    LAYERS: ClassVar[str] = "layers.json"
    BENCHMARK: ClassVar[str] = "benchmark.json"
    START: ClassVar[str] = "start.json"
    TRACE: ClassVar[str] = "trace.json"
    AUDIT: ClassVar[str] = "audit.json"
    UPDATES: ClassVar[str] = "updates.json"
    WITHOUT_BASE: ClassVar[str] = "without-base.json"

    @property
    def path(self) -> Path:
        """The folder itself, created on first use."""
        folder = self.root / WORK_FOLDER / self.image_name / self.base / self.target
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def comparison(self, stage: str) -> Path:
        """Record of cold builds of that stage side by side."""
        return self.path / f"comparison-{stage}.json"

    def pairs(self, against: str) -> Path:
        """Record of interleaved pairs against that variant."""
        return self.path / f"pairs-{against}.json"

    @property
    def layout(self) -> Path:
        """The one OCI layout that all readers share."""
        return self.path / "layout"


def write_text(path: Path, text: str) -> None:
    """Write `path` whole or not at all. Raises StorageError; the old content then still stands."""
    write_texts({path: text})


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write files that belong together: none takes its place before all are on the disk.

    Raises StorageError; what stood there before is then untouched.
    """
    staged: dict[Path, Path] = {}
    path = Path()
    try:
        for path, text in texts.items():
            staged[path] = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
            _write_synced(staged[path], text)
        for path, temporary in staged.items():
            temporary.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path} was not written: {error.strerror}; what stood there before is untouched",
            next_step=MAKE_ROOM,
        ) from error
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _write_synced(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def render_record(record: Record) -> str:
    """The stored form: sorted by declaration, two spaces, one newline at the end."""
    return record.model_dump_json(indent=2) + "\n"


def write_record(path: Path, record: Record) -> None:
    """Store a record. Raises StorageError."""
    write_text(path, render_record(record))


def load_record(path: Path, model: type[RecordT], *, made_by: str) -> RecordT:
    """Read a record; `made_by` is the command that makes it. Raises RecordError."""
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing", next_step=f"run `{made_by}`") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        is_newer = first["type"] == OTHER_SCHEMA and first["ctx"]["version"] > first["ctx"]["newest"]
        raise RecordError(
            f"{path} is no {model.__name__} that this version reads: {place}: {first['msg']}",
            next_step="update this checkout: a newer one wrote that record"
            if is_newer
            else f"remove it and run `{made_by}`",
        ) from error


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in chunks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def checkout_lock(root: Path) -> Iterator[None]:
    """Hold this checkout; a second run is told who holds it. Raises LockedError.

    The kernel frees the lock when its holder dies, so nothing has to be cleaned up by hand.
    """
    folder = root / WORK_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / "holder.txt"
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        who = holder.read_text(encoding="utf-8").strip() if holder.exists() else "another run"
        raise LockedError(
            f"this checkout is in use by {who}", next_step="wait for it, or use a second clone"
        ) from error
    try:
        write_text(holder, f"process {os.getpid()}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()

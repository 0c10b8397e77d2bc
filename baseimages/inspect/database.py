"""Trivy's vulnerability database: fetched where that can be done, and dated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from rich.console import Console

from baseimages.command import Runner
from baseimages.errors import CommandError

FETCH_S = 600.0
FETCH_IDLE_S = 120.0


class _Metadata(BaseModel):
    """What lies beside a database; Trivy's own names."""

    model_config = ConfigDict(extra="ignore")
    UpdatedAt: AwareDatetime
    NextUpdate: AwareDatetime


@dataclass(frozen=True, kw_only=True)
class Database:
    """The database in `folder`; without `day` there is none, and `reason` says why."""

    folder: Path
    day: str | None
    reason: str = ""


def refresh_database(trivy: Path, folder: Path, runner: Runner, console: Console) -> Database:
    """The database, fetched unless a newer one is not expected yet.

    One that cannot be renewed is used as it is: its day tells how old it is.
    """
    known = _read(folder)
    if known and known.NextUpdate > datetime.now(UTC):
        return _dated(folder, known)
    words = [str(trivy), "image", "--download-db-only", "--quiet", "--cache-dir", str(folder)]
    try:
        with console.status("fetching Trivy's vulnerability database"):
            runner.run(words, deadline_s=FETCH_S, idle_deadline_s=FETCH_IDLE_S)
    except CommandError as error:
        console.print(f"Trivy's vulnerability database was not fetched: {error.message}", markup=False)
    return _dated(folder, _read(folder))


def _dated(folder: Path, known: _Metadata | None) -> Database:
    if known is None:
        reason = "Trivy's vulnerability database could not be fetched; its registry has to be reachable once"
        return Database(folder=folder, day=None, reason=reason)
    return Database(folder=folder, day=f"{known.UpdatedAt:%Y-%m-%d}")


def _read(folder: Path) -> _Metadata | None:
    place = folder / "db"
    if not (place / "trivy.db").exists():
        return None
    try:
        return _Metadata.model_validate_json((place / "metadata.json").read_bytes())
    except (OSError, ValidationError):
        return None

"""The vulnerability database: fetched when it is due, dated, never silently absent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.errors import CommandError, DeadlineError
from baseimages.inspect.database import refresh_database
from tests.conftest import FakeRunner

QUIET = Console(quiet=True)
TRIVY = Path("/tools/trivy")
DOWNLOAD = (str(TRIVY), "image", "--download-db-only")


def put_database(folder: Path, *, updated: str, next_update: datetime) -> None:
    (folder / "db").mkdir(parents=True, exist_ok=True)
    (folder / "db" / "trivy.db").write_bytes(b"x")
    told = {
        "Version": 2,
        "UpdatedAt": updated,
        "NextUpdate": next_update.isoformat(),
        "DownloadedAt": updated,
    }
    (folder / "db" / "metadata.json").write_text(json.dumps(told))


def failure() -> CommandError:
    return CommandError("trivy failed", next_step="", tail="no such host")


def test_a_database_that_is_not_due_is_used_without_asking(tmp_path: Path, runner: FakeRunner) -> None:
    put_database(
        tmp_path, updated="2026-01-02T03:04:05.123456789Z", next_update=datetime.now(UTC) + timedelta(hours=1)
    )
    assert refresh_database(TRIVY, tmp_path, runner, QUIET).day == "2026-01-02"
    assert runner.calls == []


def test_a_database_that_is_due_is_fetched(tmp_path: Path, runner: FakeRunner) -> None:
    put_database(tmp_path, updated="2026-01-02T00:00:00Z", next_update=datetime.now(UTC) - timedelta(hours=1))
    later = datetime.now(UTC) + timedelta(hours=1)
    runner.script(
        *DOWNLOAD,
        action=lambda _: put_database(tmp_path, updated="2026-02-03T00:00:00Z", next_update=later),
    )
    assert refresh_database(TRIVY, tmp_path, runner, QUIET).day == "2026-02-03"
    assert runner.calls[0][-2:] == ("--cache-dir", str(tmp_path))


def test_an_old_database_that_cannot_be_renewed_is_used_and_dated(tmp_path: Path, runner: FakeRunner) -> None:
    put_database(tmp_path, updated="2026-01-02T00:00:00Z", next_update=datetime.now(UTC) - timedelta(days=9))
    runner.script(*DOWNLOAD, error=failure())
    assert refresh_database(TRIVY, tmp_path, runner, QUIET).day == "2026-01-02"


@pytest.mark.parametrize("damage", ["", "{}", '{"UpdatedAt": "soon", "NextUpdate": "later"}'])
def test_without_a_readable_database_the_reason_is_told(
    tmp_path: Path, runner: FakeRunner, damage: str
) -> None:
    put_database(tmp_path, updated="2026-01-02T00:00:00Z", next_update=datetime.now(UTC))
    (tmp_path / "db" / "metadata.json").write_text(damage)
    runner.script(*DOWNLOAD, error=DeadlineError("too long", next_step=""))
    database = refresh_database(TRIVY, tmp_path, runner, QUIET)
    assert database.day is None
    assert "could not be fetched" in database.reason

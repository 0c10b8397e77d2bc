"""Records are written whole or not at all, and read with words when they are damaged."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from baseimages import records
from baseimages.errors import LockedError, RecordError, StorageError
from baseimages.records import Record, checkout_lock, load_record, write_record, write_text


class Sample(Record):
    name: str


def load_sample(path: Path) -> Sample:
    return load_record(path, Sample, made_by="invoke sample")


def test_a_record_survives_the_round_trip(tmp_path: Path) -> None:
    write_record(tmp_path / "a" / "r.json", Sample(name="ü"))
    assert load_sample(tmp_path / "a" / "r.json") == Sample(name="ü")


def test_a_missing_record_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"missing\nNext: run `invoke sample`"):
        load_sample(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["", "null", '{"name": "a"', '{"name": "a", "extra": 1}', "[]"])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(RecordError, match="Sample"):
        load_sample(path)


@pytest.mark.parametrize("fault", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    path = tmp_path / "report.md"
    write_text(path, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fault == "replace":
        monkeypatch.setattr(Path, "replace", full)
    elif fault == "fsync":
        monkeypatch.setattr(records.os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match="No space left"):
        write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.md"]


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_text(tmp_path / "file" / "below" / "r.md", "x")


@pytest.mark.process
def test_a_second_run_in_one_checkout_is_told_who_holds_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from baseimages.records import checkout_lock\n"
        "with checkout_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(LockedError, match=f"process {holder.pid}"),
            checkout_lock(tmp_path),
        ):
            pass
        holder.kill()
    with checkout_lock(tmp_path):  # the kernel freed it: nothing to clean up by hand
        pass

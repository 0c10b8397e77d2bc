"""Records are written whole or not at all, and read with words when they are damaged."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

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


def add_name(document: dict[str, Any]) -> dict[str, Any]:
    return {"title": document["name"]}


def split_title(document: dict[str, Any]) -> dict[str, Any]:
    first, _, last = document["title"].partition(" ")
    return {"first": first, "last": last}


class Grown(Record):
    """A model that changed twice."""

    OLDER: ClassVar = {1: add_name, 2: split_title}
    schema_version: int = 3
    first: str
    last: str


class Holder(Record):
    inner: Grown


TODAY = {"schema_version": 3, "first": "a", "last": "b"}
VERSIONS = [{"schema_version": 1, "name": "a b"}, {"schema_version": 2, "title": "a b"}, TODAY]


@pytest.mark.parametrize("stored", VERSIONS)
def test_a_record_of_an_older_schema_is_read_as_one_of_today(tmp_path: Path, stored: dict[str, Any]) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"schema_version": 1, "inner": stored}))
    holder = load_record(path, Holder, made_by="x")
    assert holder.inner == Grown(first="a", last="b")
    write_record(path, holder)
    assert json.loads(path.read_text())["inner"] == TODAY


@pytest.mark.parametrize(
    "stored", [{"inner": TODAY | {"schema_version": 4}}, {"schema_version": 2, "inner": TODAY}]
)
def test_a_record_of_a_newer_schema_is_refused_with_what_helps(
    tmp_path: Path, stored: dict[str, Any]
) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"schema_version": 1} | stored))
    with pytest.raises(RecordError, match=r"schema (4|2) is none .* the newest is (3|1)") as caught:
        load_record(path, Holder, made_by="x")
    assert caught.value.next_step.startswith("update this checkout")


@pytest.mark.parametrize("version", [0, -1])
def test_a_schema_that_never_was_is_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"schema_version": version, "name": "a"}))
    with pytest.raises(RecordError, match=f"schema {version} is none"):
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

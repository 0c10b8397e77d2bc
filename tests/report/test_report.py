"""A report is rendered from records alone, the same bytes each time, and written whole."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from baseimages.build import BuildRecord
from baseimages.declare import load_family
from baseimages.errors import RecordError, StorageError
from baseimages.inspect import ElfRecord
from baseimages.records import WorkFolder, load_record, render_record, write_record
from baseimages.report import SCHEMA, find_departures, write_report
from baseimages.report.drawings import render_pictures
from baseimages.report.markdown import render_report
from baseimages.report.record import ImageReport, collect_report
from baseimages.report.timings import BOOTSTRAP_VARIABLE, load_timings, time_part
from baseimages.report.write import render_summary


def read_all(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows_of(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"| {word} |")]


def test_rendering_again_from_the_stored_record_gives_the_same_bytes(
    tmp_path: Path, report: ImageReport
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    path = write_report(first, report)
    stored = load_record(path.with_name("record.json"), ImageReport, made_by="nox -s report")
    write_report(second, stored)
    assert read_all(first) == read_all(second)
    write_report(first, stored)
    assert read_all(first) == read_all(second)


def test_what_was_not_measured_or_not_scanned_is_said_in_words(report: ImageReport) -> None:
    text = render_report(report)
    (summary,) = rows_of(text, "core")
    assert "100.0 s | not measured | invalid | not scanned" in summary
    assert "not scanned: no database" in text
    assert "one run each: not measured" in text


def test_a_run_that_missed_shows_its_value_and_that_it_is_invalid(report: ImageReport) -> None:
    (row,) = rows_of(render_report(report), "edit")
    assert "3.00 s" in row
    assert "| no |" in row
    assert "1 missed: RUN apt" in row


def test_the_report_names_its_base_with_digest_and_reason_and_what_was_left_out(report: ImageReport) -> None:
    text = render_report(report)
    assert f"base:1 `{report.targets[0].build.base.digest}`, bootstrapped" in text
    assert "no \\| registry" in text
    assert rows_of(text, "left out") == ["| left out | ngrok |"]


def test_a_build_that_no_engine_was_given_says_so(report: ImageReport) -> None:
    (part,) = report.targets
    assert "5.00 s to load them into the engine" in render_report(report)
    build = part.build.model_copy(update={"load_duration_s": None})
    only = report.model_copy(update={"targets": (part.model_copy(update={"build": build}),)})
    (row,) = rows_of(render_report(only), "built")
    assert row.endswith("20.0 s to export its layers, not loaded by it |")


def test_a_suite_that_was_skipped_as_a_whole_is_not_told_as_passed(report: ImageReport) -> None:
    (part,) = report.targets
    assert part.suite
    skipped = part.suite.model_copy(update={"cases": part.suite.cases[1:]})
    only = report.model_copy(update={"targets": (part.model_copy(update={"suite": skipped}),)})
    (row,) = rows_of(render_report(only), "core")
    assert "| skipped |" in row


def test_a_skipped_check_is_listed_with_its_reason_and_not_counted_as_passed(report: ImageReport) -> None:
    text = render_report(report)
    assert "1 passed, 0 failed, 1 skipped" in text
    assert "| b | skipped | no \\| GPU |" in text


def test_programs_that_nobody_looked_at_are_no_programs_without_findings(report: ImageReport) -> None:
    assert "### Programs and libraries\n\nnot looked at" in render_report(report)


def with_programs(report: ImageReport, **changes: Any) -> ImageReport:
    facts = {
        "manifest_digest": report.targets[0].build.manifest_digest, "architecture": "arm64",
        "files": 4, "right_machine": 3, "needed": 9, "found": 5, "by_sibling": 2, "absent": 1,
        "glibc": "2.41", "glibc_needed": "2.38",
        "extensions": {"LSE": {"asking": 6, "needing": 1, "allowed": 0}},
        "findings": [{"path": "/a|b", "rule": "needed", "detail": "lib|x is missing"}],
        "allowed": [{"path": f"/{n}", "rule": "needed", "detail": "libcuda: driver"} for n in "ab"],
    }  # fmt: skip
    elf = ElfRecord.model_validate(facts | changes)
    return report.model_copy(update={"targets": (report.targets[0].model_copy(update={"elf": elf}),)})


def test_programs_are_counted_and_what_is_wrong_or_allowed_is_listed(report: ImageReport) -> None:
    text = render_report(with_programs(report))
    assert rows_of(text, "loaded by a sibling") == ["| loaded by a sibling | 2 |"]
    assert rows_of(text, "LSE") == ["| LSE | 6 | 0 | 1 |"]
    assert "| /a\\|b | needed | lib\\|x is missing |" in text
    assert rows_of(text, "libcuda: driver") == ["| libcuda: driver | 2 |"]


def test_extensions_that_were_not_looked_at_are_said_so(report: ImageReport) -> None:
    text = render_report(with_programs(report, architecture="amd64", extensions=None))
    assert "not looked at for amd64" in text


def test_a_record_from_before_programs_were_looked_at_is_read(tmp_path: Path, report: ImageReport) -> None:
    older = json.loads(render_record(report))
    del older["targets"][0]["elf"]
    path = tmp_path / "record.json"
    path.write_text(json.dumps(older))
    assert load_record(path, ImageReport, made_by="x") == report


def test_where_no_step_ran_there_is_no_empty_picture(report: ImageReport) -> None:
    (part,) = report.targets
    build = part.build.model_copy(update={"steps": ()})
    cached = part.model_copy(update={"build": build, "benchmark": None})
    changed = report.model_copy(update={"targets": (cached,)})
    assert set(render_pictures(changed)) == {"core-debian-13-layers.svg"}
    text = render_report(changed)
    assert "steps.svg" not in text
    assert "No step ran for 0.5 s: the cache had them." in text


def test_pictures_carry_every_value_as_text_and_no_active_content(report: ImageReport) -> None:
    pictures = render_pictures(report)
    assert set(pictures) == {"core-debian-13-layers.svg", "core-debian-13-steps.svg"}
    assert "3.0 MB" in pictures["core-debian-13-layers.svg"]
    assert "60.0 s" in pictures["core-debian-13-steps.svg"]
    assert not any("<script" in text or "href" in text for text in pictures.values())


@pytest.mark.parametrize("files_that_fit", [0, 1, 3])
def test_a_full_disk_leaves_the_old_report_whole(
    tmp_path: Path, report: ImageReport, monkeypatch: pytest.MonkeyPatch, files_that_fit: int
) -> None:
    write_report(tmp_path, report)
    before = read_all(tmp_path)
    left = iter(range(files_that_fit))

    def refuse(_: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    changed = report.model_copy(update={"timings": ()})
    with pytest.raises(StorageError, match="No space left") as caught:
        write_report(tmp_path, changed)
    assert "df -h" in caught.value.next_step
    assert read_all(tmp_path) == before


def test_the_index_lists_every_report_newest_first(tmp_path: Path, report: ImageReport) -> None:
    older = report.targets[0].build.model_copy(update={"started_at": "2025-01-01T00:00:00Z"})
    part = report.targets[0].model_copy(update={"build": older})
    write_report(tmp_path, report)
    write_report(tmp_path, report.model_copy(update={"revision": "d" * 40, "targets": (part,)}))
    index = (tmp_path / "reports" / "README.md").read_text()
    assert index.index("image/cccccccccccc/report.md") < index.index("image/dddddddddddd/report.md")


def test_a_dirty_checkout_gets_a_folder_that_says_so(report: ImageReport) -> None:
    assert report.model_copy(update={"revision": "e" * 40 + "-dirty"}).folder_name == "e" * 12 + "-dirty"


def test_the_summary_ends_with_the_path_of_the_report(tmp_path: Path, report: ImageReport) -> None:
    text = render_summary(report, tmp_path / "report.md")
    assert text.endswith(f"report: {tmp_path / 'report.md'}\n")
    assert "not scanned" in text


def test_records_of_another_image_than_the_built_one_are_left_out(
    tmp_path: Path, report: ImageReport, root: Path
) -> None:
    image = load_family(root / "images.toml").image("cpu")
    part = report.targets[0]
    work = WorkFolder(root=tmp_path, image_name=image.name, base="debian-13", target="core")
    write_record(work.path / WorkFolder.BUILD, part.build)
    assert part.suite is not None
    assert part.scan is not None
    write_record(work.path / WorkFolder.SUITE, part.suite)
    write_record(
        work.path / WorkFolder.SCAN, part.scan.model_copy(update={"manifest_digest": "sha256:" + "0" * 64})
    )
    collected = collect_report(tmp_path, image, "cpu").targets[0]
    assert collected.suite is not None
    assert collected.scan is None


def test_only_targets_of_the_latest_revision_share_a_report(
    tmp_path: Path, build: BuildRecord, root: Path
) -> None:
    image = load_family(root / "images.toml").image("cpu")
    other = {"revision": "d" * 40, "started_at": "2020-01-01T00:00:00Z", "target": "full"}
    for record in (build, build.model_copy(update=other)):
        work = WorkFolder(root=tmp_path, image_name=image.name, base="debian-13", target=record.target)
        write_record(work.path / WorkFolder.BUILD, record)
    report = collect_report(tmp_path, image, "cpu")
    assert [part.build.target for part in report.targets] == ["core"]


def test_without_a_build_the_error_names_the_command_that_makes_one(tmp_path: Path, root: Path) -> None:
    image = load_family(root / "images.toml").image("cpu")
    with pytest.raises(RecordError) as caught:
        collect_report(tmp_path, image, "cpu")
    assert "invoke build --variant cpu" in caught.value.next_step


def test_parts_are_timed_in_the_order_of_the_job_with_the_bootstrap_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_part(tmp_path, "lint"):
        pass
    monkeypatch.setenv(BOOTSTRAP_VARIABLE, "7")
    with pytest.raises(ZeroDivisionError), time_part(tmp_path, "build core"):
        raise ZeroDivisionError
    parts = {part.part: part.duration_s for part in load_timings(tmp_path).parts}
    assert list(parts) == ["bootstrap", "lint", "build core"]
    assert parts["bootstrap"] == 7.0
    monkeypatch.setenv(BOOTSTRAP_VARIABLE, "1")
    with time_part(tmp_path, "lint"):
        pass
    assert load_timings(tmp_path).parts[0].duration_s == 7.0


def test_a_report_written_again_loses_the_pictures_that_it_has_no_more(
    tmp_path: Path, report: ImageReport
) -> None:
    folder = write_report(tmp_path, report).parent
    (part,) = report.targets
    fewer = report.model_copy(update={"targets": (part.model_copy(update={"layers": None}),)})
    write_report(tmp_path, fewer)
    assert sorted(path.name for path in folder.glob("*.svg")) == ["core-debian-13-steps.svg"]
    assert find_departures(folder) == ()


def test_every_committed_record_of_todays_schema_is_one_by_the_committed_schema(root: Path) -> None:
    schema = json.loads((root / SCHEMA).read_text())
    checker = jsonschema.Draft202012Validator(schema)
    paths = list((root / "reports").glob("*/*/record.json"))
    assert paths
    for path in paths:
        document = json.loads(path.read_text())
        if document["schema_version"] == ImageReport.model_fields["schema_version"].default:
            checker.validate(document)
    broken = document | {"targets": [{"build": None}]}
    assert not checker.is_valid(broken)

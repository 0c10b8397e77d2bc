"""A committed report is verified: whatever is cut, added, edited or invented is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from baseimages.command import ProcessRunner
from baseimages.compare import compare_sides
from baseimages.declare import Budget
from baseimages.errors import DriftError, UsageError
from baseimages.rederive import Outcome, prove_reports, refuse_drift, render_proof
from baseimages.rederive.numbers import list_numbers
from baseimages.report import (
    ImageReport,
    render_again,
    side_of,
    write_report,
)
from tests.conftest import ROOT
from tests.inspect.test_layout import QUIET
from tests.rederive.conftest import INPUTS, REVISION, Checkout, append, set_value
from tests.report.conftest import DIGEST
from tests.report.test_pairs import CLAIM, FEW
from tests.report.test_pairs import record as record_pairs

NAME = f"image/{REVISION[:12]}"


@pytest.mark.process
def test_every_committed_report_verifies() -> None:
    proof = prove_reports(ROOT, ProcessRunner(), QUIET)
    refuse_drift(proof)
    assert len(proof.reports) >= 7
    assert sum(report.numbers.recomputed for report in proof.reports) > 50


def test_a_report_as_the_tool_writes_it_verifies(checkout: Checkout) -> None:
    proof = checkout.prove()
    refuse_drift(proof)
    (report,) = proof.reports
    still_open = [check.what for check in report.checks if check.outcome == Outcome.OPEN]
    assert still_open == ["core on debian-13: blobs"]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda folder: append(folder / "report.md"), "report.md was changed"),
        (lambda folder: append(folder / "record.json"), "record.json was changed"),
        (lambda folder: (folder / "core-debian-13-layers.svg").unlink(), "core-debian-13-layers.svg is gone"),
        (lambda folder: (folder / "core-debian-13-layers.svg").write_text(""), "layers.svg was changed"),
        (lambda folder: (folder / "more.svg").write_text("<svg/>"), "'more.svg' is not listed"),
        (lambda folder: (folder / "a\x1b[31m").write_text(""), "'a\\x1b[31m' is not listed"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "'report.md' is not listed"),
        (lambda folder: append(folder / "SHA256SUMS"), "names no file"),
    ],
)
def test_edits_cuts_and_additions_are_detected(
    harm: Callable[[Path], None], told: str, checkout: Checkout
) -> None:
    harm(checkout.folder)
    assert told in checkout.drifted()["files"]


def test_a_manifest_that_names_files_elsewhere_opens_none_of_them(checkout: Checkout) -> None:
    sums = checkout.folder / "SHA256SUMS"
    sums.write_text(sums.read_text() + f"{'0' * 64}  ../../../../etc/passwd\n")
    assert "names no file" in checkout.drifted()["files"]


def test_a_file_that_became_a_link_is_another_file(checkout: Checkout, tmp_path: Path) -> None:
    path = checkout.folder / "report.md"
    path.rename(tmp_path / "elsewhere.md")
    path.symlink_to(tmp_path / "elsewhere.md")
    assert checkout.drifted()["files"] == "report.md was changed"


def test_a_rendering_of_another_renderer_is_told_though_its_digests_are_right(
    checkout: Checkout, consistent: ImageReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baseimages.report.write.render_report", lambda _: "another\n")
    assert set(checkout.drifted()) == {"rendering"}


def test_reports_are_rendered_again_without_touching_a_record(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = (checkout.folder / "record.json").read_bytes()
    monkeypatch.setattr("baseimages.report.write.render_report", lambda _: "another\n")
    (checkout.folder / "former.svg").write_text("<svg/>")
    names = {path.name for path in render_again(checkout.root, dry_run=True)}
    assert names == {"report.md", "SHA256SUMS", "former.svg"}
    assert "rendering" in checkout.drifted()
    assert {path.name for path in render_again(checkout.root, dry_run=False)} == names
    assert checkout.drifted() == {}
    assert (checkout.folder / "record.json").read_bytes() == record
    assert list(render_again(checkout.root, dry_run=False)) == []
    (checkout.folder / "stray.svg").write_text("<svg/>")
    assert [path.name for path in render_again(checkout.root, dry_run=False)] == ["stray.svg"]
    assert checkout.drifted() == {}


def test_a_whole_report_that_is_gone_is_missed_by_the_index(
    checkout: Checkout, consistent: ImageReport
) -> None:
    folder = write_report(checkout.root, consistent.model_copy(update={"revision": "d" * 40})).parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert set(checkout.drifted()) == {"index"}


def test_a_folder_without_its_record_is_told(checkout: Checkout) -> None:
    (checkout.folder / "record.json").unlink()
    assert set(checkout.drifted()) == {"files", "record", "index"}


def test_a_record_in_another_folder_than_its_own_is_told(checkout: Checkout) -> None:
    checkout.folder.rename(checkout.folder.with_name("0" * 12))
    assert checkout.drifted()["place"] == f"record.json is about {NAME}"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (set_value("layers", "owners", "os", 1), "core on debian-13: owners of bytes"),
        (set_value("layers", "layers", 0, "file_bytes", 1), "core on debian-13: owners of bytes"),
        (set_value("suite", "manifest_digest", "sha256:" + "1" * 64), "core on debian-13: image"),
        (set_value("build", "image_name", "other"), "core on debian-13: image"),
        (set_value("benchmark", "runs", 2, "hits", 0), "core on debian-13: hits and misses"),
        (set_value("scan", "kinds", "secret", "by_severity", {"HIGH": 1}), "core on debian-13: findings"),
        (set_value("budget_bytes", 6), "core on debian-13: budget"),
        (set_value("build", "build_args", "CREATED", "2026"), "core on debian-13: build arguments"),
        (set_value("build", "started_at", "2026-01-02T03:04:03Z"), "core on debian-13: build arguments"),
        (set_value("build", "inputs", 1, "sha256", "0" * 64), "core on debian-13: inputs"),
        (
            set_value("build", "inputs", [{"path": "--output=x", "sha256": "0" * 64}]),
            "core on debian-13: inputs",
        ),
    ],
)
def test_a_number_that_was_edited_everywhere_is_recomputed_and_told(
    change: Callable[[dict[str, Any]], None], what: str, checkout: Checkout
) -> None:
    checkout.script_git("show", f"{REVISION}:--output=x", returncode=128)
    checkout.edit(change)
    assert set(checkout.drifted()) == {what}


def test_the_dockerfile_of_the_provenance_is_the_one_that_git_holds(checkout: Checkout) -> None:
    what, held = "core on debian-13: provenance", sha256(INPUTS["image/Dockerfile"].encode()).hexdigest()
    provenance = {
        "manifest_digest": DIGEST, "dockerfile_sha256": held, "lines": [], "layers": [0, 0], "host": None,
    }  # fmt: skip
    checkout.edit(set_value("provenance", provenance))
    assert checkout.check(what).outcome == Outcome.VERIFIED
    checkout.edit(set_value("provenance", "dockerfile_sha256", "0" * 64))
    assert set(checkout.drifted()) == {what}


def test_a_baselines_dockerfile_lies_where_its_inputs_say(checkout: Checkout) -> None:
    what, text = "core on debian-13: provenance", "FROM legacy\n"
    held = sha256(text.encode()).hexdigest()
    checkout.script_git("show", f"{REVISION}:baseline/cpu/Dockerfile", stdout=text)
    provenance = {
        "manifest_digest": DIGEST, "dockerfile_sha256": held, "lines": [], "layers": [0, 0], "host": None,
    }  # fmt: skip
    inputs = [{"path": "baseline/cpu/Dockerfile", "sha256": held}]
    checkout.edit(lambda part: part["build"].update(inputs=inputs) or part.update(provenance=provenance))
    assert checkout.check(what).outcome == Outcome.VERIFIED


def test_what_pairs_say_is_judged_again_from_their_raw_runs(checkout: Checkout) -> None:
    what = "core on debian-13: pairs 1"
    session = record_pairs(CLAIM, FEW).model_dump(mode="json")
    checkout.edit(set_value("pairs", [session]))
    assert checkout.check(what).outcome == Outcome.VERIFIED
    checkout.edit(set_value("pairs", 0, "scenarios", 0, "wall", "ratio", 0.4))
    assert set(checkout.drifted()) == {what}


def update_of(revision: str, **changes: int) -> dict[str, Any]:
    facts = {"layers_held": 2, "layers_fetched": 0, "fetched_bytes": 0, "written_bytes": 0}
    return {"from_revision": revision, **facts, **changes}


def test_the_update_of_a_device_is_recomputed_from_the_layers_of_both_records(
    checkout: Checkout, consistent: ImageReport
) -> None:
    older = "d" * 40
    what = "core on debian-13: update of a device"
    checkout.edit(set_value("update", update_of(older)))
    assert checkout.check(what).outcome == Outcome.OPEN
    checkout.script_git("show", returncode=128)
    write_report(checkout.root, consistent.model_copy(update={"revision": older}))
    (proof,) = checkout.prove(only=(NAME,)).reports
    (check,) = [check for check in proof.checks if check.what == what]
    assert (check.outcome, check.numbers) == (Outcome.VERIFIED, ("targets.0.update.*",))
    checkout.edit(set_value("update", update_of(older, fetched_bytes=7)))
    assert what in checkout.drifted()


def test_the_before_and_after_is_compared_again_from_both_records(
    checkout: Checkout, consistent: ImageReport
) -> None:
    what, old = "core on debian-13: before and after", "sha256:" + "0d" * 32
    (part,) = consistent.targets
    renamed = consistent.model_dump_json().replace(DIGEST, old).replace('_name":"image"', '_name":"old"')
    before = ImageReport.model_validate_json(renamed)
    sides = [side_of(each, name="x", accelerator="") for each in (before.targets[0], part)]
    delta = compare_sides(sides[0], sides[1], (), Budget(owners={"base": 1}))
    assert delta.failures, "what the gates said then is not compared"
    told = delta.rows[0].model_copy(update={"note": "in the words of that day"})
    delta = delta.model_copy(update={"rows": (told, *delta.rows[1:])})
    checkout.edit(set_value("before", delta.model_dump(mode="json")))
    assert checkout.check(what).outcome == Outcome.OPEN
    write_report(checkout.root, before)
    assert checkout.prove(only=(NAME,)).reports[0].drift == ()
    checkout.edit(set_value("before", "rows", 0, "candidate", 1.0))
    assert checkout.drifted()[what].startswith("compressed: ")


def test_a_revision_that_is_no_ancestor_is_told(checkout: Checkout) -> None:
    checkout.script_git("merge-base", returncode=1)
    assert set(checkout.drifted()) == {"revision"}


def test_a_shallow_clone_leaves_the_revision_open(checkout: Checkout) -> None:
    checkout.script_git("show", "-s", returncode=128)
    checkout.script_git("rev-parse", stdout="true\n")
    check = checkout.check("revision")
    assert check.outcome == Outcome.OPEN
    assert "git fetch --unshallow" in check.detail
    assert checkout.check("record since its commit").outcome == Outcome.OPEN


def test_a_build_of_changed_files_has_no_revision_to_verify(
    checkout: Checkout, consistent: ImageReport
) -> None:
    (part,) = consistent.targets
    build = part.build.model_copy(update={"revision": REVISION + "-dirty", "dirty": True})
    dirty = {"revision": REVISION + "-dirty", "targets": (part.model_copy(update={"build": build}),)}
    write_report(checkout.root, consistent.model_copy(update=dirty))
    report = checkout.prove(only=(NAME + "-dirty",)).reports[0]
    assert not report.drift
    assert {check.what for check in report.checks if check.outcome == Outcome.OPEN} >= {"revision"}


@pytest.mark.parametrize(("told", "why"), [("", "not committed yet"), ("1\n2\n", "2 commits wrote it")])
def test_a_record_that_was_not_written_once_is_left_to_a_person(
    told: str, why: str, checkout: Checkout
) -> None:
    checkout.script_git("log", stdout=told)
    check = checkout.check("record since its commit")
    assert check.outcome == Outcome.OPEN
    assert why in check.detail


@pytest.mark.parametrize("name", ["image/cccccccccccd", "../../etc", "-x", "a\nb"])
def test_an_unknown_report_is_refused_with_the_nearest(name: str, checkout: Checkout) -> None:
    with pytest.raises(UsageError, match="unknown report") as caught:
        checkout.prove(only=(name,))
    assert NAME in caught.value.next_step


def test_a_report_can_be_named_by_its_path(checkout: Checkout) -> None:
    assert [proof.report for proof in checkout.prove(only=(f"reports/{NAME}/",)).reports] == [NAME]


def test_times_are_counted_as_measured_and_never_as_verified(checkout: Checkout) -> None:
    (proof,) = checkout.prove().reports
    document = json.loads((checkout.folder / "record.json").read_text())
    numbers = proof.numbers
    assert numbers.recomputed + numbers.measured + numbers.open == len(list(list_numbers(document)))
    assert numbers.recomputed == 3  # hits and misses of the run whose steps are kept, and the budget
    times = [place for place in list_numbers(document) if place.split(".")[-1].endswith("_s")]
    assert numbers.measured >= len(times) > 5
    assert f"{numbers.measured} measured" in render_proof(checkout.prove())


def test_drift_ends_in_an_error_that_names_each_place_and_the_way_back(checkout: Checkout) -> None:
    append(checkout.folder / "report.md")
    with pytest.raises(DriftError, match=f"2 checks.*\n{NAME}: files: report.md was changed\n") as caught:
        refuse_drift(checkout.prove())
    assert "invoke report --again" in caught.value.next_step

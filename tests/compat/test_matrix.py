"""Blocked, drift, evidence and what is written: everything around the answers of uv."""

from __future__ import annotations

import json
import sys
from datetime import date

import pytest

from baseimages.build import BaseFacts, BuildRecord, EngineFacts, HostFacts
from baseimages.compat import CompatibilityReport, check_record, render_table_of_verdicts, write_compatibility
from baseimages.compat.markdown import render_compatibility
from baseimages.compat.record import Verdict
from baseimages.errors import CompatibilityError, DeclarationError, RecordError
from baseimages.inspect import SuiteRecord
from baseimages.records import load_record, write_record
from baseimages.report import ImageReport
from baseimages.report.record import TargetReport
from tests.compat.conftest import DOCKERFILE, TODAY, Checkout
from tests.conftest import FakeRunner

UV = (sys.executable, "-m", "uv", "pip", "compile")
COMMIT, DIGEST = "a" * 40, "sha256:" + "d" * 64
EMPTY = 'lock-version = "1.0"\n'
TWO = 'pythons = ["3.13", "3.12"]\n'
BLOCKED = """
[[blocked]]
python = "3.12"
why = "It is | not there."
since = 2026-01-01
link = "https://example.org/python"
review = 2027-01-01
"""
DRIFT = """
[[drift]]
packages = ["a"]
locks = ["image_one/requirements-y.txt"]
why = "It must."
review = 2027-01-01
"""

ARCHIVE = """
[[archive]]
image = "one"
base = "tiny"
packages = { a = "2.6.0" }
link = "https://example.org/a"
"""


@pytest.fixture
def judged(checkout: Checkout, runner: FakeRunner) -> Checkout:
    """Two Pythons, one of them blocked; uv resolves to nothing and git knows every revision."""
    checkout.declare(TWO, BLOCKED)
    runner.script(*UV, stdout=EMPTY)
    know_revision(checkout, runner)
    return checkout


def know_revision(checkout: Checkout, runner: FakeRunner, dockerfile: str = DOCKERFILE) -> None:
    runner.script(*git(checkout, "show"), stdout=dockerfile)
    runner.script(*git(checkout, "diff"))


def git(checkout: Checkout, *words: str) -> tuple[str, ...]:
    return ("git", "--no-optional-locks", "-C", str(checkout.root), *words)


def differ(checkout: Checkout, runner: FakeRunner, *paths: str) -> None:
    """These paths are not as they were."""
    runner.script(*git(checkout, "diff", "--quiet", COMMIT, "--", *paths), returncode=1)


def store_report(
    checkout: Checkout, *, outcome: str = "passed", dirty: bool = False, origin: str = "registry",
    emulated: str = "", **arguments: str,
) -> None:  # fmt: skip
    """A committed record of a built image, tested or not."""
    build = BuildRecord(
        variant="one", image_name="image_one", target="core", platform="linux/amd64",
        base=BaseFacts(family="tiny", reference="x:1", digest=DIGEST, origin=origin, reason="held"),
        revision=COMMIT, dirty=dirty, source_digest=DIGEST, manifest_digest=DIGEST,
        tags=("image_one:core-tiny",), build_args=arguments,
        engine=EngineFacts(server_version="28", buildx_version="0.29", architecture="x86_64"),
        host=HostFacts(cpu="a CPU", cores=2, memory_bytes=None, kernel="6", system="Debian"),
        started_at="2026-01-02", duration_s=1.0, export_duration_s=1.0, load_duration_s=1.0,
        cold=True, cold_reason="the build cache held no record", base_present=True, steps=(),
        progress_sha256="0" * 64,
    )  # fmt: skip
    case = {"name": "python", "outcome": outcome, "detail": "", "duration_s": 0.0}
    suite = {
        "image": "image_one:core-tiny", "manifest_digest": DIGEST, "cases": [case], "emulated": emulated,
    }  # fmt: skip
    part = TargetReport(
        build=build, layers=None, suite=SuiteRecord.model_validate(suite), scan=None, benchmark=None
    )
    report = ImageReport(image_name="image_one", revision=COMMIT, targets=(part,), timings=())
    write_record(checkout.root / "reports/image_one" / COMMIT[:12] / "record.json", report)


def test_a_blocked_combination_is_not_asked_and_says_why_since_when_and_until(
    judged: Checkout, runner: FakeRunner
) -> None:
    row = judged.judge(runner).rows[1]
    assert (row.verdict, row.reason) == (Verdict.BLOCKED, "It is | not there.")
    assert (row.since, row.review, row.link) == (
        date(2026, 1, 1), date(2027, 1, 1), "https://example.org/python",
    )  # fmt: skip
    assert all(call[call.index("--python-version") + 1] == "3.13" for call in runner.calls)


@pytest.mark.parametrize(
    ("key", "value", "nearest"),
    [
        ("python", "3.21", "3.12"),
        ("base", "tinny", "tiny"),
        ("image", "onee", "one"),
        ("cuda", "12.8", "None"),
        ("tensorrt", "8.6.1", "None"),
    ],
)
def test_a_block_that_matches_nothing_is_refused_with_the_nearest(
    key: str, value: str, nearest: str, judged: Checkout, runner: FakeRunner
) -> None:
    judged.declare(TWO, BLOCKED.replace('python = "3.12"', f'{key} = "{value}"'))
    with pytest.raises(DeclarationError, match=f"entry 1 matches no combination: {key} = ") as caught:
        judged.judge(runner)
    assert nearest in caught.value.next_step
    assert runner.calls == []


def test_a_blocked_default_combination_stops_the_run(judged: Checkout, runner: FakeRunner) -> None:
    judged.declare('pythons = ["3.12", "3.13"]\n', BLOCKED)
    with pytest.raises(
        CompatibilityError, match=r"3\.12, a default .* blocked:\n  It is \| not there"
    ) as caught:
        judged.judge(runner)
    assert caught.value.next_step.endswith("`--build-arg PYTHON_VERSION=3.13` can be had")


def test_what_is_wrong_with_the_family_is_an_error_once_it_is_written(
    judged: Checkout, runner: FakeRunner
) -> None:
    report = judged.judge(runner, today=date(2028, 1, 1))
    with pytest.raises(CompatibilityError, match="CM202"):
        check_record(report, require_answers=False)
    check_record(judged.judge(runner), require_answers=True)


def test_a_silent_index_is_an_error_where_answers_are_required(judged: Checkout, runner: FakeRunner) -> None:
    runner.script(*UV, stderr="error: x\n  cause: client error (Connect)", returncode=2)
    report = judged.judge(runner)
    check_record(report, require_answers=False)
    with pytest.raises(CompatibilityError, match="1 combination not checked; one tiny"):
        check_record(report, require_answers=True)


def test_an_overdue_review_is_a_finding_and_one_of_today_is_not(judged: Checkout, runner: FakeRunner) -> None:
    on_the_day = judged.judge(runner, today=date(2027, 1, 1))
    after = judged.judge(runner, today=date(2027, 1, 2))
    assert [finding.code for finding in on_the_day.findings] == []
    assert [finding.code for finding in after.findings] == ["CM202"]
    assert "due on 2027-01-01" in after.findings[0].message


def drifting(checkout: Checkout) -> None:
    for part, version in (("-x", "1"), ("-y", "2")):
        text = f"a=={version} \\\n    --hash=sha256:{'0' * 64}\n"
        (checkout.folder / f"requirements{part}.txt").write_text(text)


def test_a_drift_without_a_reason_is_a_finding_that_names_the_locks(
    judged: Checkout, runner: FakeRunner
) -> None:
    drifting(judged)
    (finding,) = judged.judge(runner).findings
    assert finding.code == "CM201"
    assert "1 in image_one/requirements-x.txt, 2 in image_one/requirements-y.txt" in finding.message


def test_a_drift_with_a_reason_is_told_and_is_no_finding(judged: Checkout, runner: FakeRunner) -> None:
    drifting(judged)
    judged.declare(TWO, BLOCKED + DRIFT)
    report = judged.judge(runner)
    assert report.findings == ()
    assert [(row.package, row.why, row.review) for row in report.drift] == [
        ("a", "It must.", date(2027, 1, 1))
    ]


def test_a_reason_for_one_lock_does_not_cover_two_others(judged: Checkout, runner: FakeRunner) -> None:
    drifting(judged)
    (judged.folder / "requirements-z.txt").write_text("a==3 \\\n    --hash=sha256:00\n")
    judged.declare(TWO, BLOCKED + DRIFT)
    assert [finding.code for finding in judged.judge(runner).findings] == ["CM201"]


def test_an_archive_with_another_version_than_a_lock_is_drift(judged: Checkout, runner: FakeRunner) -> None:
    (judged.folder / "requirements-x.txt").write_text(f"a==2.10.0 \\\n    --hash=sha256:{'0' * 64}\n")
    judged.declare(TWO, BLOCKED + ARCHIVE)
    (finding,) = judged.judge(runner).findings
    assert "2.10.0 in image_one/requirements-x.txt, 2.6.0 in image_one tiny (archive)" in finding.message


def test_a_reason_that_fits_one_of_its_packages_only_is_refused(judged: Checkout, runner: FakeRunner) -> None:
    drifting(judged)
    judged.declare(TWO, BLOCKED + DRIFT.replace('["a"]', '["a", "b"]'))
    with pytest.raises(DeclarationError, match="reason for b explains nothing"):
        judged.judge(runner)


def test_a_reason_that_explains_nothing_is_refused(judged: Checkout, runner: FakeRunner) -> None:
    judged.declare(TWO, BLOCKED + DRIFT)
    with pytest.raises(DeclarationError, match="reason for a explains nothing"):
        judged.judge(runner)


def test_a_tested_image_with_these_locks_validates_its_combination(
    judged: Checkout, runner: FakeRunner
) -> None:
    store_report(judged)
    row = judged.judge(runner).rows[0]
    assert row.verdict is Verdict.VALIDATED
    assert (row.revision, row.digest) == (COMMIT, DIGEST)
    assert "built, 1 check passed inside it" in row.reason
    assert "recipe" not in row.reason


def test_an_image_that_was_tested_emulated_is_told_so(judged: Checkout, runner: FakeRunner) -> None:
    store_report(judged, emulated="cortex-a72")
    assert "1 check passed inside it, emulated as cortex-a72" in judged.judge(runner).rows[0].reason


def test_the_choices_of_a_record_are_the_defaults_of_its_own_revision(
    judged: Checkout, runner: FakeRunner
) -> None:
    store_report(judged)
    know_revision(judged, runner, DOCKERFILE.replace("3.13", "3.12"))
    assert judged.judge(runner).rows[0].verdict is Verdict.RESOLVES


def test_a_recipe_that_changed_since_is_told(judged: Checkout, runner: FakeRunner) -> None:
    store_report(judged)
    differ(judged, runner, "image_one/Dockerfile", "image_one/wheels.toml", "scripts")
    row = judged.judge(runner).rows[0]
    assert row.verdict is Verdict.VALIDATED
    assert "the recipe has changed since" in row.reason


def test_a_base_of_our_own_and_a_part_left_out_are_told(judged: Checkout, runner: FakeRunner) -> None:
    judged.declare(TWO + 'optional = { WITH_X = "X_URL" }\n', BLOCKED)
    store_report(judged, origin="bootstrapped", WITH_X="0")
    reason = judged.judge(runner).rows[0].reason
    assert "built on a base bootstrapped from the archive" in reason
    assert "built with WITH_X=0" in reason


def test_a_tested_image_with_other_locks_validates_nothing(judged: Checkout, runner: FakeRunner) -> None:
    store_report(judged)
    differ(judged, runner, "image_one/requirements*")
    row = judged.judge(runner).rows[0]
    assert row.verdict is Verdict.RESOLVES
    assert "tested with other locks" in row.reason


def test_a_revision_that_git_does_not_know_validates_nothing(judged: Checkout, runner: FakeRunner) -> None:
    store_report(judged)
    for word in ("show", "diff"):
        runner.script(*git(judged, word), returncode=128)
    row = judged.judge(runner).rows[0]
    assert row.verdict is Verdict.RESOLVES
    assert f"git cannot compare the locks tested at revision {COMMIT[:12]}" in row.reason


@pytest.mark.parametrize(
    "told",
    [{"outcome": "failed"}, {"outcome": "skipped"}, {"dirty": True}, {"PYTHON_VERSION": "3.12"}],
)
def test_another_or_an_untested_image_validates_nothing(
    told: dict[str, str], judged: Checkout, runner: FakeRunner
) -> None:
    store_report(judged, **told)
    assert judged.judge(runner).rows[0].verdict is Verdict.RESOLVES


CHOICE = 'torch_archives = ["tiny"]\n'
OF_THE_ARCHIVE = ARCHIVE.replace("[[archive]]\n", '[[archive]]\ntorch = "archive"\n')


@pytest.fixture
def choice(judged: Checkout) -> Checkout:
    """One Python, and torch of the index or of the base's archive."""
    judged.declare(CHOICE, OF_THE_ARCHIVE)
    for end in ("in", "txt"):
        (judged.folder / f"requirements-tiny-archive.{end}").write_text("")
    return judged


def test_each_source_of_torch_is_a_combination_with_locks_and_a_name_of_its_own(
    choice: Checkout, runner: FakeRunner
) -> None:
    index, archive = choice.judge(runner).rows
    assert (index.is_default, archive.is_default) == (True, False)
    assert (index.label, archive.label) == ("one tiny Python 3.13", "one tiny with its torch Python 3.13")
    assert "from the archive" not in index.reason
    assert "a 2.6.0 from the archive of tiny" in archive.reason
    sources = [call[call.index("requirements.in") + 1] for call in runner.calls if "requirements.in" in call]
    assert sources == ["requirements-tiny.in", "requirements-tiny-archive.in"]


@pytest.mark.parametrize(
    ("arguments", "proven"), [({}, 0), ({"TORCH": "index"}, 0), ({"TORCH": "archive"}, 1)]
)
def test_a_record_proves_the_torch_that_it_was_built_with_and_the_default_from_before_the_choice(
    arguments: dict[str, str], proven: int, choice: Checkout, runner: FakeRunner
) -> None:
    store_report(choice, **arguments)
    verdicts = [row.verdict for row in choice.judge(runner).rows]
    assert verdicts[proven] is Verdict.VALIDATED
    assert verdicts[1 - proven] is Verdict.RESOLVES


def test_a_damaged_record_is_refused(judged: Checkout, runner: FakeRunner) -> None:
    path = judged.root / "reports/image_one/x/record.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(RecordError, match="no ImageReport"):
        judged.judge(runner)


def test_a_validated_image_whose_index_is_silent_says_both(judged: Checkout, runner: FakeRunner) -> None:
    store_report(judged)
    runner.script(*UV, stderr="error: Failed to fetch: `x`\n  cause: client error (Connect)", returncode=2)
    row = judged.judge(runner).rows[0]
    assert row.verdict is Verdict.VALIDATED
    assert "not resolved again: the package index was not reachable" in row.reason
    assert row.size is None


def test_the_report_is_written_with_its_record_and_the_index_names_it(
    judged: Checkout, runner: FakeRunner
) -> None:
    report = judged.judge(runner)
    path = write_compatibility(judged.root, report)
    assert path.read_text() == render_compatibility(report)
    assert load_record(path.with_suffix(".json"), CompatibilityReport, made_by="x") == report
    assert "](compatibility.md)" in (path.parent / "README.md").read_text()


def test_every_row_is_explained_and_nothing_leaves_its_cell(judged: Checkout, runner: FakeRunner) -> None:
    text = render_compatibility(judged.judge(runner))
    assert "| blocked | reason 1 |" in text
    assert (
        "| 1 | It is \\| not there. | 2026-01-01 | [source](https://example.org/python) | 2027-01-01 |"
        in text
    )
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.count("|") - line.count("\\|") >= 3 for line in tables)
    assert not any("|  |" in line for line in tables)


def test_the_terminal_shows_each_row_each_finding_and_the_counts(
    judged: Checkout, runner: FakeRunner
) -> None:
    told = render_table_of_verdicts(judged.judge(runner, today=date(2028, 1, 1)))
    assert "resolves (default)" in told
    assert "CM202" in told
    assert told.endswith("1 resolves, 1 blocked\n")


def test_the_record_is_json_with_days_as_text(judged: Checkout, runner: FakeRunner) -> None:
    document = json.loads(judged.judge(runner).model_dump_json())
    assert document["checked_on"] == TODAY.isoformat()
    assert document["rows"][1]["verdict"] == "blocked"

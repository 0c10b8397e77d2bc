"""The verb that compares: what it prints, what it refuses, with which exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tasks
from baseimages.compare import DeltaRecord
from baseimages.errors import RecordError, RegressionError, UsageError
from baseimages.records import load_record, write_record
from baseimages.report import ImageReport
from tests.compare.sides import make_contract
from tests.conftest import ROOT
from tests.tasks.conftest import call, refusal

CPU = "base_edge_node_amd64_cpu"
OLD, NEW = f"{CPU}@fcbc46eb9367", f"{CPU}@29226007cbb7"


@pytest.fixture
def reports(checkout: Path) -> Path:
    """Two committed reports, the first records that were made."""
    for word in (OLD, NEW):
        folder = Path("reports") / word.replace("@", "/")
        (checkout / folder).mkdir(parents=True)
        shutil.copy(ROOT / folder / "record.json", checkout / folder)
    return checkout


def give_contracts(root: Path, **changes: object) -> None:
    """Both reports get a contract; that of the new one has changes."""
    for word, own in ((OLD, {}), (NEW, changes)):
        path = root / "reports" / word.replace("@", "/") / "record.json"
        report = load_record(path, ImageReport, made_by="a test")
        contract = make_contract(**own)
        parts = tuple(part.model_copy(update={"contract": contract}) for part in report.targets)
        write_record(path, report.model_copy(update={"targets": parts}))


def test_committed_records_compare_and_what_they_lack_is_not_measured(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tasks.compare, baseline=OLD, candidate=NEW)
    text = capsys.readouterr().out
    assert text.count("## ") == 2
    assert "| time, cold | 385.6 s | 415.7 s | +30.06 s | 1.078 | no claim: single runs |" in text
    assert "| vulnerability | not measured | not measured |" in text
    assert "Contract: not measured" in text


def test_json_is_the_record(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.compare, baseline=f"{OLD}:core", candidate=f"{NEW}:core", json=True)
    record = DeltaRecord.model_validate(json.loads(capsys.readouterr().out))
    (delta,) = record.targets
    assert (delta.baseline.revision[:4], delta.candidate.revision[:4]) == ("fcbc", "2922")


def test_a_breaking_change_has_its_exit_code_after_the_report_is_printed(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give_contracts(reports, user="app")
    with pytest.raises(SystemExit) as caught:
        call(tasks.compare, baseline=OLD, candidate=NEW)
    assert caught.value.code == RegressionError.exit_code
    told = capsys.readouterr()
    assert "| user | user | none | app |" in told.out
    assert f"{NEW}:core-debian-13: 1 breaking: user user" in told.err
    call(tasks.compare, baseline=OLD, candidate=NEW, allow=["breaking"])


def test_a_budget_of_images_toml_is_a_gate(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = reports / "images.toml"
    path.write_text(path.read_text().replace("{ core = 300_000_000, full", "{ core = 1_000_000, full"))
    code, said = refusal(capsys, tasks.compare, baseline=OLD, candidate=NEW, allow=["breaking"])
    assert code == RegressionError.exit_code
    assert "it weighs 287187890 bytes compressed, 286187890 more than its budget" in said


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"baseline": "cpx", "candidate": NEW}, UsageError.exit_code),
        ({"baseline": OLD, "candidate": f"{CPU}@0000"}, RecordError.exit_code),
        ({"baseline": OLD, "candidate": NEW, "allow": ["minor"]}, UsageError.exit_code),
    ],
)
def test_words_that_name_nothing_are_refused(
    words: dict[str, str], code: int, reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, tasks.compare, **words)[0] == code

"""A report for people, for scripts and for code scanning: the same findings in each."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from baseimages.lint import Finding, LintReport, render_findings, render_json, render_sarif

# The parts of SARIF 2.1.0 that are written, after its sections 3.13 to 3.30; other keys are refused.
TEXT = {"type": "string", "minLength": 1}


def shape(**keys: object) -> dict[str, object]:
    return {
        "type": "object",
        "properties": keys,
        "required": list(keys),
        "additionalProperties": False,
    }


def many(item: dict[str, object]) -> dict[str, object]:
    return {"type": "array", "items": item}


URI = {"type": "string", "pattern": r"^[A-Za-z0-9%._~/-]+$"}
LINE = {"type": "integer", "minimum": 1}
PLACE = shape(artifactLocation=shape(uri=URI), region=shape(startLine=LINE))
RESULT = shape(
    ruleId=TEXT,
    level={"enum": ["none", "note", "warning", "error"]},
    message=shape(text=TEXT),
    locations=many(shape(physicalLocation=PLACE)),
)
DRIVER = shape(name=TEXT, rules=many(shape(id=TEXT)) | {"uniqueItems": True})
SARIF = shape(
    **{"$schema": {"const": "https://json.schemastore.org/sarif-2.1.0.json"}},
    version={"const": "2.1.0"},
    runs=many(shape(tool=shape(driver=DRIVER), results=many(RESULT))),
)


@pytest.fixture
def report() -> LintReport:
    """Two linters, two findings of one rule, one of them with a fix."""
    findings = (
        Finding(file="Dockerfile", line=2, code="DL1", message="first", tool="hadolint"),
        Finding(file="Dockerfile", line=9, code="DL1", message="again", tool="hadolint"),
        Finding(file="a/b.py", line=1, code="F401", message="unused", tool="ruff", fix="remove it"),
    )
    skipped = (("build-check", "no container engine answers"),)
    return LintReport(findings=findings, ran=("hadolint", "shellcheck", "ruff"), skipped=skipped)


def refusals(sarif: str) -> list[str]:
    return [error.message for error in Draft202012Validator(SARIF).iter_errors(json.loads(sarif))]


def results(sarif: str) -> list[dict[str, object]]:
    return [result for run in json.loads(sarif)["runs"] for result in run["results"]]


def test_sarif_has_the_keys_and_values_of_its_standard(report: LintReport) -> None:
    assert refusals(render_sarif(report)) == []


def test_sarif_has_a_run_for_each_linter_the_clean_one_included(report: LintReport) -> None:
    runs = json.loads(render_sarif(report))["runs"]
    found = {run["tool"]["driver"]["name"]: len(run["results"]) for run in runs}
    assert found == {"hadolint": 2, "shellcheck": 0, "ruff": 1}


def test_sarif_lists_a_rule_once_and_only_those_of_its_results(report: LintReport) -> None:
    runs = json.loads(render_sarif(report))["runs"]
    assert [run["tool"]["driver"]["rules"] for run in runs] == [[{"id": "DL1"}], [], [{"id": "F401"}]]


def test_sarif_has_one_result_for_each_finding_at_its_relative_place(report: LintReport) -> None:
    places = []
    for result in results(render_sarif(report)):
        (location,) = result["locations"]
        place = location["physicalLocation"]
        places.append((place["artifactLocation"]["uri"], place["region"]["startLine"], result["ruleId"]))
    assert places == [(f.file, f.line, f.code) for f in report.findings]


def test_sarif_tells_the_fix_behind_the_message(report: LintReport) -> None:
    texts = [result["message"]["text"] for result in results(render_sarif(report))]
    assert texts == ["first", "again", "unused. remove it"]


def test_sarif_says_a_place_in_the_characters_of_a_uri_and_counts_lines_from_one() -> None:
    finding = Finding(file="a folder/b#1.sh", line=0, code="X", message='a "quoted" word\n', tool="t")
    sarif = render_sarif(LintReport(findings=(finding,), ran=("t",), skipped=()))
    assert refusals(sarif) == []
    assert '"a%20folder/b%231.sh"' in sarif


def test_people_read_the_place_the_code_and_the_fix_below_it(report: LintReport) -> None:
    assert render_findings(report).splitlines() == [
        "Dockerfile:2: DL1 first",
        "Dockerfile:9: DL1 again",
        "a/b.py:1: F401 unused",
        "    fix: remove it",
        "3 findings by hadolint, shellcheck, ruff",
        "skipped: build-check: no container engine answers",
    ]


def test_json_carries_its_schema_version_every_finding_and_what_was_skipped(report: LintReport) -> None:
    document = json.loads(render_json(report))
    assert document["schema_version"] == 1
    assert [Finding(**finding) for finding in document["findings"]] == list(report.findings)
    assert document["skipped"] == [["build-check", "no container engine answers"]]

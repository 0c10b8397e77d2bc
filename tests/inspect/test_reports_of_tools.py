"""Answers of other programs: read with our model, damaged ones refused."""

from __future__ import annotations

import pytest

from baseimages.errors import ScanError, SuiteError
from baseimages.inspect.suite import parse_junit, read_emulated
from baseimages.inspect.trivy import findings_of, parse_report

REPORT = {
    "SchemaVersion": 2,
    "Results": [
        {"Class": "secret", "Target": "/k.pem", "Secrets": [{"RuleID": "private-key", "Severity": "HIGH"}]},
        {
            "Class": "os-pkgs",
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2", "PkgName": "b", "Severity": "LOW"},
                {"VulnerabilityID": "CVE-1", "PkgName": "a", "Severity": "CRITICAL"},
            ],
        },
    ],
}


def test_findings_are_sorted_by_kind_and_severity() -> None:
    found = [(f.kind, f.severity, f.id, f.where) for f in findings_of(parse_report(REPORT))]
    assert found == [
        ("secret", "HIGH", "private-key", "/k.pem"),
        ("vulnerability", "CRITICAL", "CVE-1", "a"),
        ("vulnerability", "LOW", "CVE-2", "b"),
    ]


@pytest.mark.parametrize("raw", [None, [], "", {}, {"SchemaVersion": "x"}, {"Results": []}])
def test_a_damaged_report_is_an_error_and_never_a_clean_scan(raw: object) -> None:
    with pytest.raises(ScanError, match="not a report"):
        parse_report(raw)


def test_an_unknown_severity_is_kept() -> None:
    report = {"SchemaVersion": 2, "Results": [{"Secrets": [{"RuleID": "r", "Severity": "ODD"}]}]}
    assert findings_of(parse_report(report))[0].severity == "ODD"


def test_outcomes_of_the_suite_are_read() -> None:
    cases = parse_junit(
        '<testsuite><testcase name="a" time="0.5"/>'
        '<testcase name="b" time="1"><failure message="why"/></testcase>'
        '<testcase name="c" time="0"><skipped message="no GPU"/></testcase></testsuite>'
    )
    assert [(c.name, c.outcome, c.detail) for c in cases] == [
        ("a", "passed", ""),
        ("b", "failed", "why"),
        ("c", "skipped", "no GPU"),
    ]


def test_an_emulated_suite_names_its_processor() -> None:
    text = '<testsuite><properties><property name="{}" value="cortex-a72"/></properties></testsuite>'
    assert read_emulated(text.format("emulated")) == "cortex-a72"
    assert read_emulated(text.format("other")) == ""


@pytest.mark.parametrize("text", ["", "<testsuite>", "<testsuite/>", "nonsense"])
def test_a_suite_without_a_readable_case_is_an_error(text: str) -> None:
    with pytest.raises(SuiteError):
        parse_junit(text)


def test_an_entity_bomb_in_the_junit_file_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>'
    with pytest.raises(SuiteError, match="damaged"):
        parse_junit(bomb)

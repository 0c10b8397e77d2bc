"""Two builds of one image have the same findings, whatever else changed between them."""

from __future__ import annotations

from baseimages.compare.findings import diff_findings
from baseimages.inspect import Finding, ScanRecord
from baseimages.inspect.trivy import findings_of, parse_report
from tests.compare.sides import make_scan


def finding(id: str, package: str = "pkg:deb/debian/a", path: str = "", **more: str) -> Finding:
    words = {"kind": "vulnerability", "severity": "HIGH", "where": "a", "title": ""} | more
    return Finding(id=id, package=package, path=path, **words)


def scan_of(*findings: Finding) -> ScanRecord:
    return make_scan(findings=[f.model_dump() for f in findings])


def test_introduced_fixed_and_those_that_stay() -> None:
    old, new = scan_of(finding("CVE-1"), finding("CVE-2")), scan_of(finding("CVE-2"), finding("CVE-3"))
    delta = diff_findings("vulnerability", old, new)
    assert [f.id for f in delta.introduced] == ["CVE-3"]
    assert [f.id for f in delta.fixed] == ["CVE-1"]
    assert delta.stay == 1


def test_one_id_in_two_packages_is_two_findings() -> None:
    old = scan_of(finding("CVE-1"), finding("CVE-1", package="pkg:deb/debian/b"))
    assert [f.package for f in diff_findings("vulnerability", old, scan_of(finding("CVE-1"))).fixed] == [
        "pkg:deb/debian/b"
    ]


def test_of_a_finding_that_is_told_twice_the_count_is_compared() -> None:
    once, twice = scan_of(finding("DS-1")), scan_of(finding("DS-1"), finding("DS-1"))
    assert len(diff_findings("vulnerability", once, twice).introduced) == 1
    assert len(diff_findings("vulnerability", twice, once).fixed) == 1


def test_a_severity_or_a_title_that_moved_makes_no_other_finding() -> None:
    old, new = finding("CVE-1"), finding("CVE-1", severity="LOW", title="reworded")
    delta = diff_findings("vulnerability", scan_of(old), scan_of(new))
    assert (delta.introduced, delta.fixed, delta.stay) == ((), (), 1)


def test_a_record_from_before_packages_were_kept_is_compared_by_what_it_has() -> None:
    older = scan_of(finding("CVE-1", package="", path=""))
    delta = diff_findings("vulnerability", older, scan_of(finding("CVE-1")))
    assert (delta.introduced, delta.fixed, delta.stay) == ((), (), 1)


def test_only_the_asked_kind_is_told() -> None:
    new = scan_of(finding("r", kind="secret"), finding("CVE-1"))
    assert [f.id for f in diff_findings("secret", scan_of(), new).introduced] == ["r"]


def test_trivys_own_answer_gives_the_package_without_its_version_and_the_path() -> None:
    report = {
        "SchemaVersion": 2,
        "Results": [
            {
                "Target": "Python",
                "Vulnerabilities": [
                    {
                        "VulnerabilityID": "CVE-1",
                        "PkgName": "x",
                        "PkgPath": "opt/x-1.dist-info/METADATA",
                        "PkgIdentifier": {"PURL": "pkg:pypi/x@1.0", "UID": "1"},
                    }
                ],
            },
            {"Target": "/k.pem", "Secrets": [{"RuleID": "private-key"}]},
        ],
    }
    secret, vulnerability = findings_of(parse_report(report))
    assert (vulnerability.package, vulnerability.path) == ("pkg:pypi/x", "opt/x-1.dist-info/METADATA")
    assert (secret.package, secret.path) == ("", "/k.pem")

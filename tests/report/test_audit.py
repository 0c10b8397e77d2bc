"""The section about needed packages: words for what is missing, sums, names that cannot leave their cell."""

from __future__ import annotations

from baseimages.inspect import AuditRecord
from baseimages.inspect.audit import InclusionVerdict, PackageVerdict, PathWeight
from baseimages.report.audit import render_audit
from baseimages.report.markdown import render_report
from baseimages.report.record import ImageReport

HOSTILE = "folder:/srv/|new\nline"


def audit(reason: str = "") -> AuditRecord:
    return AuditRecord(
        manifest_digest="sha256:1", file_bytes=300_000, trace_reason=reason, containers=3, passed=2,
        failed=1, skipped=0, opened_files=None if reason else 9,
        packages=(
            PackageVerdict(
                id="deb:git", version="1", need="runtime", why="git", asked_for=True,
                size_bytes=200_000, opened_bytes=None if reason else 150_000,
            ),
            PackageVerdict(
                id=HOSTILE, version="", need="not measured" if reason else "dead", why="of no package",
                asked_for=True, size_bytes=100_000, opened_bytes=None if reason else 0,
            ),
        ),
        inclusions=(
            InclusionVerdict(
                name="git", need="runtime", reason="nodes | pull", packages=("deb:git",),
                opened=None if reason else True, size_bytes=200_000, freed_bytes=250_000,
            ),
        ),
        unopened=(
            PathWeight(need="runtime", path="/usr/share", files=7, size_bytes=60_000, owners=("deb:git",)),
            PathWeight(need="dead", path="/srv/|new\nline", files=1, size_bytes=100_000, owners=(HOSTILE,)),
        ),
        unopened_rest_bytes=0,
    )  # fmt: skip


def test_classes_inclusions_packages_and_paths_are_told_the_unneeded_first() -> None:
    text = render_audit(audit())
    assert "| runtime | 1 | 0.2 MB | 0.1 MB | 0 B |" in text
    assert "| dead | 1 | 0.1 MB | 0 B | 0.1 MB |" in text
    assert "| all | 2 | 0.3 MB |" in text
    assert "3 containers of the image's suite (2 checks passed, 1 failed, 0 skipped)" in text
    assert r"| git | runtime | yes | 0.2 MB | 0.2 MB | nodes \| pull |" in text
    assert text.index("| dead | 0.1 MB | 1 |") < text.index("| /usr/share | runtime |")


def test_a_hostile_name_stays_in_its_cell() -> None:
    assert r"| folder:/srv/\|new line | dead |" in render_audit(audit())


def test_what_was_not_watched_is_not_measured_and_never_zero() -> None:
    text = render_audit(audit("no permission | at all"))
    assert r"not measured: no permission \| at all. So no package is called dead" in text
    assert "| runtime | 1 | 0.2 MB | not measured | not measured |" in text
    assert "| git | runtime | not measured |" in text


def test_a_report_without_an_audit_has_no_such_section(report: ImageReport) -> None:
    assert "Which packages are needed" not in render_report(report)


def test_a_report_with_an_audit_is_read_back(report: ImageReport) -> None:
    part = report.targets[0].model_copy(update={"audit": audit()})
    whole = report.model_copy(update={"targets": (part,)})
    again = ImageReport.model_validate_json(whole.model_dump_json())
    assert again == whole
    assert "### Which packages are needed\n\nWatched were" in render_report(again)

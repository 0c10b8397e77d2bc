"""Images of one index: the same packages for each platform, or a reason."""

from __future__ import annotations

import sys
from datetime import date

import pytest

from baseimages.compat.markdown import render_compatibility
from baseimages.errors import DeclarationError
from tests.compat.conftest import FAMILY, Checkout
from tests.conftest import FakeRunner

UV = (sys.executable, "-m", "uv", "pip", "compile")
SECOND = FAMILY[FAMILY.index("[images.one]") :].replace("one", "two").replace("amd64", "arm64")
INDEX = 'index = "both"\n'
REASON = """
[[differences]]
image = "two"
packages = ["only-one", "only-two"]
why = "It has no wheel | there."
link = "https://example.org/wheel"
review = 2027-01-01
"""


@pytest.fixture
def pair(checkout: Checkout, runner: FakeRunner) -> Checkout:
    """Two images of one index; each has a package that the other has not, and one is in both."""
    checkout.declare(INDEX + SECOND + INDEX)
    for name, own in (("one", "only-one"), ("two", "only-two")):
        folder = checkout.root / f"image_{name}"
        folder.mkdir(exist_ok=True)
        pins = "".join(f"{pin}==1 \\\n    --hash=sha256:{'0' * 64}\n" for pin in ("both", own))
        (folder / "requirements-core.txt").write_text(pins, encoding="utf-8")
        (folder / "Dockerfile").write_text("FROM scratch AS core\n", encoding="utf-8")
        for lock in ("requirements.in", "requirements-tiny.in", "requirements.txt", "requirements-tiny.txt"):
            (folder / lock).write_text("", encoding="utf-8")
    runner.script(*UV, stdout='lock-version = "1.0"\n')
    return checkout


def test_a_package_that_one_image_of_an_index_lacks_is_a_finding_that_names_who_has_it(
    pair: Checkout, runner: FakeRunner
) -> None:
    found = pair.judge(runner).findings
    assert [(item.code, item.package) for item in found] == [("CM203", "only-one"), ("CM203", "only-two")]
    assert found[0].message == "of the index both only one has only-one"


def test_images_without_an_index_may_have_what_they_want(pair: Checkout, runner: FakeRunner) -> None:
    pair.declare(SECOND)
    assert pair.judge(runner).findings == ()


def test_what_the_archive_gives_counts(pair: Checkout, runner: FakeRunner) -> None:
    archive = (
        '[[archive]]\nimage = "two"\nbase = "tiny"\npackages = { only-one = "1" }\nlink = "https://x.org"\n'
    )
    pair.declare(INDEX + SECOND + INDEX, archive)
    assert [item.package for item in pair.judge(runner).findings] == ["only-two"]


def test_a_difference_with_a_reason_is_told_with_its_source_and_is_no_finding(
    pair: Checkout, runner: FakeRunner
) -> None:
    pair.declare(INDEX + SECOND + INDEX, REASON)
    report = pair.judge(runner)
    assert report.findings == ()
    text = render_compatibility(report)
    cells = "| both | only-two | two | It has no wheel \\| there. [source](https://example.org/wheel) | 2027"
    assert cells in text


def test_a_reason_that_explains_nothing_is_refused(pair: Checkout, runner: FakeRunner) -> None:
    pair.declare(INDEX + SECOND + INDEX, REASON.replace('"only-one"', '"both"'))
    with pytest.raises(DeclarationError, match="the difference of two in both is none"):
        pair.judge(runner)


def test_a_reason_is_looked_at_again_by_its_day(pair: Checkout, runner: FakeRunner) -> None:
    pair.declare(INDEX + SECOND + INDEX, REASON)
    (finding,) = pair.judge(runner, today=date(2027, 1, 2)).findings
    assert finding.code == "CM202"
    assert "difference in only-one, only-two" in finding.message

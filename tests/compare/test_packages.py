"""Packages are told apart by their PURL without version; a direction is told only where it is known."""

from __future__ import annotations

import pytest

from baseimages.compare.packages import PackageChange, diff_packages, is_newer
from baseimages.errors import ScanError
from baseimages.inspect.purl import name_package, split_package


def diff(old: list[str], new: list[str]) -> dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return {c.package: (c.direction, c.baseline, c.candidate) for c in diff_packages(old, new)}


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        ("pkg:deb/debian/zlib@1:1.3~rc1?arch=amd64", "pkg:deb/debian/zlib@1:1.3?arch=amd64", "up"),
        ("pkg:deb/debian/glibc@2.41-12", "pkg:deb/debian/glibc@2.41-9", "down"),
        ("pkg:deb/ubuntu/a@2.35-0ubuntu3.8", "pkg:deb/ubuntu/a@2.35-0ubuntu3.10", "up"),
        ("pkg:pypi/x@1.0rc1", "pkg:pypi/x@1.0", "up"),
        ("pkg:pypi/x@1.10", "pkg:pypi/x@1.9", "down"),
        ("pkg:npm/%40npmcli/x@9.0.0", "pkg:npm/%40npmcli/x@10.0.0", "up"),
        ("pkg:unheard/x@1", "pkg:unheard/x@2", "changed"),
        ("pkg:pypi/x@one", "pkg:pypi/x@two", "changed"),
    ],
)
def test_which_version_is_newer_is_told_by_the_rules_of_its_kind(old: str, new: str, direction: str) -> None:
    ((told, *_),) = diff([old], [new]).values()
    assert told == direction


def test_what_came_what_went_and_what_stayed() -> None:
    changes = diff(["pkg:pypi/a@1", "pkg:pypi/b@1"], ["pkg:pypi/b@1", "pkg:pypi/c@2"])
    assert changes == {
        "pkg:pypi/a": ("removed", ("1",), ()),
        "pkg:pypi/c": ("added", (), ("2",)),
    }


def test_a_package_that_is_there_twice_has_no_direction() -> None:
    assert diff(["pkg:npm/x@1.0.0", "pkg:npm/x@2.0.0"], ["pkg:npm/x@2.0.0"]) == {
        "pkg:npm/x": ("changed", ("1.0.0", "2.0.0"), ("2.0.0",))
    }


def test_one_package_for_two_architectures_is_two_packages() -> None:
    old = ["pkg:deb/debian/a@1?arch=amd64", "pkg:deb/debian/a@1?arch=arm64"]
    assert list(diff(old, old[:1])) == ["pkg:deb/debian/a?arch=arm64"]


def test_what_says_nothing_about_the_package_is_no_part_of_its_name() -> None:
    purl = "pkg:deb/debian/bash@5.2.37-2%2Bb5?distro=debian-13&arch=amd64&upstream=bash%405.2"
    assert name_package(purl) == "pkg:deb/debian/bash@5.2.37-2%2Bb5?arch=amd64"
    assert split_package(purl) == ("pkg:deb/debian/bash?arch=amd64", "5.2.37-2+b5")


@pytest.mark.parametrize("text", ["", "bash", "pkg:", "pkg:deb", "\x00"])
def test_what_is_no_purl_is_refused(text: str) -> None:
    with pytest.raises(ScanError, match="not a package URL"):
        diff_packages([text], [])


def test_equal_versions_in_two_spellings_are_not_newer() -> None:
    assert is_newer("pypi", "1.0", "1.0.0") is False


def test_a_change_is_stored_and_read_again() -> None:
    (change,) = diff_packages(["pkg:pypi/a@1"], ["pkg:pypi/a@2"])
    assert PackageChange.model_validate_json(change.model_dump_json()) == change

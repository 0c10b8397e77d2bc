"""What package databases tell: recorded ones are read right, damaged ones are refused."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from baseimages.errors import VerificationError
from baseimages.inspect.packages import (
    Package,
    find_imports,
    list_needs,
    parse_auto,
    parse_distribution,
    parse_status,
)
from tests.conftest import ROOT

RECORDED = ROOT / "tests/fixtures/audit"


def read_debs() -> dict[str, Package]:
    auto = parse_auto((RECORDED / "extended_states").read_text())
    return {package.id: package for package in parse_status((RECORDED / "status").read_text(), auto)}


def test_dpkg_tells_versions_what_came_along_and_what_is_essential() -> None:
    debs = read_debs()
    assert debs["deb:git"].version == "1:2.47.3-0+deb13u1"
    assert (debs["deb:git"].asked_for, debs["deb:perl"].asked_for) == (True, False)
    assert [name for name, package in debs.items() if package.essential] == ["deb:perl-base", "deb:bash"]


def test_a_dependency_is_its_choices_without_versions_and_architectures() -> None:
    needs = read_debs()["deb:git"].needs
    assert ("deb:perl",) in needs
    assert ("deb:libc6",) in needs
    (package,) = parse_status(
        "Package: a\nStatus: install ok installed\nPre-Depends: b:any (>= 1)\nDepends: c | d (<< 2),\n e\n"
        "Provides: mta, x (= 1)\nSection: contrib/libdevel\n",
        (),
    )
    assert package.needs == (("deb:b",), ("deb:c", "deb:d"), ("deb:e",))
    assert package.provides == ("deb:mta", "deb:x")
    assert package.for_building


def test_a_package_of_which_only_configuration_stayed_is_not_installed() -> None:
    assert list(parse_status("Package: a\nStatus: deinstall ok config-files\n\n\n", ())) == []


@pytest.mark.parametrize("text", ["Version: 1\n", "Package: ../x\n", "Package: \n", "\x00\x01"])
def test_a_paragraph_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(VerificationError, match="no name"):
        list(parse_status(text, ()))


def test_an_extra_of_a_distribution_counts_only_when_it_is_asked_for() -> None:
    text = (RECORDED / "METADATA.uvicorn").read_text()
    package, requirements = parse_distribution(text, "x86_64", "3.13")
    assert package.id == "python:uvicorn"
    bare = list_needs(requirements, (), "x86_64", "3.13")
    assert bare == (("python:click",), ("python:h11",))
    full = list_needs(requirements, ("standard",), "x86_64", "3.13")
    assert ("python:uvloop",) in full
    assert ("python:typing-extensions",) not in full


def test_a_requirement_that_no_installer_reads_is_passed_over() -> None:
    text = "Name: a\nVersion: 1\nRequires-Dist: b (no version\nRequires-Dist: C_c\n"
    _, requirements = parse_distribution(text, "x86_64", "3.13")
    assert requirements == (Requirement("C_c"),)
    assert list_needs(requirements, (), "x86_64", "3.13") == (("python:c-c",),)


@pytest.mark.parametrize("text", ["", "Version: 1\n", "Name: ../../x\n", "Name: a b\n"])
def test_metadata_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(VerificationError, match="names no distribution"):
        parse_distribution(text, "x86_64", "3.13")


def test_imports_are_found_wherever_they_stand_and_relative_ones_are_none() -> None:
    source = b"""
import os.path, numpy as np
from yaml.nodes import Node
try:
    import torch  # if it is there
except ImportError:
    from .shim import torch
from . import x
important = 1
"""
    assert find_imports(source) == {"os", "numpy", "yaml", "torch"}
    assert find_imports(b"\xff\x00import\n") == frozenset()

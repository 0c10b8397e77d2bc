"""What breaks a build on top is breaking; what is new is minor; what names the build itself is a patch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from baseimages.compare import Level, Side
from baseimages.compare.contract import diff_abilities, diff_contracts, judge_versions
from baseimages.inspect import AbilitiesRecord, ElfRecord
from tests.compare.sides import make_contract
from tests.report.conftest import DIGEST


def told(side: Side, **changes: Any) -> list[tuple[str, str, str]]:
    """Aspect, name and level of what changes against the side."""
    found = diff_contracts(side, replace(side, contract=make_contract(**changes)))
    assert found is not None
    return [(change.aspect, change.name, str(change.level)) for change in found]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"programs": ["bash"]}, ("program", "nano", "breaking")),
        ({"programs": ["bash", "nano", "vi"]}, ("program", "vi", "minor")),
        ({"sonames": []}, ("soname", "libc.so.6", "breaking")),
        ({"user": "app"}, ("user", "user", "breaking")),
        ({"workdir": "/"}, ("workdir", "workdir", "breaking")),
        ({"entrypoint": []}, ("entrypoint", "entrypoint", "breaking")),
        ({"command": ["sh"]}, ("command", "command", "breaking")),
        ({"ports": []}, ("port", "80/tcp", "breaking")),
        ({"ports": ["443/tcp", "80/tcp"]}, ("port", "443/tcp", "minor")),
        ({"volumes": ["/data"]}, ("volume", "/data", "minor")),
        ({"labels": {"created": "2027-01-01"}}, ("label", "created", "patch")),
        ({"labels": {}}, ("label", "created", "breaking")),
        ({"environment": {"PATH": "/usr/bin:/bin"}}, ("environment", "EE_DD", "breaking")),
        ({"environment": {"PATH": "/usr/bin:/bin", "EE_DD": "1"}}, ("environment", "EE_DD", "breaking")),
        (
            {"environment": {"PATH": "/opt/bin:/usr/bin:/bin", "EE_DD": "false"}},
            ("environment", "PATH", "minor"),
        ),
        ({"environment": {"PATH": "/usr/bin", "EE_DD": "false"}}, ("environment", "PATH", "breaking")),
        ({"python_packages": {"pip": ["26.1"]}}, ("python package", "torch", "breaking")),
        (
            {"python_packages": {"pip": ["26.1"], "torch": ["2.9.2"]}},
            ("python package", "torch", "patch"),
        ),
    ],
)
def test_each_change_has_its_level(
    side: Side, changes: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert told(side, **changes) == [expected]


def test_another_python_loses_one_abi_and_gains_one(side: Side) -> None:
    assert told(side, python_abis=["cpython-314-x86_64-linux-gnu"]) == [
        ("python abi", "cpython-313-x86_64-linux-gnu", "breaking"),
        ("python abi", "cpython-314-x86_64-linux-gnu", "minor"),
    ]


def test_the_same_contract_has_no_change(side: Side) -> None:
    assert diff_contracts(side, side) == ()


def test_without_a_contract_on_both_sides_nothing_is_concluded(side: Side) -> None:
    bare = replace(side, contract=None)
    assert diff_contracts(side, bare) is None
    assert diff_contracts(bare, side) is None


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ("1.2.3", "1.2.4", Level.PATCH),
        ("1.2.3", "1.3.0", Level.MINOR),
        ("1.2.3", "2.0", Level.BREAKING),
        ("1.2.4", "1.2.3", Level.BREAKING),
        ("2025.11", "2026.1", Level.MINOR),
        ("1.0, 2.0", "1.0", Level.MINOR),
        ("2.6.0", "2.6.0+cpu", Level.PATCH),
    ],
)
def test_versions_of_packages_are_read_as_semantic_ones(before: str, after: str, level: Level) -> None:
    assert judge_versions(before, after) == level


def elf(glibc: str, needed: str) -> ElfRecord:
    counts = dict.fromkeys(("files", "right_machine", "needed", "found", "by_sibling", "absent"), 0)
    return ElfRecord(
        manifest_digest=DIGEST, architecture="amd64", glibc=glibc, glibc_needed=needed, extensions=None,
        findings=(), allowed=(), **counts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("after", "level"),
    [("2.39", "breaking"), ("2.5", "breaking"), ("no C library", "breaking"), ("2.100", "minor")],
)
def test_an_older_c_library_breaks_and_a_newer_one_does_not(side: Side, after: str, level: str) -> None:
    old, new = replace(side, elf=elf("2.41", "2.28")), replace(side, elf=elf(after, "2.28"))
    (change,) = diff_contracts(old, new) or ()
    assert (change.aspect, change.baseline, str(change.level)) == ("glibc", "2.41", level)


def test_lost_abilities_are_breaking_and_new_ones_minor() -> None:
    old = AbilitiesRecord(
        manifest_digest=DIGEST, ffmpeg={"encoders": ("libx264",), "codecs": ("decode av1",)}, imports=("ssl",)
    )
    new = AbilitiesRecord(manifest_digest=DIGEST, ffmpeg={"encoders": ("libx265",)}, failing={"ssl": "no"})
    changes = diff_abilities(old, new) or ()
    assert [(c.aspect, c.name, str(c.level)) for c in changes] == [
        ("codec", "decode av1", "breaking"),
        ("encoder", "libx264", "breaking"),
        ("import", "ssl", "breaking"),
        ("encoder", "libx265", "minor"),
    ]


def test_what_nobody_asked_is_not_lost() -> None:
    asked = AbilitiesRecord(manifest_digest=DIGEST, imports=("ssl",))
    silent = AbilitiesRecord(manifest_digest=DIGEST, note="the engine is for x86_64")
    assert diff_abilities(asked, silent) is None
    assert diff_abilities(asked, None) is None

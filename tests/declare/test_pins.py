"""Pins change wherever they stand, all or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baseimages.declare.pins import apply_changes
from baseimages.errors import UsageError
from tests.conftest import ROOT

OLD, NEW = "0" * 64, "1a" * 32
TEXT = f"""ARG FFMPEG_VERSION=7.1
ARG FFMPEG_SHA256={OLD}
FROM x AS one
ARG FFMPEG_VERSION
ARG FFMPEG_FLAGS=stage
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(TEXT)
    return tmp_path


def test_a_pin_changes_in_every_image_that_declares_it(root: Path) -> None:
    told = apply_changes(root, ("FFMPEG_VERSION=7.2", f"FFMPEG_SHA256={NEW}"), dry_run=False)
    changed = TEXT.replace("7.1", "7.2").replace(OLD, NEW)
    assert [(root / name / "Dockerfile").read_text() for name in ("one", "two")] == [changed, changed]
    assert "set one/Dockerfile: FFMPEG_VERSION 7.1 -> 7.2" in told


def test_a_dry_run_tells_and_changes_nothing(root: Path) -> None:
    told = apply_changes(root, ("FFMPEG_VERSION=7.2",), dry_run=True)
    assert told.startswith("would set one/Dockerfile: FFMPEG_VERSION 7.1 -> 7.2")
    assert (root / "one" / "Dockerfile").read_text() == TEXT


def test_an_unknown_pin_is_refused_with_the_nearest_and_nothing_changes(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        apply_changes(root, ("FFMPEG_VERSION=7.2", "FFMPEG_SHA265=1"), dry_run=False)
    assert "did you mean FFMPEG_SHA256?" in caught.value.next_step
    assert (root / "one" / "Dockerfile").read_text() == TEXT


@pytest.mark.parametrize(
    "word",
    [
        "",
        "FFMPEG_VERSION",
        "ffmpeg=1",
        "FFMPEG_VERSION=",
        "FFMPEG_VERSION=1\n",
        "FFMPEG_VERSION=1\nRUN x",
        "FFMPEG_VERSION=$(x)",
    ],
    ids=ascii,
)
def test_a_word_of_another_form_is_refused(root: Path, word: str) -> None:
    with pytest.raises(UsageError, match="is not NAME=VALUE"):
        apply_changes(root, (word,), dry_run=False)


def test_without_a_change_the_form_is_told(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        apply_changes(root, (), dry_run=False)
    assert "--set NAME=VALUE" in caught.value.next_step


@pytest.mark.parametrize("digest", ["11", NEW[:-1], f"{NEW}0", NEW.upper(), f"sha256:{NEW}"])
def test_a_hash_of_another_form_is_refused_and_the_version_beside_it_stays(root: Path, digest: str) -> None:
    with pytest.raises(UsageError, match="is no SHA-256"):
        apply_changes(root, ("FFMPEG_VERSION=7.2", f"FFMPEG_SHA256={digest}"), dry_run=False)
    assert (root / "one" / "Dockerfile").read_text() == TEXT


def test_an_argument_of_one_stage_is_no_pin_and_is_not_suggested(root: Path) -> None:
    with pytest.raises(UsageError, match="unknown pin") as caught:
        apply_changes(root, ("FFMPEG_FLAGS=x",), dry_run=False)
    assert "FFMPEG_FLAGS" not in caught.value.next_step


def test_an_image_without_the_pin_stays_as_it_is(root: Path) -> None:
    (root / "two" / "Dockerfile").write_text("ARG OTHER=1\nFROM x AS two\n")
    assert "two/Dockerfile" not in apply_changes(root, ("FFMPEG_VERSION=7.2",), dry_run=False)
    assert (root / "two" / "Dockerfile").read_text() == "ARG OTHER=1\nFROM x AS two\n"


def test_every_hash_that_is_pinned_is_one_that_this_accepts() -> None:
    for path in ROOT.glob("*/Dockerfile"):
        pinned = dict(re.findall(r"^ARG (\w+_SHA256)=(.*)$", path.read_text(encoding="utf-8"), re.M))
        assert pinned
        for name, digest in pinned.items():
            assert apply_changes(ROOT, (f"{name}={digest}",), dry_run=True)

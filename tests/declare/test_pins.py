"""Pins change wherever they stand, all or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.declare.pins import apply_changes
from baseimages.errors import UsageError

TEXT = "ARG FFMPEG_VERSION=7.1\nARG FFMPEG_SHA256=00\nFROM x AS one\nARG FFMPEG_VERSION\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(TEXT)
    return tmp_path


def test_a_pin_changes_in_every_image_that_declares_it(root: Path) -> None:
    told = apply_changes(root, ("FFMPEG_VERSION=7.2", "FFMPEG_SHA256=11"), dry_run=False)
    changed = TEXT.replace("7.1", "7.2").replace("=00", "=11")
    assert [(root / name / "Dockerfile").read_text() for name in ("one", "two")] == [changed, changed]
    assert "set one/Dockerfile: FFMPEG_VERSION 7.1 -> 7.2" in told


def test_a_dry_run_tells_and_changes_nothing(root: Path) -> None:
    told = apply_changes(root, ("FFMPEG_VERSION=7.2",), dry_run=True)
    assert told.startswith("would set one/Dockerfile: FFMPEG_VERSION 7.1 -> 7.2")
    assert (root / "one" / "Dockerfile").read_text() == TEXT


def test_an_unknown_pin_is_refused_with_the_nearest_and_nothing_changes(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        apply_changes(root, ("FFMPEG_VERSION=7.2", "FFMPEG_SHA265=11"), dry_run=False)
    assert "FFMPEG_SHA256" in str(caught.value)
    assert (root / "one" / "Dockerfile").read_text() == TEXT


@pytest.mark.parametrize(
    "word",
    ["", "FFMPEG_VERSION", "ffmpeg=1", "FFMPEG_VERSION=", "FFMPEG_VERSION=1\nRUN x", "FFMPEG_VERSION=$(x)"],
)
def test_a_word_of_another_form_is_refused(root: Path, word: str) -> None:
    with pytest.raises(UsageError, match="is not NAME=VALUE"):
        apply_changes(root, (word,), dry_run=False)


def test_without_a_change_the_form_is_told(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        apply_changes(root, (), dry_run=False)
    assert "--set NAME=VALUE" in caught.value.next_step

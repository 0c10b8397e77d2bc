"""FFmpeg's profiles: one table gives switches and packages, and nothing of it is lost on the way."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process
SCRIPT = ROOT / "scripts" / "list-codecs.sh"
TABLE = ROOT / "scripts" / "codecs.txt"
COLUMNS = ("switches", "build", "debian-13", "ubuntu-24.04", "jetpack-6")


def list_codecs(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *words], check=False, capture_output=True, text=True, timeout=20)


def test_each_row_has_all_columns_and_known_profiles() -> None:
    rows = [line.split() for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    assert rows
    for row in rows:
        assert len(row) == 6, row
        assert set(row[1].split(",")) <= {"full", "pi"}, row


def test_the_profile_of_boards_drops_heavy_encoders_and_adds_their_hardware() -> None:
    full, board = (set(list_codecs(name, "switches").stdout.split()) for name in ("full", "pi"))
    assert full - board == {"--enable-libsvtav1", "--enable-libx265", "--enable-vaapi"}
    assert board - full == {"--enable-v4l2-m2m"}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("profile", ["full", "pi"])
def test_a_column_names_each_word_once(profile: str, column: str) -> None:
    words = list_codecs(profile, column).stdout.splitlines()
    assert words
    assert words == sorted(set(words))
    assert "-" not in words


@pytest.mark.parametrize(("words", "told"), [(("pie", "build"), "full or pi"), (("pi", "x"), "ubuntu-24.04")])
def test_an_unknown_word_is_refused_with_the_known_ones(words: tuple[str, str], told: str) -> None:
    done = list_codecs(*words)
    assert done.returncode == 1
    assert told in done.stderr

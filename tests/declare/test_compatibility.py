"""compatibility.toml as declared, and as it must not be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from baseimages.compat.combination import check_blocks, list_combinations
from baseimages.compat.differences import find_differences
from baseimages.compat.drift import find_drift
from baseimages.declare import TorchSource, load_family
from baseimages.declare.compatibility import load_compatibility
from baseimages.errors import DeclarationError
from tests.conftest import ROOT

LIMITS = "[limits]\ncryptography_age_max_days = 365\n"
BLOCKED = """
[[blocked]]
python = "3.12"
why = "It is not there."
since = 2026-01-01
link = "https://example.org/python"
review = 2027-01-01
"""
DRIFT = """
[[drift]]
packages = ["a"]
locks = ["image_one/requirements.txt"]
why = "It must."
review = 2027-01-01
"""
PAIR = """
[[pairs]]
package = "a"
versions = "<2"
needs = "b"
within = "<3"
link = "https://example.org/a"
"""


def load(folder: Path, text: str) -> object:
    path = folder / "compatibility.toml"
    path.write_text(text, encoding="utf-8")
    return load_compatibility(path)


def refuse(folder: Path, text: str) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        load(folder, text)
    return caught.value


def test_each_declared_block_and_reason_still_matches_something() -> None:
    family, knowledge = load_family(ROOT / "images.toml"), load_compatibility(ROOT / "compatibility.toml")
    check_blocks(list(list_combinations(family)), knowledge.blocked)
    assert all(row.why for row in find_drift(ROOT, family, knowledge))
    assert all(row.why for row in find_differences(ROOT, family, knowledge))


def test_each_declared_review_comes_after_its_day() -> None:
    for entry in load_compatibility(ROOT / "compatibility.toml").blocked:
        assert entry.since < entry.review


def test_what_is_well_written_is_read(tmp_path: Path) -> None:
    knowledge = load_compatibility(ROOT / "compatibility.toml")
    assert knowledge.limits.cryptography_age_max_days == 365
    assert load(tmp_path, LIMITS + BLOCKED + DRIFT + PAIR)


@pytest.mark.parametrize(
    ("old", "new", "nearest"),
    [
        ("[[blocked]]", "[[blockd]]", "blocked"),
        ('python = "3.12"', 'pythn = "3.12"', "python"),
        ("review = 2027", "reviews = 2027", "review"),
        ("cryptography_age_max_days", "cryptography_age_max", "cryptography_age_max_days"),
        ('needs = "b"', 'neds = "b"', "needs"),
        ("[[drift]]\npackages", "[[drift]]\npackage", "packages"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(old: str, new: str, nearest: str, tmp_path: Path) -> None:
    text = LIMITS + BLOCKED + DRIFT + PAIR
    assert old in text
    error = refuse(tmp_path, text.replace(old, new, 1))
    assert "unknown key" in error.message
    assert f"did you mean {nearest}?" in error.next_step


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('python = "3.12"\n', ""),  # it would block everything
        ('python = "3.12"', 'python = "3.12\\nx"'),
        ('python = "3.12"', 'python = "--index"'),
        ('why = "It is', 'why = "\\u001b[31mIt is'),
        ('why = "It is not there."', 'why = ""'),
        ("https://example.org/python", "http://example.org/python"),
        ("https://example.org/python", "javascript:alert(1)"),
        ("https://example.org/python", "https://example.org/)[x](https://evil.example"),
        ("since = 2026-01-01", 'since = "soon"'),
        ("review = 2027-01-01\n", ""),
        ('locks = ["image_one/requirements.txt"]', 'locks = ["../../etc/passwd"]'),
        ('locks = ["image_one/requirements.txt"]', "locks = []"),
        ('versions = "<2"', 'versions = "newest"'),
        ("cryptography_age_max_days = 365", "cryptography_age_max_days = 0"),
    ],
)
def test_a_hostile_or_empty_value_is_refused_on_one_inert_line(old: str, new: str, tmp_path: Path) -> None:
    text = LIMITS + BLOCKED + DRIFT + PAIR
    assert old in text
    error = refuse(tmp_path, text.replace(old, new, 1))
    assert "\x1b" not in str(error)
    assert error.next_step.startswith("mend that key")


def test_a_key_with_a_name_that_would_break_the_message_is_shown_inert(tmp_path: Path) -> None:
    error = refuse(tmp_path, LIMITS + '"x\\u001b[31m\\ny" = 1\n')
    assert "\x1b" not in str(error)
    assert len(error.message.splitlines()) == 1


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_compatibility(tmp_path / "none.toml")
    assert "is not TOML" in refuse(tmp_path, "blocked = [").message


def test_the_archive_is_looked_up_by_image_and_base() -> None:
    knowledge = load_compatibility(ROOT / "compatibility.toml")
    assert knowledge.archived("cpu", "debian-13")["torch"] == "2.6.0"
    assert knowledge.archived("cpu", "ubuntu-24.04") == {}


def test_what_a_choice_takes_from_the_archive_is_not_taken_without_it() -> None:
    knowledge = load_compatibility(ROOT / "compatibility.toml")
    assert knowledge.archived("arm64", "debian-13", TorchSource.INDEX) == {}
    assert knowledge.archived("arm64", "debian-13", TorchSource.ARCHIVE)["torch"] == "2.6.0"
    assert knowledge.archived("cpu", "debian-13", None)["torch"] == "2.6.0"


def test_dates_are_dates() -> None:
    assert isinstance(load_compatibility(ROOT / "compatibility.toml").blocked[0].review, date)

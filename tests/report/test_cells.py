"""No name can leave its Markdown cell, and a number that is missing is a word."""

from __future__ import annotations

import pytest

from baseimages.report.cells import NOT_MEASURED, escape, megabytes, render_table, seconds, shorten
from baseimages.report.pictures import Bar, render_bars


@pytest.mark.parametrize(
    "hostile",
    ["a|b", "a\nb", "`rm`", "<script>", "[x](http://e)", "\x1b[31mred", "\u202eright", "![](x)", "~~x~~"],
)
def test_a_hostile_name_stays_one_inert_cell(hostile: str) -> None:
    table = render_table(("name",), [(escape(hostile),)])
    assert len(table.splitlines()) == 4
    body = table.splitlines()[2]
    assert body.count("|") - body.count("\\|") == 2
    assert "\x1b" not in table
    assert "<script" not in table.replace("\\<", "")


def test_what_was_not_measured_is_a_word_and_never_zero() -> None:
    assert (megabytes(None), seconds(None)) == (NOT_MEASURED, NOT_MEASURED)
    assert (megabytes(0), seconds(0.0)) == ("0 B", "0.00 s")


def test_a_size_too_small_for_its_unit_is_told_in_bytes() -> None:
    assert (megabytes(49_999), megabytes(50_000)) == ("49999 B", "0.1 MB")


def test_columns_of_numbers_lean_right() -> None:
    assert "| --- | --: |" in render_table(("a", "b"), [("x", "1.5 MB"), ("y", "105 B")])


def test_long_text_is_cut_and_says_so() -> None:
    assert shorten("a  b\n" + "c" * 50, 10) == "a b cccccc…"[:9] + "…"


def test_a_picture_has_a_text_alternative_and_escapes_names() -> None:
    picture = render_bars("t & u", "note", [Bar(label="<x>", length=2.0, text="2 s")])
    assert "<title" in picture
    assert 'role="img"' in picture
    assert "t &amp; u" in picture
    assert "<x>" not in picture


def test_an_empty_picture_is_still_a_picture() -> None:
    assert render_bars("t", "n", []).endswith("</svg>\n")

"""Hostile words never become names."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from baseimages.declare.names import (
    ArgValue,
    Name,
    Reference,
    RelativePath,
    TagTemplate,
    quote_word,
    suggest_name,
    unknown_word,
)

HOSTILE = {
    "an option with a path": "-v/:/h",
    "a long option": "--privileged",
    "a newline": "cpu\n--privileged",
    "a trailing newline": "cpu\n",
    "a climb out of the checkout": "../etc",
    "an absolute path": "/etc/passwd",
    "a climb in the middle": "a/../../b",
    "five kilobytes": "x" * 5000,
    "Cyrillic look-alikes": "\u0441\u0440u",
    "a full-width letter": "\uff43pu",
    "a zero byte": "cpu\0",
    "a space": "cpu core",
    "a shell substitution": "$(id)",
    "nothing": "",
}


@pytest.mark.parametrize("word", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("kind", [Name, Reference, RelativePath, TagTemplate])
def test_a_hostile_word_is_refused_as_any_kind_of_name(kind: object, word: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(word)


@pytest.mark.parametrize(
    "word",
    ["ubuntu:24.04", "debian:trixie-slim", "ghcr.io/a/b-c_d:v1", "localhost:5000/a/b:1"],
)
def test_a_reference_may_have_registry_port_and_path(word: str) -> None:
    assert TypeAdapter(Reference).validate_python(word) == word


@pytest.mark.parametrize("word", ["ubuntu", "Ubuntu:24.04", "ubuntu:24.04@sha256:0", "a//b:1"])
def test_a_reference_needs_a_tag_and_no_digest(word: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Reference).validate_python(word)


def test_a_build_argument_keeps_to_one_line() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ArgValue).validate_python("a\nb")


def test_a_quoted_word_is_one_short_ascii_line() -> None:
    for word in HOSTILE.values():
        quoted = quote_word(word)
        assert quoted.isascii()
        assert "\n" not in quoted
        assert len(quoted) < 400


def test_the_nearest_name_is_suggested() -> None:
    assert suggest_name("cpuu", ["gpu", "cpu"]).startswith("did you mean cpu?")


def test_all_names_are_listed_when_none_is_near() -> None:
    assert suggest_name("zzz", ["gpu", "cpu"]) == "use one of: cpu, gpu"


def test_an_unknown_word_of_five_kilobytes_makes_a_short_message() -> None:
    assert len(str(unknown_word("variant", "x" * 5000, ["cpu"]))) < 200

"""What an image answers about itself is read as it prints it; no answer is never an empty one."""

from __future__ import annotations

import json

import pytest

from baseimages.command import CommandError
from baseimages.inspect import ask_abilities, describe_abilities
from baseimages.inspect.abilities import AbilitiesRecord, read_answer, read_list
from tests.conftest import ROOT, FakeRunner

ANSWER = (ROOT / "tests/fixtures/abilities/core.json").read_text(encoding="utf-8")


@pytest.fixture
def recorded() -> AbilitiesRecord:
    return read_answer(ANSWER, "sha256:x")


def test_codecs_are_read_by_what_can_be_done_with_them(recorded: AbilitiesRecord) -> None:
    codecs = recorded.ffmpeg["codecs"]
    assert {"decode h264", "encode h264", "decode 4xm", "decode av1", "encode av1"} <= set(codecs)
    assert "encode 4xm" not in codecs


def test_encoders_and_decoders_are_read_without_the_legend(recorded: AbilitiesRecord) -> None:
    assert {"libx264", "libx265", "libsvtav1", "libopus", "a64multi"} <= set(recorded.ffmpeg["encoders"])
    assert {"h264", "hevc", "libdav1d"} & set(recorded.ffmpeg["decoders"]) >= {"h264", "hevc"}
    assert not {"=", "Video", "------"} & {name for names in recorded.ffmpeg.values() for name in names}


def test_protocols_know_their_direction_and_filters_their_names(recorded: AbilitiesRecord) -> None:
    assert {"input http", "output file", "input async"} <= set(recorded.ffmpeg["protocols"])
    assert "output async" not in recorded.ffmpeg["protocols"]
    assert {"scale", "abench", "anullsrc", "anullsink"} <= set(recorded.ffmpeg["filters"])


def test_what_can_be_imported_is_apart_from_what_cannot(recorded: AbilitiesRecord) -> None:
    assert {"asyncio", "ssl", "pip"} <= set(recorded.imports)
    assert recorded.failing["idlelib"] == "ModuleNotFoundError: No module named 'idlelib'"


def test_a_list_that_ffmpeg_did_not_give_has_no_names() -> None:
    assert read_list("encoders", "") == ()


def test_the_image_is_asked_without_a_network_and_nothing_is_mounted(runner: FakeRunner) -> None:
    runner.script("docker", "run", stdout=ANSWER)
    record = ask_abilities("image:core", "sha256:x", runner)
    (argv,) = runner.calls
    assert argv[argv.index("--network") :][:2] == ("--network", "none")
    assert not {"-v", "--volume", "--mount", "--privileged"} & set(argv)
    assert argv[-3:] == ("image:core", "-B", "-")
    assert "modules import" in describe_abilities(record)


@pytest.mark.parametrize(
    "answer", ["", "{", "[]", '{"ffmpeg": {}}', json.dumps({"ffmpeg": 1, "imports": {}})]
)
def test_a_damaged_answer_is_told_and_is_no_loss(answer: str, runner: FakeRunner) -> None:
    runner.script("docker", "run", stdout=answer)
    assert ask_abilities("image:core", "sha256:x", runner).note == "its answer is not what was asked"


def test_an_image_that_cannot_answer_says_why(runner: FakeRunner) -> None:
    runner.script(
        "docker", "run", error=CommandError("it ended", next_step="look", tail="no python3 in PATH")
    )
    record = ask_abilities("image:core", "sha256:x", runner)
    assert record.note == "no answer: no python3 in PATH"
    assert describe_abilities(record) == "abilities: not asked: no answer: no python3 in PATH\n"

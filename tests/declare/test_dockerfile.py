"""The Dockerfile parser: lines, comments, heredocs, flags, and which stages a target needs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from baseimages.command import ProcessRunner
from baseimages.declare import (
    HEADER_FIELDS,
    Dockerfile,
    Instruction,
    expand,
    load_dockerfile,
    load_family,
    parse_dockerfile,
)
from baseimages.errors import DeclarationError
from tests.conftest import ROOT

PATH = Path("Dockerfile")
STAGED = r"""# About the file.

ARG FAMILY=debian-13 EMPTY= BARE
ARG IMAGE="tiny:1"
ARG NAMED=${FAMILY}-x

# Stage name: base
# Purpose: Stand under the rest.
#   It goes on here: with a colon.
# Inputs: IMAGE.
# Outputs: a file system.
# Why: one home.
# Risks: none.
FROM --platform=$BUILDPLATFORM ${IMAGE} AS base

FROM base AS tool-debian-13
FROM base AS tool-ubuntu-24.04
FROM tool-${FAMILY} AS tool
FROM base AS data
FROM base AS unused
FROM base AS Final
COPY --link --from=data /a /b
RUN --mount=type=bind,from=tool,source=/x,target=/y \
    --mount=type=cache,target=/c true
"""


def parse(text: str) -> Dockerfile:
    return parse_dockerfile(text, PATH)


def instructions(text: str) -> tuple[Instruction, ...]:
    return parse(f"FROM scratch\n{text}").stages[0].instructions


def only(text: str) -> Instruction:
    (instruction,) = instructions(text)
    return instruction


def names(dockerfile: Dockerfile, target: str, **args: str) -> list[str]:
    return [stage.name for stage in dockerfile.stages_of(target, args)]


def test_global_arguments_have_value_and_line() -> None:
    found = [(arg.name, arg.value, arg.line) for arg in parse(STAGED).args]
    assert found == [
        ("FAMILY", "debian-13", 3),
        ("EMPTY", "", 3),
        ("BARE", None, 3),
        ("IMAGE", "tiny:1", 4),
        ("NAMED", "${FAMILY}-x", 5),
    ]


def test_given_values_reach_the_defaults_built_on_them() -> None:
    values = parse(STAGED).values({"FAMILY": "other"})
    assert (values["NAMED"], values["IMAGE"]) == ("other-x", "tiny:1")
    assert "BARE" not in values


def test_a_stage_knows_its_name_base_flags_and_line() -> None:
    stage = parse(STAGED).stages[0]
    assert (stage.name, stage.base, stage.line) == ("base", "${IMAGE}", 14)
    assert stage.flags == ("--platform=$BUILDPLATFORM",)


def test_a_stage_without_as_has_no_name() -> None:
    assert parse("FROM scratch").stages[0].name == ""


def test_a_header_has_its_fields_in_order_with_lines() -> None:
    header = parse(STAGED).stages[0].header
    assert tuple(field.name for field in header) == HEADER_FIELDS
    assert [field.line for field in header] == [7, 8, 10, 11, 12, 13]


def test_a_header_field_goes_on_over_the_next_comment_lines() -> None:
    purpose = parse(STAGED).stages[0].header[1]
    assert purpose.text == "Stand under the rest. It goes on here: with a colon."


def test_a_header_ends_at_an_empty_line() -> None:
    text = "# Stage name: far\n\n# Purpose: near\nFROM scratch"
    assert [field.name for field in parse(text).stages[0].header] == ["Purpose"]


def test_a_continued_instruction_is_joined_as_buildkit_joins_it() -> None:
    run = only("RUN one \\\n    two\\\n-three")
    assert run.text == "one     two-three"
    assert (run.line_start, run.line_end) == (2, 4)


def test_comments_and_empty_lines_inside_a_continued_instruction_are_left_out() -> None:
    run = only("RUN one \\\n# not this\n\n  # nor this\n  two")
    assert run.text == "one   two"
    assert run.line_end == 6


def test_blanks_behind_a_backslash_do_not_end_an_instruction() -> None:
    assert only("RUN one \\ \t\n  two").line_end == 3


def test_two_backslashes_end_an_instruction() -> None:
    assert [item.keyword for item in instructions("RUN one \\\\\nUSER me")] == ["RUN", "USER"]


def test_the_comment_above_touches_its_instruction() -> None:
    first, second = instructions("# Far.\n\n# Near,\n#   and on.\nRUN a\nRUN b")
    assert first.comment_above == "Near,\n  and on."
    assert second.comment_above == ""


def test_flags_are_apart_from_the_text() -> None:
    run = only('RUN --mount=type=bind,source=a,target=/a --network=none --mount="type=tmpfs" x --y')
    assert run.flag_values("mount") == ("type=bind,source=a,target=/a", '"type=tmpfs"')
    assert run.flag_values("network") == ("none",)
    assert run.text == "x --y"


def test_a_keyword_is_read_in_any_case() -> None:
    assert only("run true").keyword == "RUN"


@pytest.mark.parametrize(
    ("start", "end"),
    [("<<EOT", "EOT"), ("<<'EOT'", "EOT"), ('<<"EOT"', "EOT"), ("<<-EOT", "\t\tEOT"),
     ("<<-'EOT'", "EOT"), ("3<<EOT", "EOT")],
)  # fmt: skip
def test_a_heredoc_ends_at_its_marker(start: str, end: str) -> None:
    run, user = instructions(f"RUN {start} sh\nset -eux\n# kept\nEOT x\n{end}\nUSER me")
    assert run.text.splitlines()[1:] == ["set -eux", "# kept", "EOT x", end]
    assert (run.line_start, run.line_end, user.line_start) == (2, 6, 7)


def test_several_heredocs_follow_each_other() -> None:
    copy, user = instructions("COPY <<A <<-'B' /to/\none\nA\ntwo\n\tB\nUSER me")
    assert copy.text == "<<A <<-'B' /to/\none\nA\ntwo\n\tB"
    assert user.line_start == 7


def test_an_indented_marker_ends_only_a_heredoc_with_a_dash() -> None:
    with pytest.raises(DeclarationError, match="heredoc 'EOT' has no end"):
        parse("FROM scratch\nRUN <<EOT\n\tEOT\n")


def test_a_heredoc_inside_a_heredoc_is_text() -> None:
    run = only("RUN <<OUTER\ncat <<INNER\nOUTER")
    assert run.line_end == 4


def test_instructions_inside_a_heredoc_are_text() -> None:
    assert only("RUN <<EOT\nFROM nothing\nARG X\nEOT").keyword == "RUN"


def test_a_heredoc_starts_after_continued_flags() -> None:
    run = only("RUN --mount=type=tmpfs,target=/a \\\n    --network=none <<EOT\na\nEOT")
    assert (run.line_end, run.flags[-1]) == (5, "--network=none")


@pytest.mark.parametrize("text", ['RUN echo "<<EOT"', "RUN cat <<<word", "RUN echo a<<b", "CMD <<E"])
def test_what_only_looks_like_a_heredoc_is_none(text: str) -> None:
    assert only(text).line_end == 2


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"\xef\xbb\xbfFROM scratch AS a\r\nRUN <<EOT\r\ntrue\r\nEOT\r\n")
    assert load_dockerfile(path).stages[0].instructions[0].line_end == 4


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "Dockerfile:1: no FROM"),
        ("RUN true\nFROM scratch", "Dockerfile:1: RUN before the first FROM"),
        ("FROM scratch\nFRUM x", "Dockerfile:2: unknown instruction 'FRUM'"),
        ("FROM a b", "Dockerfile:1: FROM is not"),
        ("FROM", "Dockerfile:1: FROM is not"),
        ("FROM scratch\nRUN <<EOT\ntrue", "Dockerfile:2: heredoc 'EOT' has no end"),
        ('ARG A="open\nFROM scratch', "Dockerfile:1: ARG: No closing quotation"),
        ("# escape=`\nFROM scratch", "Dockerfile:1: another escape character"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(text: str, cause: str) -> None:
    with pytest.raises(DeclarationError, match=cause):
        parse(text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_dockerfile(tmp_path / "Dockerfile")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$A-${A}", "1-1"),
        ("${B:-two}${B-three}", "two"),
        ("${C:-two}${C-three}", "twothree"),
        ("${A:+yes}${B:+no}${B+set}", "yesset"),
        ("${C}", ""),
        (r"\$A", "$A"),
        ("$Ab", ""),
    ],
)
def test_variables_expand_as_in_buildkit(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B": ""}) == expanded


def test_a_target_needs_bases_copies_and_mounts() -> None:
    assert names(parse(STAGED), "final") == ["base", "tool-debian-13", "tool", "data", "Final"]


def test_a_build_argument_chooses_the_stage() -> None:
    chosen = names(parse(STAGED), "tool", FAMILY="ubuntu-24.04")
    assert chosen == ["base", "tool-ubuntu-24.04", "tool"]


def test_a_stage_can_be_named_by_number() -> None:
    assert names(parse("FROM a\nFROM b AS c\nCOPY --from=0 / /"), "c") == ["", "c"]


def test_a_stage_named_like_its_image_does_not_need_itself() -> None:
    assert names(parse("FROM debian AS debian"), "debian") == ["debian"]


def test_an_unknown_target_is_answered_with_the_nearest() -> None:
    with pytest.raises(DeclarationError, match="did you mean Final"):
        parse(STAGED).stages_of("finl", {})


def test_arguments_of_stages_are_known_too() -> None:
    text = "ARG A\nFROM scratch\nARG B=1 C\nRUN true\nFROM scratch\nARG D"
    assert parse(text).arg_names == {"A", "B", "C", "D"}


PIECES = {
    "USER me": 1,
    "RUN a \\\n  b \\\n# c\n  d": 4,
    "RUN <<EOT\nRUN x\n\nEOT": 4,
    "COPY <<A <<-B /x/\n# a\nA\n\tB": 4,
    "ENV A=1 \\\n\n    B=2": 3,
    'RUN ["a", "b"]': 1,
    "COPY --link --from=b /a /b": 1,
}


@pytest.mark.parametrize("seed", range(50))
def test_any_sequence_of_instructions_is_found_again_on_its_lines(seed: int) -> None:
    chance = random.Random(seed)
    text, expected, line = "FROM scratch\n", [], 2
    for _ in range(12):
        piece = chance.choice(list(PIECES))
        above = chance.choice(["", "\n", "# why\n", "# far\n\n"])
        line += above.count("\n")
        expected.append((line, line + PIECES[piece] - 1, "why" if above == "# why\n" else ""))
        text += f"{above}{piece}\n"
        line += PIECES[piece]
    found = [
        (item.line_start, item.line_end, item.comment_above) for item in parse(text).stages[0].instructions
    ]
    assert found == expected


def dockerfiles() -> list[Path]:
    return [ROOT / image.dockerfile for image in load_family(ROOT / "images.toml").variants.values()]


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.parent.name)
def test_every_line_of_our_dockerfiles_is_instruction_comment_or_empty(path: Path) -> None:
    dockerfile = load_dockerfile(path)
    covered = {stage.line for stage in dockerfile.stages} | {arg.line for arg in dockerfile.args}
    for stage in dockerfile.stages:
        for item in stage.instructions:
            lines = set(range(item.line_start, item.line_end + 1))
            assert not lines & covered
            covered |= lines
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert number in covered or not line.strip() or line.startswith("#"), number


def ask_buildkit(path: Path) -> list[tuple[str, str, int]]:
    argv = ["docker", "buildx", "build", "--call=targets,format=json", "-f", str(path), "."]
    done = ProcessRunner().run(argv, deadline_s=60, cwd=path.parent)
    return [
        (target["name"], target["base"], target["location"]["ranges"][0]["start"]["line"])
        for target in json.loads(done.stdout)["targets"]
    ]


def our_answer(path: Path) -> list[tuple[str, str, int]]:
    # BuildKit answers in small letters.
    stages = load_dockerfile(path).stages
    return [(stage.name.lower(), stage.base, stage.line) for stage in stages]


@pytest.mark.engine
@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.parent.name)
def test_buildkit_finds_the_same_stages_in_our_dockerfiles(path: Path) -> None:
    assert our_answer(path) == ask_buildkit(path)


@pytest.mark.engine
def test_buildkit_ends_each_kind_of_instruction_on_the_same_line(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    stages = [f"{piece}\nFROM base AS s{index}\n" for index, piece in enumerate(PIECES)]
    path.write_text(STAGED + "".join(stages), encoding="utf-8")
    assert our_answer(path) == ask_buildkit(path)

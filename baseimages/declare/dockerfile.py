"""Reads a Dockerfile far enough for lint, plans and provenance.

Stages with their header comments, instructions with their lines, flags, the comment above them and
their heredocs. Rules of the syntax: https://docs.docker.com/reference/dockerfile/ and, where that
page is silent, BuildKit's frontend/dockerfile/parser.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from baseimages.declare.names import quote_word, suggest_name
from baseimages.errors import DeclarationError

HEADER_FIELDS = ("Stage name", "Purpose", "Inputs", "Outputs", "Why", "Risks")
HEREDOC_KEYWORDS = frozenset({"ADD", "COPY", "ONBUILD", "RUN"})
KEYWORDS = HEREDOC_KEYWORDS | {
    *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}

_CONTINUED = re.compile(r"(?<!\\)\\[ \t]*$")
_ESCAPE_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*[^\s\\]", re.IGNORECASE)
_FIELD = re.compile(rf"({'|'.join(HEADER_FIELDS)}):\s*(.*)")
_FLAG = re.compile(r"""\s*(--[a-z][a-z-]*(?:=(?:"[^"]*"|'[^']*'|[^\s"'])*)?)(?=\s|$)""")
_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\]|["'\\])+""")
_HEREDOC = re.compile(r"\d*<<(-?)([^<\s]+)")
_VARIABLE = re.compile(r"\\\$|\$(?:\{(?P<braced>\w+)(?:(?P<test>:?[-+])(?P<word>[^}]*))?\}|(?P<plain>\w+))")

# What BuildKit itself sets of the builder that most of our users have; a given value comes first.
BUILDER = {"BUILDARCH": "amd64"}


@dataclass(frozen=True, kw_only=True)
class _Heredoc:
    marker: str
    strips_tabs: bool


@dataclass(frozen=True, kw_only=True)
class GlobalArg:
    """An ARG before the first FROM; `value` as written without quotes, None without default."""

    name: str
    value: str | None
    line: int


@dataclass(frozen=True, kw_only=True)
class HeaderField:
    """One field of a stage's header; continuation lines are joined with a space."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction.

    `text` is what follows keyword and flags, continued lines joined as BuildKit joins them, then
    each heredoc with its end marker on lines of its own. `comment_above` is the comment that
    touches the instruction, without its `#`. Lines count from 1, both ends included.
    """

    keyword: str
    text: str
    flags: tuple[str, ...]
    comment_above: str
    line_start: int
    line_end: int

    def flag_values(self, name: str) -> tuple[str, ...]:
        """Every value of a flag: `--mount=X --mount=Y` gives X and Y for `mount`."""
        prefix = f"--{name}="
        return tuple(flag.removeprefix(prefix) for flag in self.flags if flag.startswith(prefix))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A FROM with all that follows it; `name` is empty for a stage without AS.

    `base` is as written, variables included. `instructions` does not hold the FROM itself.
    """

    name: str
    base: str
    flags: tuple[str, ...]
    header: tuple[HeaderField, ...]
    line: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A parsed Dockerfile."""

    path: Path
    args: tuple[GlobalArg, ...]
    stages: tuple[Stage, ...]

    @property
    def arg_names(self) -> frozenset[str]:
        """Every build argument that it declares, before the first stage or in one."""
        inner = (
            name
            for stage in self.stages
            for instruction in stage.instructions
            if instruction.keyword == "ARG"
            for name, _ in _split_args(instruction, self.path)
        )
        return frozenset((*(arg.name for arg in self.args), *inner))

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """Values of the global ARGs: given ones (`--build-arg`), else defaults, expanded."""
        values = {**BUILDER, **given}
        for arg in self.args:
            if arg.name not in values and arg.value is not None:
                values[arg.name] = expand(arg.value, values)
        return values

    def stages_of(self, target: str, given: Mapping[str, str]) -> tuple[Stage, ...]:
        """The stages that BuildKit visits for a target under these build arguments, in file order.

        A name that is no earlier stage is an image, and none of our concern. Raises
        DeclarationError for an unknown target.
        """
        values, indexes = self.values(given), self._indexes()
        if target.lower() not in indexes:
            raise DeclarationError(
                f"{self.path} has no stage {quote_word(target)}",
                next_step=suggest_name(target, (stage.name for stage in self.stages if stage.name)),
            )
        needed: set[int] = set()
        todo = [indexes[target.lower()]]
        while todo:
            index = todo.pop()
            needed.add(index)
            sources = (indexes.get(name, index) for name in _sources(self.stages[index], values))
            todo += [source for source in sources if source < index and source not in needed]
        return tuple(self.stages[index] for index in sorted(needed))

    def _indexes(self) -> dict[str, int]:
        """Stages by number and, in any case of letters, by name."""
        numbers = {str(index): index for index in range(len(self.stages))}
        return numbers | {stage.name.lower(): index for index, stage in enumerate(self.stages)}


def load_dockerfile(path: Path) -> Dockerfile:
    """Read and parse a Dockerfile. Raises DeclarationError with file and line."""
    try:
        return parse_dockerfile(path.read_text(encoding="utf-8-sig"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(
            f"{path} cannot be read: {error}",
            next_step="add the Dockerfile, or mend the image's name in images.toml",
        ) from error


def parse_dockerfile(text: str, path: Path) -> Dockerfile:
    """Parse a Dockerfile; `path` is for messages. Raises DeclarationError with file and line."""
    args: list[GlobalArg] = []
    stages: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in _read_instructions(text, path):
        if instruction.keyword == "FROM":
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif instruction.keyword == "ARG":
            line = instruction.line_start
            pairs = _split_args(instruction, path)
            args += [GlobalArg(name=name, value=value, line=line) for name, value in pairs]
        else:
            what = f"{instruction.keyword} before the first FROM"
            raise _error(path, instruction.line_start, what)
    if not stages:
        raise _error(path, 1, "no FROM")
    made = tuple(_make_stage(start, tuple(rest), path) for start, rest in stages)
    return Dockerfile(path=path, args=tuple(args), stages=made)


def expand(text: str, args: Mapping[str, str]) -> str:
    """Replace `$x`, `${x}`, `${x:-word}` and `${x:+word}` (unnested); an unknown one is empty."""

    def replace(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name is None:
            return "$"
        value, test, word = args.get(name), match["test"] or "", match["word"] or ""
        is_set = bool(value) if test.startswith(":") else value is not None
        if test.endswith("+"):
            return word if is_set else ""
        return (value or "") if is_set else word

    return _VARIABLE.sub(replace, text)


def _sources(stage: Stage, values: Mapping[str, str]) -> Iterator[str]:
    # BuildKit expands variables in FROM and in no `from=`.
    yield expand(stage.base, values).lower()
    for instruction in stage.instructions:
        for mount in instruction.flag_values("mount"):
            options = dict(part.partition("=")[::2] for part in mount.split(","))
            yield options.get("from", "").lower()
        for name in instruction.flag_values("from"):
            yield name.lower()


def _read_instructions(text: str, path: Path) -> Iterator[Instruction]:
    lines = [line.rstrip("\r") for line in text.split("\n")]
    comments: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if _ESCAPE_DIRECTIVE.match(line) and index == len(comments):
            raise _error(path, index + 1, "another escape character is not supported")
        if line.startswith("#"):
            comments.append(line[1:].removeprefix(" ").rstrip())
            index += 1
        elif not line:
            comments = []
            index += 1
        else:
            instruction = _read_one(lines, index, "\n".join(comments), path)
            yield instruction
            comments = []
            index = instruction.line_end


def _read_one(lines: list[str], start: int, comment_above: str, path: Path) -> Instruction:
    joined, end = _join_continued(lines, start)
    keyword = joined.split(maxsplit=1)[0]
    if keyword.upper() not in KEYWORDS:
        raise _error(path, start + 1, f"unknown instruction {quote_word(keyword)}")
    flags, text = _split_flags(joined.strip().removeprefix(keyword))
    if keyword.upper() in HEREDOC_KEYWORDS:
        for heredoc in _heredocs(text):
            body = _read_heredoc(lines[end:], heredoc)
            if body is None:
                marker = quote_word(heredoc.marker)
                raise _error(path, start + 1, f"heredoc {marker} has no end")
            text = "\n".join((text, *body))
            end += len(body)
    return Instruction(
        keyword=keyword.upper(),
        text=text,
        flags=flags,
        comment_above=comment_above,
        line_start=start + 1,
        line_end=end,
    )


def _join_continued(lines: list[str], start: int) -> tuple[str, int]:
    joined, index = "", start
    while index < len(lines):
        line = lines[index]
        index += 1
        # Comments and empty lines inside a continued instruction are no part of it.
        if index - 1 > start and (not line.strip() or line.lstrip().startswith("#")):
            continue
        joined += _CONTINUED.sub("", line)
        if not _CONTINUED.search(line):
            break
    return joined, index


def _split_flags(text: str) -> tuple[tuple[str, ...], str]:
    flags: list[str] = []
    while match := _FLAG.match(text):
        flags.append(match[1])
        text = text[match.end() :]
    return tuple(flags), text.strip()


def _heredocs(text: str) -> list[_Heredoc]:
    matches = filter(None, (_HEREDOC.fullmatch(word) for word in _WORD.findall(text)))
    return [_Heredoc(marker=re.sub("[\"']", "", match[2]), strips_tabs=bool(match[1])) for match in matches]


def _read_heredoc(lines: list[str], heredoc: _Heredoc) -> list[str] | None:
    for index, line in enumerate(lines):
        if (line.lstrip("\t") if heredoc.strips_tabs else line) == heredoc.marker:
            return lines[: index + 1]
    return None


def _split_args(instruction: Instruction, path: Path) -> list[tuple[str, str | None]]:
    try:
        words = shlex.split(instruction.text)
    except ValueError as error:
        raise _error(path, instruction.line_start, f"ARG: {error}") from error
    pairs = (word.partition("=") for word in words)
    return [(name, value if equals else None) for name, equals, value in pairs]


def _make_stage(start: Instruction, rest: tuple[Instruction, ...], path: Path) -> Stage:
    words = start.text.split()
    if len(words) != 1 and not (len(words) == 3 and words[1].upper() == "AS"):
        raise _error(path, start.line_start, "FROM is not `FROM image` or `FROM image AS name`")
    return Stage(
        name=words[2] if len(words) == 3 else "",
        base=words[0],
        flags=start.flags,
        header=tuple(_read_header(start)),
        line=start.line_start,
        instructions=rest,
    )


def _read_header(start: Instruction) -> Iterator[HeaderField]:
    lines = start.comment_above.split("\n")
    field: HeaderField | None = None
    for line, text in enumerate(lines, start.line_start - len(lines)):
        match = _FIELD.fullmatch(text.strip())
        if match:
            if field:
                yield field
            field = HeaderField(name=match[1], text=match[2], line=line)
        elif field:
            joined = f"{field.text} {text.strip()}".strip()
            field = HeaderField(name=field.name, text=joined, line=field.line)
    if field:
        yield field


def _error(path: Path, line: int, what: str) -> DeclarationError:
    return DeclarationError(f"{path}:{line}: {what}", next_step="mend that line of the Dockerfile")

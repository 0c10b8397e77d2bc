"""Dockerfiles, parsed far enough to lint them and to join build steps to their lines.

Follows the Dockerfile reference: line continuations, comments inside them, heredocs (also `<<-`,
quoted, several in one instruction), flags, global ARGs before the first FROM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from baseimages.errors import DeclarationError

HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\2")
HEADER = re.compile(r"^(Stage name|Purpose|Inputs|Outputs|Why|Risks):\s*(.*)$")
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction: `text` has its arguments and heredocs, lines count from 1."""

    keyword: str
    text: str
    line_start: int
    line_end: int
    comment: tuple[str, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """The `--name=value` words before the arguments."""
        words = self.text.replace("\\\n", " ").split()
        count = next((i for i, word in enumerate(words) if not word.startswith("--")), len(words))
        return tuple(words[:count])


@dataclass(frozen=True, kw_only=True)
class HeaderField:
    """One field of a stage header; `text` includes its continuation lines."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class GlobalArg:
    """An ARG before the first FROM; `value` is None without a default."""

    name: str
    value: str | None
    line: int


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A FROM and what follows it; `base` is unexpanded."""

    name: str
    base: str
    line: int
    header: tuple[HeaderField, ...]
    instructions: tuple[Instruction, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A parsed file."""

    path: str
    args: tuple[GlobalArg, ...]
    stages: tuple[Stage, ...]

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """Every global ARG with the given values over the defaults, variables expanded."""
        values: dict[str, str] = {}
        for arg in self.args:
            values[arg.name] = given.get(arg.name, expand(arg.value or "", values))
        return values

    def stages_of(self, target: str, given: Mapping[str, str]) -> tuple[Stage, ...]:
        """The stages that `target` needs, in file order. Raises DeclarationError."""
        values, by_name = self.values(given), {stage.name: stage for stage in self.stages}
        if target not in by_name:
            raise DeclarationError(
                f"{self.path} has no stage {target!r}", next_step="name one of its stages"
            )
        needed, todo = set(), [target]
        while todo:
            name = todo.pop()
            if name in needed or name not in by_name:
                continue
            needed.add(name)
            todo.extend(_sources(by_name[name], values))
        return tuple(stage for stage in self.stages if stage.name in needed)


def load_dockerfile(path: Path) -> Dockerfile:
    """Read and parse. Raises DeclarationError."""
    try:
        return parse_dockerfile(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise DeclarationError(f"{path}: {error.strerror}", next_step="add the Dockerfile") from error


def parse_dockerfile(text: str, path: str) -> Dockerfile:
    """Parse text. Raises DeclarationError for a heredoc that never ends."""
    args: list[GlobalArg] = []
    stages: list[tuple[Instruction, list[Instruction]]] = []
    for item in _instructions(text.splitlines(), path):
        if item.keyword == "FROM":
            stages.append((item, []))
        elif stages:
            stages[-1][1].append(item)
        elif item.keyword == "ARG":
            args.extend(_global_args(item))
    return Dockerfile(path=path, args=tuple(args), stages=tuple(_stage(*pair) for pair in stages))


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$NAME`, `${NAME}` and `${NAME:-default}`."""
    return VARIABLE.sub(
        lambda m: values.get(m[1] or m[3] or "", "") or m[2] or "", text
    )


def _instructions(lines: list[str], path: str) -> Iterator[Instruction]:
    comment: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if not line or line.startswith("#"):
            comment = [*comment, line.removeprefix("#")] if line else []
            index += 1
            continue
        end = _end_of(lines, index, path)
        keyword, _, rest = "\n".join(lines[index:end]).strip().partition(" ")
        yield Instruction(
            keyword=keyword.upper(),
            text=rest,
            line_start=index + 1,
            line_end=end,
            comment=tuple(comment),
        )
        comment, index = [], end


def _end_of(lines: list[str], start: int, path: str) -> int:
    """Index after the last line of the instruction that begins at `start`."""
    end = start
    logical: list[str] = []
    while end < len(lines):
        line = lines[end]
        end += 1
        if line.lstrip().startswith("#") and logical:
            continue
        logical.append(line)
        if not line.rstrip().endswith("\\"):
            break
    keyword = lines[start].split(None, 1)[0].upper()
    if keyword not in {"RUN", "COPY", "ADD"}:
        return end
    for dash, _, word in HEREDOC.findall("\n".join(logical)):
        end = _end_of_heredoc(lines, end, word, bool(dash), f"{path}:{start + 1}")
    return end


def _end_of_heredoc(lines: list[str], start: int, word: str, dash: bool, place: str) -> int:
    for index in range(start, len(lines)):
        line = lines[index].lstrip("\t") if dash else lines[index]
        if line == word:
            return index + 1
    raise DeclarationError(f"{place}: heredoc {word} never ends", next_step=f"add a line {word}")


def _global_args(item: Instruction) -> Iterator[GlobalArg]:
    for word in item.text.split():
        name, sign, value = word.partition("=")
        yield GlobalArg(name=name, value=value.strip("\"'") if sign else None, line=item.line_start)


def _stage(start: Instruction, body: list[Instruction]) -> Stage:
    words = [word for word in start.text.split() if not word.startswith("--")]
    named = len(words) == 3 and words[1].upper() == "AS"
    return Stage(
        name=words[2] if named else "",
        base=words[0] if words else "",
        line=start.line_start,
        header=_header(start),
        instructions=tuple(body),
    )


def _header(start: Instruction) -> tuple[HeaderField, ...]:
    fields: list[HeaderField] = []
    first = start.line_start - len(start.comment)
    for offset, line in enumerate(start.comment):
        match = HEADER.match(line.strip())
        if match:
            fields.append(HeaderField(name=match[1], text=match[2], line=first + offset))
        elif fields:
            last = fields[-1]
            text = f"{last.text} {line.strip()}".strip()
            fields[-1] = HeaderField(name=last.name, text=text, line=last.line)
    return tuple(fields)


def _sources(stage: Stage, values: Mapping[str, str]) -> Iterator[str]:
    yield expand(stage.base, values)
    for item in stage.instructions:
        for flag in item.flags:
            for part in flag.removeprefix("--mount=").removeprefix("--").split(","):
                if part.startswith("from="):
                    yield expand(part.removeprefix("from="), values)

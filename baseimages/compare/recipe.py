"""What an image was built from, read at its revision: how much there is to read, and what it locks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from baseimages.build import BuildRecord
from baseimages.declare import History, Platform, list_inputs, parse_dockerfile
from baseimages.declare.locks import parse_versions
from baseimages.plan import platform_args

LOCKS = "*/requirements*.txt"
# Declared for the whole family: no part of one image's recipe.
SHARED = ("images.toml", ".dockerignore")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The inputs of one target. `locked` are Python distributions and their versions."""

    lines: int
    locked: Mapping[str, str]


def read_recipe(history: History, build: BuildRecord) -> Recipe | None:
    """The recipe of a build at its revision; None where git does not have that."""
    path = f"{build.image_name}/Dockerfile"
    text = history.read(build.revision, path)
    if text is None:
        return None
    dockerfile = parse_dockerfile(text, Path(path))
    target, host = Platform(build.platform), Platform.of_machine(build.engine.architecture)
    given = build.build_args | platform_args("TARGET", target) | platform_args("BUILD", host)
    inputs = list_inputs(dockerfile, dockerfile.stages_of(build.target, given), given, path=path)
    own = [name for name in inputs if name not in SHARED]
    texts = {
        name: history.read(build.revision, name) or "" for name in history.list_files(build.revision, *own)
    }
    locks = {name: text for name, text in texts.items() if fnmatchcase(name, LOCKS)}
    return Recipe(
        lines=sum(_count_lines(text) for name, text in texts.items() if name not in locks),
        locked={key: value for text in locks.values() for key, value in parse_versions(text).items()},
    )


def _count_lines(text: str) -> int:
    lines = (line.strip() for line in text.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)

"""A copy of what a build reads, with the edits of a scenario in it."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from baseimages.declare import NEW_WORD, Edit, Instruction, load_dockerfile
from baseimages.errors import MeasurementError
from baseimages.measure.scenario import Scenario
from baseimages.plan import BuildPlan

IGNORED = ".dockerignore"
# What is unknown stays as it is written: it may stand for anything.
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def edit_plan(plan: BuildPlan, scenario: Scenario, folder: Path, word: str) -> BuildPlan:
    """The plan over a copy of its context in `folder`, which is made, edited with `word` as new word.

    Without edits the plan itself. Raises MeasurementError for an edit that finds no place.
    """
    if not scenario.edits:
        return plan
    copied = copy_context(plan, folder, [edit.file for edit in scenario.edits])
    for edit in scenario.edits:
        text = edit_text(plan, folder, edit, word)
        (folder / edit.file).write_text(text, encoding="utf-8")
    return copied


def copy_context(plan: BuildPlan, folder: Path, edited: Sequence[str]) -> BuildPlan:
    """The plan over a copy, in `folder`, of what the build reads and of the files to be edited."""
    for name in _list_parts(plan, edited):
        source, target = plan.root / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return dataclasses.replace(plan, root=folder)


def check_edits(plan: BuildPlan, scenario: Scenario) -> str:
    """Why the scenario cannot be run on this plan, empty when each of its edits finds its place."""
    try:
        for edit in scenario.edits:
            edit_text(plan, plan.root, edit, "")
    except MeasurementError as error:
        return error.message
    return ""


def edit_text(plan: BuildPlan, root: Path, edit: Edit, word: str) -> str:
    """The edited file's new text. Raises MeasurementError."""
    next_step = f"declare where {plan.image_name} has it: scenarios of images.toml"
    try:
        text = (root / edit.file).read_text(encoding="utf-8")
    except OSError as error:
        cause = f"{plan.image_name} has no {edit.file} to edit"
        raise MeasurementError(cause, next_step=next_step) from error
    new = edit.text.replace(NEW_WORD, word)
    if edit.pattern is None:
        return f"{text}{new}\n"
    text, found = re.subn(edit.pattern, new, text, count=1, flags=re.MULTILINE)
    if not found:
        raise MeasurementError(f"the pattern of the edit is nowhere in {edit.file}", next_step=next_step)
    return text


def _list_parts(plan: BuildPlan, edited: Sequence[str]) -> list[str]:
    """What is copied: the Dockerfile's folder, the edited files, and all that the build may read."""
    named = [*_list_sources(plan), *edited]
    folders = {(PurePosixPath(name).parts or (".",))[0] for name in named}
    # A dot, a variable or a wildcard may stand for anything: then all that is not hidden is copied.
    if any(name == "." or set(name) & set("$*?[") for name in folders):
        folders = {path.name for path in plan.root.iterdir() if not path.name.startswith(".")}
    return sorted({*folders, str(PurePosixPath(plan.dockerfile).parent), IGNORED} - {"."})


def _list_sources(plan: BuildPlan) -> Iterator[str]:
    dockerfile = load_dockerfile(plan.root / plan.dockerfile)
    values = dockerfile.values(dict(plan.build_args))
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            for source in (*_bind_sources(instruction), *_copy_sources(instruction)):
                known = _VARIABLE.sub(lambda match: values.get(match[1], match[0]), source)
                if "://" not in known:
                    yield known.lstrip("/") or "."


def _bind_sources(instruction: Instruction) -> Iterator[str]:
    for mount in instruction.flag_values("mount"):
        options = dict(part.partition("=")[::2] for part in mount.split(","))
        if options.get("type") == "bind" and "from" not in options:
            yield options.get("source", ".")


def _copy_sources(instruction: Instruction) -> Iterator[str]:
    if instruction.keyword not in ("ADD", "COPY") or instruction.flag_values("from"):
        return
    words = shlex.split(instruction.text.partition("\n")[0])
    yield from (word for word in words[:-1] if not word.startswith("<<"))

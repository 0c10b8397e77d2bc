"""The direction of the design, read from the imports themselves."""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from baseimages import errors
from tests.conftest import ROOT

PACKAGE = ROOT / "baseimages"
LEAVES = {"command", "errors", "records"}
FLOW = ["declare", "plan", "build", "inspect", "measure", "compare", "report"]
# Beside the flow: what each of these rooms may import, and who may import it.
BESIDE = {"host": {"declare"}, "lint": {"declare", "host"}, "compat": {"declare", "report"}}
BESIDE["rederive"] = {"declare", "inspect", "measure", "compare", "report"}
# At the top, left to right: what a person chose, what is measured beside what, the verb that takes
# several rooms, all verbs: those that act on an image, the one that audits it, those that judge evidence.
TOP = ["selection", "arms", "without_base", "verbs", "measuring", "auditing", "evidence"]
USERS_OF_HOST = {"build", "inspect", "measure", "lint"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        yield relative.parts[0].removesuffix(".py"), path


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module == "baseimages":
                names.update(f"baseimages.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("baseimages.")}


def allowed_rooms(room: str) -> set[str]:
    if room in LEAVES:
        return LEAVES
    if room in TOP:
        return LEAVES | BESIDE.keys() | set(FLOW) | set(TOP[: TOP.index(room) + 1])
    if room in BESIDE:
        return LEAVES | BESIDE[room] | {room}
    left = set(FLOW[: FLOW.index(room) + 1]) if room in FLOW else set()
    return LEAVES | left | ({"host"} if room in USERS_OF_HOST else set())


def test_rooms_import_only_from_rooms_to_their_left() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {other}"
        for room, path in modules()
        if room != "__init__"
        for other in imported_rooms(path) - allowed_rooms(room)
    }
    assert not wrong


def test_only_the_one_door_imports_subprocess() -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for _, path in modules()
        if re.search(r"^\s*(import|from) subprocess\b", path.read_text(encoding="utf-8"), re.M)
    }
    assert users == {"command.py"}


def test_every_room_says_what_enters_and_what_leaves() -> None:
    for room in {room for room, path in modules() if path.parent != PACKAGE}:
        tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"baseimages/{room}/__init__.py has no docstring"


def test_modules_stay_under_400_lines() -> None:
    long = [str(path) for _, path in modules() if len(path.read_text().splitlines()) >= 400]
    assert not long


def error_classes() -> list[type[errors.BaseImagesError]]:
    found = [errors.BaseImagesError]
    for error in found:
        found.extend(error.__subclasses__())
    return [error for error in found if error.__module__ == "baseimages.errors"]


def test_each_error_has_an_exit_code_of_its_own() -> None:
    codes = [error.exit_code for error in error_classes()]
    assert len(codes) == len(set(codes))
    assert not {0, 130, 141, 143} & set(codes)
    assert not set(range(20, 30)) & set(codes), "20 to 29 belong to bootstrap.sh"


def test_the_table_in_agents_md_lists_every_exit_code() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.M))
    assert table == {str(error.exit_code): error.__name__ for error in error_classes()}


def test_bootstrap_exit_codes_are_in_the_same_table() -> None:
    script = (ROOT / "bootstrap.sh").read_text(encoding="utf-8")
    declared = set(re.findall(r"^readonly EXIT_\w+=(\d+)", script, re.M))
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    assert declared
    assert declared == set(re.findall(r"^\| (2\d) \| bootstrap.sh \|", text, re.M))


def test_pytest_looks_into_every_folder_of_tests(pytestconfig: pytest.Config) -> None:
    passed_over = pytestconfig.getini("norecursedirs")
    folders = {path.parent.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert "build" in folders
    assert [name for name in folders if any(fnmatch.fnmatch(name, word) for word in passed_over)] == []

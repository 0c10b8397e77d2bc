"""Locks: every pin with its hash, no address in it, families share what they agree on."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from baseimages.declare import load_family
from baseimages.declare.locks import parse_lock, parse_versions, run_locks, split_shared
from baseimages.errors import CommandError
from tests.conftest import ROOT, FakeRunner

LOCKS = sorted([*ROOT.glob("*/requirements*.txt"), ROOT / "tools" / "environment.txt"])
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
ONE = "a==1 \\\n    --hash=sha256:aa\n"
TWO = "b==2 \\\n    --hash=sha256:bb\n"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_pin_of_a_committed_lock_is_exact_and_has_a_hash(path: Path) -> None:
    blocks = parse_lock(path.read_text(encoding="utf-8"))
    assert blocks
    assert [name for name, block in blocks.items() if not HASH.search(block)] == []
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^[\w.-]+\s*(>=|~=|<|@)", text, re.M)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_committed_lock_names_its_maker_and_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Made by `nox -s lock` from ")
    assert "://" not in text
    assert "--index" not in text


def test_shared_and_own_locks_of_an_image_name_nothing_twice() -> None:
    for image in load_family(ROOT / "images.toml").images.values():
        folder = ROOT / image.name
        shared = parse_versions((folder / "requirements.txt").read_text(encoding="utf-8")).keys()
        for base in image.bases:
            own = parse_versions((folder / f"requirements-{base}.txt").read_text(encoding="utf-8")).keys()
            assert not shared & own


def test_what_all_families_agree_on_is_shared_and_the_rest_stays_their_own() -> None:
    shared, own = split_shared({"x": ONE + TWO, "y": ONE + TWO.replace("==2", "==3")})
    assert shared == ONE
    assert own == {"x": TWO, "y": TWO.replace("==2", "==3")}


def test_a_comment_does_not_split_what_is_the_same() -> None:
    shared, own = split_shared({"x": ONE + "    # via one\n", "y": ONE + "    # via two\n"})
    assert parse_versions(shared) == {"a": "1"}
    assert own == {"x": "", "y": ""}


def test_another_hash_of_the_same_version_is_not_the_same() -> None:
    shared, own = split_shared({"x": ONE, "y": ONE.replace("aa", "cc")})
    assert shared == ""
    assert own["y"] != own["x"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "base_edge_node_amd64_cpu"
    folder.mkdir()
    (tmp_path / "tools").mkdir()
    for name in ("core", "torch", "ubuntu-24.04", "debian-13"):
        (folder / f"requirements-{name}.in").write_text("a\n")
    (folder / "requirements.in").write_text("a\n")
    (folder / "requirements-torch.txt").write_text("torch==1 \\\n    --hash=sha256:00\n")
    return tmp_path


def answer(runner: FakeRunner, text: str) -> None:
    runner.script(sys.executable, "-m", "uv", "pip", "compile", stdout=text)


def test_a_dry_run_resolves_tells_and_writes_nothing(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    told = run_locks(checkout, load_family(ROOT / "images.toml"), runner, dry_run=True)
    assert "tools/environment.txt: 1 pins, would be written" in told
    assert "  a: absent -> 1" in told
    assert not (checkout / "tools" / "environment.txt").exists()


def test_every_resolution_asks_for_hashes_and_for_no_address(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    assert len(runner.calls) == 5
    assert all({"--generate-hashes", "--no-emit-index-url"} <= set(call) for call in runner.calls)
    assert (checkout / "tools" / "environment.txt").read_text().endswith(ONE)


def test_a_second_run_finds_nothing_to_write(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    again = run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    assert "written" not in again
    assert again.count("unchanged") == 6


def test_where_torchs_index_does_not_answer_its_lock_stays(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    unreachable = CommandError("uv failed", next_step="", tail="error: Failed to fetch: `x`")
    words = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "requirements-torch.in")
    runner.script(*words, error=unreachable)
    told = run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    assert "requirements-torch.txt: kept as it is" in told
    assert "torch==1" in (checkout / "base_edge_node_amd64_cpu" / "requirements-torch.txt").read_text()


def test_a_resolution_that_does_not_exist_is_an_error(checkout: Path, runner: FakeRunner) -> None:
    impossible = CommandError("uv failed", next_step="", tail="No solution found")
    runner.script(sys.executable, error=impossible)
    with pytest.raises(CommandError):
        run_locks(checkout, load_family(ROOT / "images.toml"), runner)

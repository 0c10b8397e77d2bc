"""Locks: every pin with its hash, no address in it, families share what they agree on."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from baseimages.declare import Platform, load_family
from baseimages.declare.locks import (
    OWN_PARTS,
    parse_lock,
    parse_versions,
    run_locks,
    split_shared,
    wheel_platform,
)
from baseimages.errors import CommandError
from tests.conftest import ROOT, FakeRunner

LOCKS = sorted([*ROOT.glob("*/requirements*.txt"), ROOT / "tools" / "environment.txt"])
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
LINE = re.compile(
    r"|\s*#.*"
    r"|[A-Za-z0-9][\w.-]*==[\w.+!]+( ; [\w ='\"<>.!()]+)? \\"
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
)
ONE = "a==1 \\\n    --hash=sha256:aa\n"
TWO = "b==2 \\\n    --hash=sha256:bb\n"


@pytest.fixture(params=LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def lock(request: pytest.FixtureRequest) -> str:
    """The text of each committed lock."""
    return request.param.read_text(encoding="utf-8")


def test_each_pin_of_a_committed_lock_has_a_hash(lock: str) -> None:
    assert [name for name, block in parse_lock(lock).items() if not HASH.search(block)] == []


def test_each_line_of_a_committed_lock_is_an_exact_pin_a_hash_or_a_comment(lock: str) -> None:
    others = [line for line in lock.splitlines() if not LINE.fullmatch(line)]
    assert others == []


def test_a_committed_lock_names_its_maker(lock: str) -> None:
    assert lock.startswith("# Made by `nox -s lock` from ")


def test_a_committed_lock_names_no_address_and_no_place_of_a_machine(lock: str) -> None:
    assert "://" not in lock
    assert "--index" not in lock
    assert not re.search(r"(^|\s)(-e\b|file:|[~.]{0,2}/)", lock, re.M)


def test_a_committed_lock_names_no_distribution_twice_for_one_environment(lock: str) -> None:
    pins = [re.sub(r"[-_.]+", "-", line.lower()) for line in re.findall(r"^[\w.-]+==.*$", lock, re.M)]
    keys = [(pin.partition("==")[0], pin.partition(";")[2]) for pin in pins]
    assert len(keys) == len(set(keys))


def test_what_has_an_index_of_its_own_is_locked_apart_from_the_wheels() -> None:
    for image in load_family(ROOT / "images.toml").images.values():
        folder = ROOT / image.name
        wheels = names_in(folder, "requirements.txt", *(f"requirements-{p}.txt" for p in image.lock_parts))
        for part in OWN_PARTS:
            if (folder / f"requirements-{part}.in").exists():
                assert not wheels & names_in(folder, f"requirements-{part}.in"), (image.name, part)


def names_in(folder: Path, *names: str) -> set[str]:
    """Distributions that requirement files ask for, or locks pin."""
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    return set(re.findall(r"^([a-z0-9][a-z0-9.-]*)", text, re.M))


# NVIDIA's index could not be asked for the hash of its 3 GB: install_tensorrt.py refuses without it.
WITHOUT_HASH = {"tensorrt-cu12-libs"}


@pytest.mark.parametrize("part", ["core", *OWN_PARTS])
def test_what_a_part_asks_for_is_in_its_lock(part: str) -> None:
    folders = [path.parent for path in ROOT.glob(f"*/requirements-{part}.in")]
    assert folders
    for folder in folders:
        asked = names_in(folder, f"requirements-{part}.in")
        assert asked - WITHOUT_HASH <= names_in(folder, f"requirements-{part}.txt")


def test_what_a_part_asks_for_is_in_the_shared_lock_or_in_its_own() -> None:
    for image in load_family(ROOT / "images.toml").images.values():
        for part in image.lock_parts:
            asked = names_in(ROOT / image.name, "requirements.in", f"requirements-{part}.in")
            locked = names_in(ROOT / image.name, "requirements.txt", f"requirements-{part}.txt")
            assert sorted(asked - locked) == [], part


def test_shared_and_own_locks_of_an_image_name_nothing_twice() -> None:
    for image in load_family(ROOT / "images.toml").images.values():
        folder = ROOT / image.name
        shared = parse_versions((folder / "requirements.txt").read_text(encoding="utf-8")).keys()
        for part in image.lock_parts:
            own = parse_versions((folder / f"requirements-{part}.txt").read_text(encoding="utf-8")).keys()
            assert not shared & own


def test_what_all_families_agree_on_is_shared_and_the_rest_stays_their_own() -> None:
    shared, own = split_shared({"x": ONE + TWO, "y": ONE + TWO.replace("==2", "==3")})
    assert shared == ONE
    assert own == {"x": TWO, "y": TWO.replace("==2", "==3")}


def test_a_comment_does_not_split_what_is_the_same() -> None:
    shared, own = split_shared({"x": ONE + "    # via one\n", "y": ONE + "    # via two\n"})
    assert parse_versions(shared) == {"a": "1"}
    assert own == {"x": "", "y": ""}


def test_a_part_that_has_nothing_of_its_own_has_an_empty_lock() -> None:
    assert parse_lock("# Made by `nox -s lock`.\n") == {}
    assert split_shared({"x": ONE, "y": ""}) == ("", {"x": ONE, "y": ""})


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


def call_for(runner: FakeRunner, word: str) -> tuple[str, ...]:
    """The one call of uv with that word."""
    (call,) = [call for call in runner.calls if word in call]
    return call


def test_tools_are_resolved_for_every_system_and_the_oldest_python(
    checkout: Path, runner: FakeRunner
) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    call = call_for(runner, "pyproject.toml")
    assert "--universal" in call
    assert call[call.index("--python-version") + 1] == "3.11"
    assert [call[i + 1] for i, word in enumerate(call) if word == "--group"] == ["test", "lint"]


def test_wheels_are_resolved_once_for_each_family_and_without_torch(
    checkout: Path, runner: FakeRunner
) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    for base in ("ubuntu-24.04", "debian-13"):
        call = call_for(runner, f"requirements-{base}.in")
        assert "requirements.in" in call
        assert call[call.index("--excludes") + 1] == "requirements-torch.in"


def test_what_an_image_gets_is_resolved_for_the_image_and_not_for_this_machine(
    checkout: Path, runner: FakeRunner
) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    for_images = [call for call in runner.calls if "pyproject.toml" not in call]
    assert len(for_images) == 4
    for call in for_images:
        assert call[call.index("--python-version") + 1] == "3.13"
        assert call[call.index("--python-platform") + 1].startswith("x86_64-manylinux")
        assert call[call.index("--only-binary") + 1] == ":all:"


def test_torch_alone_comes_from_its_own_index(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    with_index = [call for call in runner.calls if "--default-index" in call]
    assert with_index == [call for call in runner.calls if call[6] == "requirements-torch.in"]
    assert "--no-deps" in with_index[0]


def test_a_written_lock_names_what_made_it_and_from_what(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    text = (checkout / "base_edge_node_amd64_cpu" / "requirements-core.txt").read_text()
    header = "# Made by `nox -s lock` from requirements-core.in; do not edit.\n"
    assert text == header + ONE


def test_a_pin_that_moves_or_goes_is_told(checkout: Path, runner: FakeRunner) -> None:
    (checkout / "tools" / "environment.txt").write_text(ONE + TWO)
    answer(runner, ONE.replace("==1", "==1.1"))
    told = run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    assert "  a: 1 -> 1.1\n  b: 2 -> absent\n" in told


def test_where_one_resolution_fails_no_lock_is_written(checkout: Path, runner: FakeRunner) -> None:
    answer(runner, ONE)
    words = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "requirements.in")
    runner.script(*words, error=CommandError("uv failed", next_step="", tail="No solution found"))
    with pytest.raises(CommandError):
        run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    assert not (checkout / "tools" / "environment.txt").exists()


def test_an_impossible_torch_is_an_error_though_its_lock_could_stay(
    checkout: Path, runner: FakeRunner
) -> None:
    answer(runner, ONE)
    words = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "requirements-torch.in")
    runner.script(*words, error=CommandError("uv failed", next_step="", tail="No solution found"))
    with pytest.raises(CommandError, match="uv failed"):
        run_locks(checkout, load_family(ROOT / "images.toml"), runner)


def test_where_torchs_index_does_not_answer_and_no_lock_stands_uvs_error_is_told(
    checkout: Path, runner: FakeRunner
) -> None:
    (checkout / "base_edge_node_amd64_cpu" / "requirements-torch.txt").unlink()
    answer(runner, ONE)
    words = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "requirements-torch.in")
    runner.script(*words, error=CommandError("uv failed", next_step="", tail="error: Failed to fetch: `x`"))
    with pytest.raises(CommandError, match="uv failed"):
        run_locks(checkout, load_family(ROOT / "images.toml"), runner)


def test_wheels_are_resolved_for_the_oldest_c_library_of_an_images_bases(
    checkout: Path, runner: FakeRunner
) -> None:
    answer(runner, ONE)
    run_locks(checkout, load_family(ROOT / "images.toml"), runner)
    call = call_for(runner, "requirements-core.in")
    assert call[call.index("--python-platform") + 1] == "x86_64-manylinux_2_39"


def test_a_c_library_that_is_too_new_for_uv_is_asked_for_as_the_newest_it_knows() -> None:
    assert wheel_platform(Platform.AMD64, "2.41") == "x86_64-manylinux_2_40"
    assert wheel_platform(Platform.ARM64, "2.35") == "aarch64-manylinux_2_35"


BROUGHT = """
[bases.{name}]
reference = "x:1"
digest = "sha256:{zero}"
glibc = "{glibc}"
python = "{python}"
"""
IMAGE_ON_BOTH = """
[images.one]
name = "base_edge_node_amd64_cpu"
environment_version = "1.0.0"
platform = "linux/arm64"
accelerator = "tegra"
targets = ["core"]
default_target = "core"
bases = ["ubuntu-24.04", "debian-13"]
suite = "image_testing/test-one.sh"
tags = ["{target}-{base}"]
"""


@pytest.fixture
def brought(checkout: Path, runner: FakeRunner) -> FakeRunner:
    """Locks of an image whose bases bring a Python each, and packages that stay theirs."""
    text = BROUGHT.format(name='"ubuntu-24.04"', zero="0" * 64, glibc="2.35", python="3.10")
    text += BROUGHT.format(name='"debian-13"', zero="0" * 64, glibc="2.39", python="3.12")
    (checkout / "images.toml").write_text(text + IMAGE_ON_BOTH)
    folder = checkout / "base_edge_node_amd64_cpu"
    (folder / "requirements-torch.in").unlink()
    (folder / "requirements-base.in").write_text("numpy\n")
    answer(runner, ONE)
    run_locks(checkout, load_family(checkout / "images.toml"), runner)
    return runner


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("requirements-core.in", "3.10"),
        ("requirements-ubuntu-24.04.in", "3.10"),
        ("requirements-debian-13.in", "3.12"),
    ],
)
def test_a_part_is_resolved_for_the_python_that_its_base_brings(
    source: str, python: str, brought: FakeRunner
) -> None:
    call = call_for(brought, source)
    assert call[call.index("--python-version") + 1] == python
    assert call[call.index("--python-platform") + 1] == "aarch64-manylinux_2_35"


def test_what_the_base_brings_is_left_out_of_the_wheels_and_has_no_lock(
    brought: FakeRunner, checkout: Path
) -> None:
    for base in ("ubuntu-24.04", "debian-13"):
        call = call_for(brought, f"requirements-{base}.in")
        assert call[call.index("--excludes") + 1] == "requirements-base.in"
    assert not (checkout / "base_edge_node_amd64_cpu" / "requirements-base.txt").exists()

"""Locks of images that share an index: the later ones follow the first, each for its own platform."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from baseimages.declare import Family, Image, TorchIndex, load_family
from baseimages.declare.locks import parse_versions, run_locks
from baseimages.errors import CommandError, UsageError
from tests.conftest import ROOT, FakeRunner

UV = (sys.executable, "-m", "uv", "pip", "compile")
OLD, NEW = ("a==1 \\\n    --hash=sha256:aa\n", "a==2 \\\n    --hash=sha256:bb\n")
IMAGE = {
    "environment_version": "1.0.0",
    "accelerator": "cpu",
    "targets": ["core"],
    "default_target": "core",
    "bases": ["tiny"],
    "suite": "image_testing/test-one.sh",
    "tags": ["{target}-{base}"],
    "index": "both",
}
FAMILY = Family.model_validate(
    {
        "bases": {"tiny": {"reference": "tiny:1", "digest": "sha256:" + "0" * 64, "glibc": "2.39"}},
        "images": {
            "one": {"name": "image_one", "platform": "linux/amd64", **IMAGE},
            "two": {
                "name": "image_two",
                "platform": "linux/arm64",
                "torch_index": "packages",
                **IMAGE,
            },
        },
    }
)
# The last torch that a Raspberry Pi 4 runs: 2.10.0 needs more than its Cortex-A72, and 2.11.0 and
# newer declare CUDA 13, which is 2.8 GB of libraries that no such board can use.
LAST_TORCH_OF_BOARDS = Version("2.9.1")
# nvidia-ml-py asks a driver whether there is a GPU and brings no library.
CUDA = re.compile(r"(?!nvidia-ml-py$)(nvidia-.*|cuda-.*|triton)")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    for name in ("image_one", "image_two"):
        (tmp_path / name).mkdir()
        for part in ("", "-core", "-tiny"):
            (tmp_path / name / f"requirements{part}.in").write_text("a\n")
    return tmp_path


def seeds_of(runner: FakeRunner) -> list[str]:
    """What uv finds in each file that it is to write; it leaves it there."""
    seeds: list[str] = []

    def remember(call: tuple[str, ...]) -> None:
        seeds.extend(Path(word.partition("=")[2]).read_text() for word in call if "--output-file=" in word)

    runner.script(*UV, stdout=NEW, action=remember)
    return seeds


def test_an_image_prefers_what_the_first_of_its_index_got_in_the_same_run(
    checkout: Path, runner: FakeRunner
) -> None:
    seeds = seeds_of(runner)
    run_locks(checkout, FAMILY, runner)
    assert len(seeds) == 2
    assert all(seed.endswith(NEW) for seed in seeds)


def test_alone_it_prefers_the_committed_locks_of_the_first_which_stay(
    checkout: Path, runner: FakeRunner
) -> None:
    lock = checkout / "image_one" / "requirements-core.txt"
    lock.write_text(OLD)
    seeds = seeds_of(runner)
    told = run_locks(checkout, FAMILY, runner, variant="two")
    assert seeds == [OLD]
    assert lock.read_text() == OLD
    assert (checkout / "image_two" / "requirements-core.txt").read_text().endswith(OLD)
    assert "image_one" not in told
    assert "environment" not in told


def test_the_first_image_of_an_index_prefers_nothing(checkout: Path, runner: FakeRunner) -> None:
    seeds = seeds_of(runner)
    run_locks(checkout, FAMILY, runner, variant="one")
    assert seeds == []


def test_an_unknown_variant_is_refused_before_anything_is_asked(checkout: Path, runner: FakeRunner) -> None:
    with pytest.raises(UsageError, match="variant"):
        run_locks(checkout, FAMILY, runner, variant="too")
    assert runner.calls == []


def test_each_image_is_resolved_for_its_own_platform(checkout: Path, runner: FakeRunner) -> None:
    seeds_of(runner)
    run_locks(checkout, FAMILY, runner)
    asked = [
        call[call.index("--python-platform") + 1] for call in runner.calls if "pyproject.toml" not in call
    ]
    assert asked == ["x86_64-manylinux_2_39"] * 2 + ["aarch64-manylinux_2_39"] * 2


def test_a_base_with_a_torch_of_its_own_is_resolved_once_more_for_it(
    checkout: Path, runner: FakeRunner
) -> None:
    image = FAMILY.image("two").model_copy(update={"torch_archives": ("tiny",)})
    family = FAMILY.model_copy(update={"images": {**FAMILY.images, "two": image}})
    for name in ("requirements-tiny-archive.in", "requirements-torch.in"):
        (checkout / "image_two" / name).write_text("a\n")
    seeds_of(runner)
    run_locks(checkout, family, runner, variant="two")
    parts = [call[7] for call in runner.calls if call[6] == "requirements.in"]
    assert parts == ["requirements-tiny.in", "requirements-tiny-archive.in"]
    assert (checkout / "image_two" / "requirements-tiny-archive.txt").exists()


def test_torch_of_the_package_index_is_asked_of_the_index_that_uv_asks_itself(
    checkout: Path, runner: FakeRunner
) -> None:
    (checkout / "image_two" / "requirements-torch.in").write_text("torch==1\n")
    seeds_of(runner)
    run_locks(checkout, FAMILY, runner, variant="two")
    (call,) = [call for call in runner.calls if call[6] == "requirements-torch.in"]
    assert "--no-deps" in call
    assert "--default-index" not in call


def test_where_the_package_index_does_not_answer_torchs_lock_does_not_stay_unseen(
    checkout: Path, runner: FakeRunner
) -> None:
    for end in ("in", "txt"):
        (checkout / "image_two" / f"requirements-torch.{end}").write_text("torch==1\n")
    seeds_of(runner)
    silent = CommandError("uv failed", next_step="", tail="error: Failed to fetch: `x`")
    runner.script(*UV, "--quiet", "requirements-torch.in", error=silent)
    with pytest.raises(CommandError, match="uv failed"):
        run_locks(checkout, FAMILY, runner, variant="two")


FROM_PACKAGE_INDEX = [
    image
    for image in load_family(ROOT / "images.toml").images.values()
    if image.torch_index is TorchIndex.PACKAGES
]


@pytest.mark.parametrize("image", FROM_PACKAGE_INDEX, ids=lambda image: image.name)
def test_an_image_with_torch_of_the_package_index_brings_no_cuda(image: Image) -> None:
    pins: dict[str, str] = {}
    for path in (ROOT / image.name).glob("requirements*.txt"):
        pins |= parse_versions(path.read_text(encoding="utf-8"))
    assert [name for name in pins if CUDA.fullmatch(name)] == []
    assert Version(pins["torch"]) <= LAST_TORCH_OF_BOARDS

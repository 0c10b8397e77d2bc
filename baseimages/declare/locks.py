"""Resolves requirements with uv and writes the locks; `nox -s lock` calls `run_locks`.

Every lock is resolved again from its `.in` file (or pyproject.toml), newest versions first, with a
hash for each file and without any index address. An image's wheels are resolved once per part (a
base family, or a CUDA line), and what all parts agree on goes into one shared lock. An image keeps
the versions of the one that it follows, or of the first of its index, wherever it can have them.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from baseimages.command import Runner
from baseimages.declare.family import Family
from baseimages.declare.image import Image, Platform, TorchIndex
from baseimages.errors import CommandError
from baseimages.records import write_text

DEADLINE_S = 600.0
IMAGE_PYTHON = "3.13"
# The newest that uv has a name for; asking for less refuses at most a wheel for the newest C library.
NEWEST_GLIBC = "2.40"
# Parts that come from an index of their own, and from nowhere else.
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
TENSORRT_INDEX = "https://pypi.nvidia.com"
TORCH_INDEXES = {TorchIndex.PYTORCH: TORCH_INDEX, TorchIndex.PACKAGES: ""}
OWN_PARTS = ("torch", "tensorrt")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>\S+)", re.M)


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """One question to uv: `words` are its arguments, `folder` where they are resolved.

    `preferred` is a lock whose versions are kept wherever they can be had.
    """

    folder: Path
    words: tuple[str, ...]
    preferred: str = ""


@dataclass(frozen=True, kw_only=True)
class LockChange:
    """A lock's new text beside its old one; `kept_because` is set where the old one stays."""

    path: Path
    old: str
    new: str
    kept_because: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageLocks:
    """How the locks of one image are made.

    `platform` is uv's name of it, `preferred` has the locks of the image that it follows, by name,
    `pythons` the Python of each base that brings its own.
    """

    folder: Path
    image: Image
    platform: str
    preferred: Mapping[str, str]
    pythons: Mapping[str, str]

    def ask(self, *words: str, like: str = "", part: str = "") -> Resolution:
        """A question for a part of this image, for the preferred base where none is named.

        `like` names the lock whose versions it prefers.
        """
        python = self.pythons.get(part or self.image.bases[0], IMAGE_PYTHON)
        target = ("--python-version", python, "--python-platform", self.platform)
        return Resolution(
            folder=self.folder,
            words=(*words, *target, "--only-binary", ":all:"),
            preferred=self.preferred.get(like, ""),
        )


def run_locks(
    root: Path, family: Family, runner: Runner, *, variant: str | None = None, dry_run: bool = False
) -> str:
    """Resolve every lock of the checkout, or those of one image; write what changed, and say it.

    With `dry_run` nothing is written. Raises UsageError for an unknown variant, CommandError (uv
    found no resolution), StorageError.
    """
    images = [family.image(variant)] if variant else [*family.images.values()]
    changes = [] if variant else [lock_environment(root, runner)]
    for image in images:
        locks = ImageLocks(
            folder=root / image.name,
            image=image,
            platform=wheel_platform(image.platform, family.oldest_glibc(image)),
            preferred=_read_preferred(root, family, image, changes),
            pythons={name: own for name in image.bases if (own := family.base(name).python)},
        )
        changes += lock_image(locks, runner)
    if not dry_run:
        for change in changes:
            if change.new != change.old:
                write_text(change.path, change.new)
    return "".join(render_change(change, root, dry_run=dry_run) for change in changes)


def lock_environment(root: Path, runner: Runner) -> LockChange:
    """The tool environment, for every system and every Python that pyproject.toml allows."""
    groups = ("--group", "test", "--group", "lint")
    words = ("pyproject.toml", *groups, "--universal", "--python-version", "3.11")
    text = resolve(Resolution(folder=root, words=words), runner)
    return _change(root / "tools/environment.txt", "pyproject.toml", text)


def lock_image(locks: ImageLocks, runner: Runner) -> list[LockChange]:
    """The locks of one image: programs, torch, shared wheels, wheels by part (Image.lock_parts)."""
    folder, changes = locks.folder, []
    if (folder / "requirements-core.in").exists():
        text = resolve(locks.ask("requirements-core.in", like="requirements-core.txt"), runner)
        changes.append(_change(folder / "requirements-core.txt", "requirements-core.in", text))
    for part in OWN_PARTS:
        if (folder / f"requirements-{part}.in").exists():
            changes.append(_lock_from(own_index(part, locks.image), part, locks, runner))
    if (folder / "requirements.in").exists():
        changes += _lock_wheels(locks, runner)
    return changes


def own_index(part: str, image: Image) -> str:
    """The index that a part comes from, and from nowhere else; empty for the one that uv asks itself."""
    return TORCH_INDEXES[image.torch_index] if part == "torch" else TENSORRT_INDEX


def excluded(folder: Path) -> tuple[str, ...]:
    """Options of uv that keep out of the wheels what comes another way: with a lock of its own
    (torch), or with the base."""
    names = ("requirements-torch.in", "requirements-base.in")
    return tuple(word for name in names if (folder / name).exists() for word in ("--excludes", name))


def wheel_platform(platform: Platform, glibc: str) -> str:
    """uv's name for a platform with that C library, such as x86_64-manylinux_2_39."""
    known = min(glibc, NEWEST_GLIBC, key=Version)
    return f"{platform.machine}-manylinux_{known.replace('.', '_')}"


def resolve(resolution: Resolution, runner: Runner) -> str:
    """Ask uv for one resolution; gives its text. Raises CommandError."""
    argv = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", *resolution.words),
        *("--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links"),
    ]
    if not resolution.preferred:
        return runner.run(argv, deadline_s=DEADLINE_S, cwd=resolution.folder).stdout
    with tempfile.TemporaryDirectory() as scratch:
        # uv prefers the versions that stand in the file which it is to write.
        path = Path(scratch) / "lock.txt"
        path.write_text(resolution.preferred, encoding="utf-8")
        argv.append(f"--output-file={path}")
        runner.run(argv, deadline_s=DEADLINE_S, cwd=resolution.folder)
        return path.read_text(encoding="utf-8")


def parse_lock(text: str) -> dict[str, str]:
    """Name -> its block of lines (pin, hashes, comments), in the order of the lock."""
    starts = list(_PIN.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)] * bool(starts)
    return {match["name"]: text[match.start() : end] for match, end in zip(starts, ends, strict=True)}


def parse_versions(text: str) -> dict[str, str]:
    """Name -> version."""
    return {match["name"]: match["version"] for match in _PIN.finditer(text)}


def split_shared(resolved: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What all parts agree on, and for each part what is its own.

    `resolved` is part -> lock text; blocks are compared without their comments.
    """
    blocks = {part: parse_lock(text) for part, text in resolved.items()}
    first = next(iter(blocks.values()))
    shared = {
        name: block
        for name, block in first.items()
        if all(_bare(other.get(name, "")) == _bare(block) for other in blocks.values())
    }
    own = {
        part: "".join(block for name, block in of_part.items() if name not in shared)
        for part, of_part in blocks.items()
    }
    return "".join(shared.values()), own


def render_change(change: LockChange, root: Path, *, dry_run: bool) -> str:
    """One line for the lock and one for each pin that moves."""
    name = change.path.relative_to(root)
    if change.kept_because:
        return f"{name}: kept as it is, {change.kept_because}\n"
    old, new = parse_versions(change.old), parse_versions(change.new)
    moved = [
        f"  {pin}: {old.get(pin, 'absent')} -> {new.get(pin, 'absent')}\n"
        for pin in sorted(old.keys() | new.keys())
        if old.get(pin) != new.get(pin)
    ]
    verb = "would be written" if dry_run else "written"
    verb = verb if change.new != change.old else "unchanged"
    return f"{name}: {len(new)} pins, {verb}\n" + "".join(moved)


def _read_preferred(root: Path, family: Family, image: Image, made: Iterable[LockChange]) -> dict[str, str]:
    """Locks of the image that this one follows, by name: those of this run, else the committed ones."""
    folder = root / family.followed(image).name
    if folder.name == image.name:
        return {}
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("requirements*.txt")}
    return texts | {change.path.name: change.new for change in made if change.path.parent == folder}


def _lock_from(index: str, part: str, locks: ImageLocks, runner: Runner) -> LockChange:
    """What is asked for, from that index alone; where it does not answer, the old lock stays."""
    source, path = f"requirements-{part}.in", locks.folder / f"requirements-{part}.txt"
    at = ("--default-index", index) if index else ()
    # TensorRT's module is an sdist of a few lines; everything else is a wheel.
    words = (source, "--no-deps", *at, "--no-binary", "tensorrt-cu12")
    try:
        text = resolve(locks.ask(*words), runner)
    except CommandError as error:
        unreachable = "Failed to fetch" in error.tail or "Connect" in error.tail
        if not index or not unreachable or not path.exists():
            raise
        old = path.read_text(encoding="utf-8")
        return LockChange(path=path, old=old, new=old, kept_because=f"{index} did not answer")
    return _change(path, source, text)


def _lock_wheels(locks: ImageLocks, runner: Runner) -> list[LockChange]:
    folder = locks.folder
    resolved = {}
    for part in locks.image.lock_parts:
        words = ("requirements.in", f"requirements-{part}.in", *excluded(folder))
        resolved[part] = resolve(locks.ask(*words, like="requirements.txt", part=part), runner)
    shared, own = split_shared(resolved)
    changes = [_change(folder / "requirements.txt", "requirements.in", shared)]
    for part, text in own.items():
        source = f"requirements-{part}.in"
        changes.append(_change(folder / f"requirements-{part}.txt", source, text))
    return changes


def _change(path: Path, source: str, text: str) -> LockChange:
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    header = f"# Made by `nox -s lock` from {source}; do not edit.\n"
    return LockChange(path=path, old=old, new=header + text)


def _bare(block: str) -> str:
    return "".join(line for line in block.splitlines() if not line.lstrip().startswith("#"))

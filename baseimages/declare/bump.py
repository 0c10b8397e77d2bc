"""One pin of an image's locks at another version: a real bump, for measuring what it costs a device."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from baseimages.command import Runner
from baseimages.declare.family import Family
from baseimages.declare.image import Image
from baseimages.declare.locks import ImageLocks, parse_lock, parse_versions, resolve, wheel_platform
from baseimages.declare.names import unknown_word


@dataclass(frozen=True, kw_only=True)
class Bump:
    """A lock's text with one pin moved; `lock` is relative to the checkout."""

    lock: str
    name: str
    old: str
    new: str
    text: str


def bump_pin(root: Path, family: Family, image: Image, name: str, runner: Runner) -> Bump:
    """The newest version of a locked distribution; where that is the locked one, the one before it.

    Only its own pin and hashes move: a build installs locks without resolving again. Raises
    UsageError for what no lock pins, CommandError where no index answers or has another version.
    """
    name = canonicalize_name(name)
    lock, text = _find_lock(root, image.name, name)
    block, old = parse_lock(text)[name], parse_versions(text)[name]
    locks = ImageLocks(
        folder=root / image.name,
        image=image,
        platform=wheel_platform(image.platform, family.oldest_glibc(image)),
        preferred={},
        pythons={base: own for base in image.bases if (own := family.base(base).python)},
    )
    new = _resolve_alone(locks, name, runner)
    if parse_versions(new)[name] == old:
        new = _resolve_alone(locks, f"{name}<{old}", runner)
    return Bump(lock=lock, name=name, old=old, new=parse_versions(new)[name], text=text.replace(block, new))


def _find_lock(root: Path, folder: str, name: str) -> tuple[str, str]:
    """The lock that pins a distribution, relative to the checkout, and its text."""
    known: dict[str, tuple[str, str]] = {}
    for path in sorted((root / folder).glob("requirements*.txt")):
        text = path.read_text(encoding="utf-8")
        known |= dict.fromkeys(parse_versions(text), (f"{folder}/{path.name}", text))
    if name not in known:
        raise unknown_word("locked distribution", name, known)
    return known[name]


def _resolve_alone(locks: ImageLocks, requirement: str, runner: Runner) -> str:
    """The newest of one requirement with the hashes of its files, without what it needs."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one.in").write_text(f"{requirement}\n", encoding="utf-8")
        return resolve(replace(locks.ask("one.in", "--no-deps"), folder=Path(folder)), runner)

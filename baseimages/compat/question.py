"""What uv is asked: one resolution of committed locks, for one Python, platform and index.

The `.in` files are what is asked for and the locks are constraints, so one answer tells both: what
a lock lacks (uv adds it) and what nobody asks for any more (uv leaves it out). One question has one
index, so a package of the same name on another one cannot be taken.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from baseimages.compat.combination import NO_TENSORRT, Combination
from baseimages.declare.compatibility import Compatibility
from baseimages.declare.locks import (
    TENSORRT_INDEX,
    TORCH_INDEX,
    excluded,
    own_index,
    parse_lock,
    wheel_platform,
)
from baseimages.errors import DeclarationError

# How uv reaches the world stays the person's; which index it asks and how it chooses does not.
KEPT_SETTINGS = frozenset({"UV_CACHE_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"})
# An index that cannot be reached is told within seconds; by itself uv tries for half a minute.
PATIENCE = {"UV_HTTP_CONNECT_TIMEOUT": "5", "UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}


@dataclass(frozen=True, kw_only=True)
class Index:
    """A package index and where the files lie that it names.

    Without `url` it is the index that uv asks by itself, without `files` they may lie anywhere: the
    hashes of the locks hold them.
    """

    name: str
    url: str = ""
    files: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The option of uv that names it."""
        return ("--default-index", self.url) if self.url else ()

    @property
    def place(self) -> str:
        """The index for a person."""
        return self.url or "the package index"


@dataclass(frozen=True, kw_only=True)
class Indexes:
    """The indexes of the family."""

    pypi: Index
    torch: Index
    nvidia: Index


INDEXES = Indexes(
    pypi=Index(name="pypi"),
    torch=Index(
        name="torch",
        url=TORCH_INDEX,
        files=("https://download.pytorch.org/", "https://download-r2.pytorch.org/"),
    ),
    nvidia=Index(name="nvidia", url=TENSORRT_INDEX, files=(f"{TENSORRT_INDEX}/",)),
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One resolution. `sources` and `locks` are files of `folder`; `asked` stands for sources.

    Equal questions have equal answers, so combinations share them.
    """

    folder: Path
    sources: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    locks: tuple[str, ...]
    python: str
    platform: str
    index: Index
    words: tuple[str, ...] = field(default=())

    @property
    def argv(self) -> tuple[str, ...]:
        """The command; `stdin` goes with it."""
        constraints = [word for name in self.locks for word in ("--constraints", name)]
        return (
            *(sys.executable, "-m", "uv", "pip", "compile", *(self.sources or ("-",)), *constraints),
            *("--python-version", self.python, "--python-platform", self.platform),
            *("--only-binary", ":all:", *self.index.words, *self.words),
            *("--format", "pylock.toml", "--no-header", "--no-config", "--no-python-downloads"),
            *("--no-progress", "--color", "never"),
        )

    @property
    def stdin(self) -> str | None:
        """The requirements where they are not files."""
        return "\n".join(self.asked) + "\n" if self.asked else None

    @property
    def text(self) -> str:
        """The question for a person: what differs from one to the next."""
        what = " ".join((*self.sources, *self.asked))
        where = f"for Python {self.python}, {self.platform}, from {self.index.place}"
        return f"{self.folder.name}: {what} {where}"

    def with_pin(self, package: str, version: str) -> Question:
        """All that is asked for, with one package at another version and nothing locked."""
        lines = list(self.asked)
        for name in self.sources:
            lines += (self.folder / name).read_text(encoding="utf-8").splitlines()
        kept = (line for line in lines if not _pins(line, package))
        return replace(self, sources=(), asked=(f"{package}=={version}", *kept), locks=())

    def lock_blocks(self) -> dict[str, str]:
        """Package -> its block, of all its locks; only what is asked for where that is named."""
        blocks: dict[str, str] = {}
        for name in self.locks:
            blocks |= parse_lock((self.folder / name).read_text(encoding="utf-8"))
        names = {requirement.partition("==")[0] for requirement in self.asked}
        return {name: block for name, block in blocks.items() if not names or name in names}


def list_parts(
    root: Path, combination: Combination, knowledge: Compatibility, indexes: Indexes
) -> tuple[Question, ...]:
    """The questions of one combination. Raises DeclarationError where a lock is missing."""
    folder = root / combination.image.name
    plain = Question(
        folder=folder,
        locks=(),
        python=combination.python,
        platform=wheel_platform(combination.image.platform, combination.glibc),
        index=indexes.pypi,
    )
    questions = [
        *_core(plain),
        *_torch(plain, combination, knowledge, indexes),
        *_wheels(plain, combination.part),
        *_tensorrt(plain, combination, knowledge, indexes),
    ]
    for question in questions:
        _check_locks(question)
    return tuple(questions)


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: no setting of this user or machine chooses an index or a version."""
    kept = {
        name: value for name, value in environ.items() if not name.startswith("UV_") or name in KEPT_SETTINGS
    }
    return kept | PATIENCE


def _pins(line: str, package: str) -> bool:
    name, is_pin, _ = line.partition("==")
    return bool(is_pin) and canonicalize_name(name.strip()) == package


def _core(plain: Question) -> list[Question]:
    if not (plain.folder / "requirements-core.in").exists():
        return []
    return [replace(plain, sources=("requirements-core.in",), locks=("requirements-core.txt",))]


def _torch(
    plain: Question, combination: Combination, knowledge: Compatibility, indexes: Indexes
) -> list[Question]:
    """The trio apart from the wheels; none where it comes from the archive of the base."""
    archived = knowledge.archived(combination.variant, combination.base, combination.torch)
    if "torch" in archived or not (plain.folder / "requirements-torch.in").exists():
        return []
    return [
        replace(
            plain,
            sources=("requirements-torch.in",),
            locks=("requirements-torch.txt",),
            index=indexes.torch if own_index("torch", combination.image) else indexes.pypi,
            words=("--no-deps",),
        )
    ]


def _wheels(plain: Question, part: str) -> list[Question]:
    if not (plain.folder / "requirements.in").exists():
        return []
    return [
        replace(
            plain,
            sources=("requirements.in", f"requirements-{part}.in"),
            locks=("requirements.txt", f"requirements-{part}.txt"),
            words=excluded(plain.folder),
        )
    ]


def _tensorrt(
    plain: Question, combination: Combination, knowledge: Compatibility, indexes: Indexes
) -> list[Question]:
    """One question for each package: its real wheel lies on one index, a stub on the other."""
    version = combination.tensorrt
    if version in (None, NO_TENSORRT):
        return []
    if version not in knowledge.tensorrt:
        raise DeclarationError(
            f"images.toml names TensorRT {version}, of which compatibility.toml knows nothing",
            next_step=f'add [tensorrt."{version}"] or a blocked entry to compatibility.toml',
        )
    return [
        replace(
            plain,
            asked=(f"{package}=={version}",),
            locks=("requirements-tensorrt.txt",),
            index=getattr(indexes, where),
            words=("--no-deps",),
        )
        for package, where in knowledge.tensorrt[version].wheels.items()
    ]


def _check_locks(question: Question) -> None:
    for name in question.locks:
        if not (question.folder / name).exists():
            raise DeclarationError(
                f"{question.folder.name}/{name} is missing", next_step="run `nox -s lock` and commit it"
            )

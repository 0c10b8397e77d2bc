"""Release tags of a built image, from versions that the running image itself gives.

The scheme is data (`release_tag` of images.toml); an answer that is missing is an error, never a
tag with a hole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version
from pydantic import TypeAdapter, ValidationError

from baseimages.command import Runner
from baseimages.declare import Family, Image, quote_word
from baseimages.declare.names import Repository
from baseimages.errors import CommandError, EngineError, TagError, UsageError

INSPECT_S = 30.0
QUESTION_S = 180.0
RELEASED_TARGET = "full"
# Asked by a program in the image, so that what runs is what is named; null is "not there".
QUESTION = """
import json, platform
from importlib.metadata import PackageNotFoundError, version

def ask(*names):
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            pass

def ask_cuda():
    try:
        import torch
    except ImportError:
        return None
    return torch.version.cuda

print(json.dumps({
    "python": platform.python_version(), "torch": ask("torch"), "cuda": ask_cuda(),
    "tensorrt": ask("tensorrt-cu12", "tensorrt-cu13"), "onnx": ask("onnx"),
    "transformers": ask("transformers"),
}))
"""
_SEGMENT = re.compile(r"([a-z]+)\{([a-z]+)\}")
_REVISION = re.compile(r"[0-9a-f]{12,64}")
_CREATED = re.compile(r"(\d{4})-(\d{2})-(\d{2})T")
_NO_IMAGE = "build it first, or name one that `docker images` lists"


@dataclass(frozen=True, kw_only=True)
class Release:
    """An image in the engine and the references that it is released under."""

    image: str
    references: tuple[str, ...]


def make_release(reference: str, family: Family, runner: Runner, *, repository: str | None = None) -> Release:
    """Ask a built image for its versions and name its releases.

    `repository` stands in for the image's own name and its legacy names. Raises UsageError (an
    image that is not of the family or of another target, a hostile word), EngineError (no such
    image), TagError (an answer is missing or is no version).
    """
    _check_words(reference, repository)
    labels = read_labels(reference, runner)
    image = family.image_named(labels.get("org.opencontainers.image.title", ""))
    if image.release_tag is None or labels.get("io.baseimages.target") != RELEASED_TARGET:
        raise UsageError(
            f"{reference} is target {quote_word(labels.get('io.baseimages.target', ''))}",
            next_step=f"name an image of target {RELEASED_TARGET}: only that one is released",
        )
    scheme = fill_scheme(image.release_tag, ask_versions(reference, runner), labels)
    tags = _make_tags(scheme + _base_suffix(image, labels), labels)
    own, *legacy = (repository,) if repository else (image.name, *image.legacy_names)
    references = [f"{own}:{tag}" for tag in tags] + [f"{name}:{tags[0]}" for name in legacy]
    return Release(image=reference, references=tuple(references))


def tag_commands(release: Release) -> tuple[tuple[str, ...], ...]:
    """The commands that give the image its references."""
    return tuple(("docker", "tag", release.image, reference) for reference in release.references)


def read_labels(reference: str, runner: Runner) -> dict[str, str]:
    """Labels of an image in the engine. Raises EngineError when there is no such image."""
    argv = ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", reference]
    try:
        text = runner.run(argv, deadline_s=INSPECT_S).stdout
    except CommandError as error:
        raise EngineError(f"the engine has no image {quote_word(reference)}", next_step=_NO_IMAGE) from error
    return dict(json.loads(text) or {})


def ask_versions(reference: str, runner: Runner) -> dict[str, str | None]:
    """Question -> the answer of a program in the image, without network, or None.

    Raises TagError when the program fails or answers anything but that.
    """
    argv = [
        *("docker", "run", "--rm", "--network", "none", "--env", "EE_DD=false"),
        # Where NVIDIA's runtime is the default, an old driver would refuse the container.
        *("--env", "NVIDIA_VISIBLE_DEVICES=void", "--entrypoint", "python3"),
        *(reference, "-B", "-c", QUESTION),
    ]
    try:
        return TypeAdapter(dict[str, str | None]).validate_json(
            runner.run(argv, deadline_s=QUESTION_S, echo=False).stdout.strip()
        )
    except CommandError as error:
        raise TagError(
            f"{reference} did not say its versions: {error.message}\n{error.tail}",
            next_step="run the image's suite: something in it does not start",
        ) from error
    except ValidationError as error:
        raise TagError(
            f"{reference} answered something else than its versions",
            next_step="run the image's suite; nothing may print when Python starts",
        ) from error


def fill_scheme(scheme: str, versions: Mapping[str, str | None], labels: Mapping[str, str]) -> str:
    """The scheme with major and minor versions; a part that was left out by request is left out.

    Raises TagError for an answer that is missing or that is no version.
    """
    parts = []
    for prefix, question in _SEGMENT.findall(scheme):
        answer = versions.get(question)
        if answer is None and labels.get(f"io.baseimages.{question}") == "none":
            continue
        parts.append(prefix + _shorten(question, answer))
    return "-".join(parts)


def _shorten(question: str, answer: str | None) -> str:
    try:
        version = Version(answer or "")
    except InvalidVersion as error:
        raise TagError(
            f"the image answers {quote_word(answer) if answer else 'nothing'} for {question}",
            next_step="a tag never has a hole: run the image's suite, then build again",
        ) from error
    return f"{version.major}.{version.minor}"


def _make_tags(scheme: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The moving tag, the one of the day, and the one of the revision."""
    revision = labels.get("org.opencontainers.image.revision", "")
    created = _CREATED.match(labels.get("org.opencontainers.image.created", ""))
    if not _REVISION.fullmatch(revision) or created is None:
        raise TagError(
            f"the image was built from {quote_word(revision)}, which is no committed revision",
            next_step="commit, build again with `nox`, and tag that image",
        )
    return scheme, f"{scheme}-{''.join(created.groups())}", f"{scheme}-sha-{revision[:12]}"


def _base_suffix(image: Image, labels: Mapping[str, str]) -> str:
    """Nothing on the preferred base family; the others say which they are."""
    base = image.base(labels.get("io.baseimages.base-family", ""))
    return "" if base == image.bases[0] else f"-{base}"


def _check_words(reference: str, repository: str | None) -> None:
    """Refuse what the engine would read as an option, or a registry as another name."""
    words: Iterable[tuple[str, str]] = [("image", re.split("[:@]", reference)[0])]
    if repository is not None:
        words = [*words, ("repository", repository)]
    for kind, word in words:
        try:
            TypeAdapter(Repository).validate_python(word)
        except ValidationError as error:
            raise UsageError(
                f"{quote_word(word)} is no {kind}", next_step="write it as name, or host/name"
            ) from error

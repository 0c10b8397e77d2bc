"""What uv answered: packages with their wheels, a refusal, or why there is no answer."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from baseimages.command import Runner
from baseimages.compat.finding import count_of
from baseimages.compat.question import Question
from baseimages.errors import DeadlineError, RecordError

DEADLINE_S = 120.0
SHOWN_CHARACTERS = 200
NOT_REACHED = "was not reachable"
_YANKED = re.compile(r'^warning: `(?P<name>[^=`]+)==[^`]+` is yanked(?: \(reason: "(?P<why>.*)"\))?', re.M)
_NO_WHEEL = re.compile(
    r"\b(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[\w.+!-]+) has no (?:usable )?wheels"
    r"|there is no version of (?P<absent>[a-z0-9][a-z0-9._-]*)==(?P<gone>[\w.+!-]+)"
)
# Only this is uv's judgement of the packages; every other error is about reaching or reading them.
_NO_SOLUTION = "error: No solution found"
_CONNECTION = ("client error (Connect)", "operation timed out", "connection closed")
_STATUS = re.compile(
    r"HTTP status (?:client|server) error \((?P<status>\d{3} [^)]*)\)"
    r"|could not be queried due to .* \((?P<unauthorized>401 [^)]*)\)"
    r"|returned a (?P<forbidden>403 \w+) error"
)


class Wheel(BaseModel):
    """A file of the resolution, as PEP 751 writes it; an index may leave its size and day out."""

    model_config = ConfigDict(frozen=True)
    url: str
    size_bytes: int | None = Field(default=None, alias="size")
    uploaded_at: datetime | None = Field(default=None, alias="upload-time")
    hashes: dict[str, str]

    @property
    def file_name(self) -> str:
        """Its name, which says what it runs on."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name


class Package(BaseModel):
    """One package of the resolution; `wheels` are those that uv would choose among."""

    model_config = ConfigDict(frozen=True)
    name: str
    version: str
    wheels: tuple[Wheel, ...] = ()


class _Pylock(BaseModel):
    packages: tuple[Package, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A pinned version without a fitting wheel; `nearest` has one, and `fits` what else is asked for."""

    package: str
    version: str
    nearest: str | None = None
    fits: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outcome of one question: packages, or why there are none.

    `yanked` is name -> reason. `silence` says why nothing is known: an index that was not reached, or
    that answered with neither packages nor a refusal of its own.
    """

    question: Question
    packages: tuple[Package, ...] = ()
    yanked: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    missing: Missing | None = None
    silence: str = ""

    @property
    def outcome(self) -> str:
        """The answer in a few words."""
        return self.silence or self.refusal or count_of(len(self.packages), "package")


class Interview:
    """Asks each question once, and an index that was not reachable not again."""

    def __init__(self, runner: Runner, env: Mapping[str, str]) -> None:
        self._runner, self._env = runner, env
        self._answers: dict[Question, Answer] = {}
        self._not_reached: dict[str, str] = {}

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What is known so far."""
        return tuple(self._answers.values())

    def ask(self, question: Question) -> Answer:
        """The answer, from memory where it is known. Raises RecordError for one that is no pylock."""
        if question not in self._answers:
            self._answers[question] = self._ask(question)
        return self._answers[question]

    def _ask(self, question: Question) -> Answer:
        if known := self._not_reached.get(question.index.place):
            return Answer(question=question, silence=known)
        answer = ask_uv(question, self._runner, self._env)
        if answer.silence.endswith(NOT_REACHED):
            self._not_reached[question.index.place] = answer.silence
        if answer.missing:
            return replace(answer, missing=self._with_nearest(question, answer.missing))
        return answer

    def _with_nearest(self, question: Question, missing: Missing) -> Missing:
        """The highest version below the pin that has a wheel, or else the lowest above it."""
        public = Version(missing.version).public
        for sign, order in (("<", "highest"), (">", "lowest")):
            loose = replace(
                question,
                sources=(),
                asked=(f"{missing.package}{sign}{public}",),
                locks=(),
                words=("--no-deps", "--resolution", order),
            )
            if found := ask_uv(loose, self._runner, self._env).packages:
                other = question.with_pin(missing.package, found[0].version)
                fits = bool(ask_uv(other, self._runner, self._env).packages)
                return replace(missing, nearest=found[0].version, fits=fits)
        return missing


def ask_uv(question: Question, runner: Runner, env: Mapping[str, str]) -> Answer:
    """Run one resolution. Raises RecordError where uv's answer is no pylock."""
    try:
        done = runner.run(
            question.argv,
            deadline_s=DEADLINE_S,
            cwd=question.folder,
            env=env,
            stdin=question.stdin,
            ok_codes=None,
        )
    except DeadlineError:
        silence = f"{question.index.place}, no answer within {DEADLINE_S:g} s, {NOT_REACHED}"
        return Answer(question=question, silence=silence)
    if done.returncode != 0:
        return _read_refusal(question, done.stderr)
    yanked = {match["name"]: match["why"] or "no reason given" for match in _YANKED.finditer(done.stderr)}
    return Answer(question=question, packages=_read_pylock(done.stdout), yanked=yanked)


def _read_pylock(text: str) -> tuple[Package, ...]:
    try:
        return _Pylock.model_validate(tomllib.loads(text)).packages
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise RecordError(
            f"uv's answer is no pylock.toml that this version reads: {error}",
            next_step="compare `uv --version` with tools/environment.txt",
        ) from error


def _read_refusal(question: Question, told: str) -> Answer:
    # Before uv's error stand its warnings, which are about other things.
    error = told[max(told.find("error: "), 0) :]
    if silence := _read_silence(error):
        return Answer(question=question, silence=f"{question.index.place} {silence}")
    cause = " ".join(error.partition("cause:")[2].partition("\n\n")[0].split())
    found = _NO_WHEEL.search(cause)
    missing = None
    if found:
        name, version = found["name"] or found["absent"], found["version"] or found["gone"]
        missing = Missing(package=name, version=version)
    return Answer(question=question, refusal=cause or " ".join(error.split()), missing=missing)


def _read_silence(error: str) -> str:
    """Why the index told nothing; empty where uv came to a judgement."""
    if any(words in error for words in _CONNECTION):
        return NOT_REACHED
    if status := _STATUS.search(error):
        return f"answered {status['status'] or status['unauthorized'] or status['forbidden']}"
    return "" if error.startswith(_NO_SOLUTION) else f"gave nothing that uv can read: {_first_lines(error)}"


def _first_lines(error: str) -> str:
    return " ".join(error.removeprefix("error: ").split())[:SHOWN_CHARACTERS]

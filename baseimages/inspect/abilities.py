"""What an image can do when it runs, asked in a container of it: FFmpeg's lists and every import.

The question is a program of `image_testing`, which travels by standard input: nothing is mounted, so
a remote engine will do, and an image that is not ours can be asked as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from baseimages.command import Runner
from baseimages.errors import CommandError
from baseimages.records import Record

QUESTION = Path(__file__).parents[2] / "image_testing" / "abilities.py"
ASK_S = 1800.0
# An entry of each list, as fftools/opt_common.c of FFmpeg 4 to 8 prints it; legends have "=" as name.
CODEC = re.compile(r"^ ([D.])([E.])[VASDT.][I.][L.][S.] (\S+)")
CODER = re.compile(r"^ [VAS][A-Z.]{5} ([^\s=]\S*)")
FILTER = re.compile(r"^ [A-Z.]{2,3} (\S+) +\S+->\S+")
PROTOCOL = re.compile(r"^(?:(Input|Output):|  (\S+))$")


class AbilitiesRecord(Record):
    """What an image answered.

    `ffmpeg` has the names of each of FFmpeg's lists, codecs as `decode NAME` and `encode NAME`, protocols
    as `input NAME` and `output NAME`. `imports` are the modules that can be imported, `failing` those
    that cannot, with the last line of the error. With a `note` nothing was answered, and it says why.
    """

    manifest_digest: str
    ffmpeg: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    imports: tuple[str, ...] = ()
    failing: dict[str, str] = Field(default_factory=dict)
    note: str = ""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    ffmpeg: dict[str, str]
    imports: dict[str, str]


def ask_abilities(reference: str, manifest_digest: str, runner: Runner) -> AbilitiesRecord:
    """Ask a container of the image, without a network. What cannot be asked is a record with a note."""
    argv = [
        *("docker", "run", "--rm", "-i", "--network", "none", "--env", "EE_DD=false"),
        # Where NVIDIA's runtime is the default, an old driver would refuse the container.
        *("--env", "NVIDIA_VISIBLE_DEVICES=void", "--entrypoint", "python3", reference, "-B", "-"),
    ]
    try:
        answer = runner.run(argv, deadline_s=ASK_S, stdin=QUESTION.read_text(encoding="utf-8")).stdout
        return read_answer(answer, manifest_digest)
    except CommandError as error:
        return AbilitiesRecord(manifest_digest=manifest_digest, note=f"no answer: {error.tail[-200:]}")
    except ValidationError:
        return AbilitiesRecord(manifest_digest=manifest_digest, note="its answer is not what was asked")


def read_answer(text: str, manifest_digest: str) -> AbilitiesRecord:
    """The record of an answer. Raises ValidationError for anything else."""
    answer = _Answer.model_validate_json(text)
    return AbilitiesRecord(
        manifest_digest=manifest_digest,
        ffmpeg={name: read_list(name, listed) for name, listed in answer.ffmpeg.items()},
        imports=tuple(sorted(name for name, error in answer.imports.items() if not error)),
        failing={name: error for name, error in sorted(answer.imports.items()) if error},
    )


def read_list(name: str, text: str) -> tuple[str, ...]:
    """The names of one of FFmpeg's lists, sorted."""
    readers = {"codecs": _read_codecs, "protocols": _read_protocols}
    return tuple(sorted(set(readers.get(name, _read_names)(text))))


def _read_codecs(text: str) -> Iterator[str]:
    for decodes, encodes, name in _match(CODEC, text):
        if decodes == "D":
            yield f"decode {name}"
        if encodes == "E":
            yield f"encode {name}"


def _read_protocols(text: str) -> Iterator[str]:
    direction = ""
    for title, name in _match(PROTOCOL, text):
        direction = title.lower() or direction
        if name:
            yield f"{direction} {name}"


def _read_names(text: str) -> Iterator[str]:
    for pattern in (CODER, FILTER):
        yield from (name for (name,) in _match(pattern, text))


def _match(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, ...]]:
    found = (pattern.match(line) for line in text.splitlines())
    return (match.groups(default="") for match in found if match)


def describe_abilities(record: AbilitiesRecord) -> str:
    """A line for a person."""
    if record.note:
        return f"abilities: not asked: {record.note}\n"
    counts: Mapping[str, int] = {name: len(names) for name, names in record.ffmpeg.items()}
    lists = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"abilities: {lists}; {len(record.imports)} modules import, {len(record.failing)} do not\n"

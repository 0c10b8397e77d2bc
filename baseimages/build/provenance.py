"""Which line of the Dockerfile each step and each layer of a build belongs to.

BuildKit tells it in the provenance that buildx puts into the metadata file when
BUILDX_METADATA_PROVENANCE is `max` (SLSA 0.2: docs/attestations/slsa-definitions.md of BuildKit):
the operations with their inputs, their ranges in the Dockerfile, the layers of each result, the
Dockerfile itself, and what the engine saw of processors and memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from baseimages.build.progress import Step, place_of, title_of
from baseimages.build.record import BuildRecord, Part
from baseimages.build.usage import HostUsage, Samples, StepUsage, SystemSample, measure_host, sum_usage
from baseimages.declare import Instruction, Stage, parse_dockerfile
from baseimages.records import Record, WorkFolder, load_record

KEY = "buildx.build.provenance"
LONGEST_TITLE = 200
# Ends the first thing that a comment says.
STOP = re.compile(r"[.;:](?=\s|$)")
UNKNOWN = 0
Chain = tuple[int, ...]


class _Loose(BaseModel):
    """BuildKit's JSON grows with its versions: what we do not read is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Point(_Loose):
    line: int


class _Range(_Loose):
    start: _Point


class _Location(_Loose):
    ranges: tuple[_Range, ...] = ()


class _Locations(_Loose):
    locations: tuple[_Location, ...] = ()


class _Info(_Loose):
    filename: str = ""
    language: str = ""
    data: Base64Bytes = b""


class _Source(_Loose):
    locations: dict[str, _Locations] = {}
    infos: tuple[_Info, ...] = ()


class _Descriptor(_Loose):
    digest: str


class _BuildKit(_Loose):
    source: _Source = _Source()
    layers: dict[str, tuple[tuple[_Descriptor, ...], ...]] = {}
    usage: tuple[SystemSample, ...] = Field((), alias="sysUsage")


class _Metadata(_Loose):
    buildkit: _BuildKit = Field(_BuildKit(), alias="https://mobyproject.org/buildkit@v1#metadata")


class _Operation(_Loose):
    kind: dict[str, Any] | None = Field(None, alias="Op")


class _Node(_Loose):
    id: str
    operation: _Operation = Field(_Operation(), alias="op")
    inputs: tuple[str, ...] = ()
    usage: Samples | None = Field(None, alias="resourceUsage")


class _Definition(_Loose):
    nodes: tuple[_Node, ...] = Field((), alias="llbDefinition")
    digests: dict[str, str] = Field({}, alias="digestMapping")


class _Provenance(_Loose):
    definition: _Definition = Field(_Definition(), alias="buildConfig")
    metadata: _Metadata = _Metadata()


class _File(_Loose):
    provenance: _Provenance | None = Field(None, alias=KEY)


class LineRecord(Part):
    """One instruction of the Dockerfile that the build came by, on the lines from `line_start` on.

    `title` is what it does on one line, cut; `text_sha256` is of its text without comments and
    continuations. `inputs` are the lines that it stands on, by their first number,
    `places` its steps as `StepRecord.place` names them. `usage` is None where the engine measured
    nothing.
    """

    stage: str
    line_start: int
    line_end: int
    title: str
    text_sha256: str
    inputs: tuple[int, ...]
    places: tuple[str, ...]
    usage: StepUsage | None = None

    @property
    def numbers(self) -> range:
        """Every number from its first line to its last."""
        return range(self.line_start, self.line_end + 1)


class ProvenanceRecord(Record):
    """Where an image's steps and layers come from.

    `layers` has the first number of the line of each layer, lowest first; 0 is one that the engine
    told no line of. `host` is about the whole machine during the build.
    """

    manifest_digest: str
    dockerfile_sha256: str
    lines: tuple[LineRecord, ...]
    layers: tuple[int, ...]
    host: HostUsage | None = None

    @property
    def base_layers(self) -> int:
        """How many of the lowest layers came with the image that a FROM names."""
        bases = {line.line_start for line in self.lines if line.title.startswith("FROM ")}
        return sum(1 for _ in takewhile(bases.__contains__, self.layers))


def count_base_layers(work: WorkFolder, build: BuildRecord) -> int:
    """How many of the image's layers are its base's: the lowest, where no provenance tells of several."""
    if build.base.origin == "stand-in":
        return 0
    path = work.path / WorkFolder.PROVENANCE
    told = load_record(path, ProvenanceRecord, made_by="invoke build") if path.exists() else None
    is_about_it = told is not None and told.layers and told.manifest_digest == build.manifest_digest
    return told.base_layers if told and is_about_it else 1


def read_provenance(metadata: Mapping[str, Any], steps: Iterable[Step]) -> ProvenanceRecord | None:
    """The record of a build from its metadata file and the steps of its progress stream.

    None where the builder told nothing that can be read: an old one, or one that keeps no history.
    The layers are those of its cache; an export rewrites their times, one for one.
    """
    try:
        provenance = _File.model_validate(metadata).provenance
    except ValidationError:
        return None
    infos = provenance.metadata.buildkit.source.infos if provenance else ()
    file = next((info for info in infos if info.language == "Dockerfile"), None)
    if provenance is None or file is None:
        return None
    graph = _Graph(provenance, _list_instructions(file))
    return ProvenanceRecord(
        manifest_digest=metadata["containerimage.digest"],
        dockerfile_sha256=hashlib.sha256(file.data).hexdigest(),
        lines=tuple(graph.make_lines(steps)),
        layers=graph.find_layers(),
        host=measure_host(provenance.metadata.buildkit.usage),
    )


def _list_instructions(file: _Info) -> dict[int, tuple[str, Instruction]]:
    """Stage and instruction, FROM among them, by the number of its first line."""
    text = file.data.decode("utf-8-sig", "replace")
    found: dict[int, tuple[str, Instruction]] = {}
    for number, stage in enumerate(parse_dockerfile(text, Path(file.filename)).stages):
        name = stage.name or f"stage-{number}"
        found |= {each.line_start: (name, each) for each in (_from_of(stage), *stage.instructions)}
    return found


def _from_of(stage: Stage) -> Instruction:
    text = f"{stage.base} AS {stage.name}" if stage.name else stage.base
    return Instruction(
        keyword="FROM",
        text=text,
        flags=stage.flags,
        comment_above="",
        line_start=stage.line,
        line_end=stage.line,
    )


class _Graph:
    """The operations of a build, each with its line."""

    def __init__(self, provenance: _Provenance, instructions: dict[int, tuple[str, Instruction]]) -> None:
        self._definition = provenance.definition
        self._nodes = {node.id: node for node in provenance.definition.nodes}
        self._order = {id: number for number, id in enumerate(self._nodes)}
        self._instructions = instructions
        told = provenance.metadata.buildkit
        firsts = {id: _first_line(where) for id, where in told.source.locations.items()}
        self._lines = {id: line for id, line in firsts.items() if line in instructions}
        self._chains = {
            _strip_output(name): tuple(layer.digest for layer in chains[0])
            for name, chains in told.layers.items()
            if chains
        }

    def make_lines(self, steps: Iterable[Step]) -> Iterator[LineRecord]:
        """Every line that an operation belongs to, in the order of the file."""
        names = {step.digest: step.group_name or step.name for step in steps}
        places = {id: place_of(names.get(digest, "")) for digest, id in self._definition.digests.items()}
        for first in sorted(set(self._lines.values())):
            nodes = [node for node in self._definition.nodes if self._lines.get(node.id) == first]
            inputs = {self._lines.get(name, first) for node in nodes for name in _names(node)}
            stage, instruction = self._instructions[first]
            text = " ".join((instruction.keyword, *instruction.flags, instruction.text))
            yield LineRecord(
                stage=stage,
                line_start=first,
                line_end=instruction.line_end,
                title=_title(instruction, text)[:LONGEST_TITLE],
                text_sha256=hashlib.sha256(text.encode()).hexdigest(),
                inputs=tuple(sorted(inputs - {first})),
                places=tuple(dict.fromkeys(filter(None, (places.get(node.id) for node in nodes)))),
                usage=sum_usage(node.usage for node in nodes if node.usage),
            )

    def find_layers(self) -> Chain:
        """The line of each layer of the result: that of the operation which put it there."""
        results = [node for node in self._definition.nodes if not node.operation.kind]
        names = _names(results[0]) if len(results) == 1 else []
        return self._attribute(names[0]) if names else ()

    def _attribute(self, id: str) -> Chain:
        """Lines of an operation's layers. What it has above those of the input it stands on is its own."""
        chain, node = self._chains.get(id, ()), self._nodes.get(id)
        if node is None:
            return (UNKNOWN,) * len(chain)
        inputs = [name for name in _names(node) if self._order.get(name, len(self._order)) < self._order[id]]
        if "merge" in (node.operation.kind or {}):
            merged = [line for name in inputs for line in self._attribute(name)]
            if len(merged) == len(chain):
                return tuple(merged)
        below = max(inputs, key=lambda name: self._count_shared(name, chain), default="")
        shared = self._count_shared(below, chain)
        own = (self._lines.get(id, UNKNOWN),) * (len(chain) - shared)
        return (self._attribute(below) if shared else ()) + own

    def _count_shared(self, name: str, chain: tuple[str, ...]) -> int:
        """Layers of an input, where they are the lowest of a chain; 0 where it is something else."""
        below = self._chains.get(name, ())
        return len(below) if below == chain[: len(below)] else 0


def _title(instruction: Instruction, text: str) -> str:
    """What a person calls the instruction: a script by the comment above it, others by their text."""
    intent = " ".join(instruction.comment_above.split())
    if instruction.keyword == "RUN" and intent:
        return f"RUN # {STOP.split(intent, 1)[0]}"
    return title_of(text)


def _names(node: _Node) -> list[str]:
    """The operations that it stands on."""
    return [_strip_output(name) for name in node.inputs]


def _strip_output(name: str) -> str:
    """`step3:0` is the first output of step3; of a Dockerfile's operations nothing uses another."""
    return name.partition(":")[0]


def _first_line(where: _Locations) -> int:
    lines = [each.start.line for location in where.locations for each in location.ranges]
    return min(lines, default=UNKNOWN)

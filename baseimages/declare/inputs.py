"""Which files of the checkout a build reads, by what its stages copy or mount."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from baseimages.declare.dockerfile import Dockerfile, Instruction, Stage, expand

DECLARATION = "images.toml"
CONTEXT = ".dockerignore"


def list_inputs(
    dockerfile: Dockerfile, stages: Iterable[Stage], given: Mapping[str, str], *, path: str
) -> tuple[str, ...]:
    """The declaration, the Dockerfile at `path`, and each file that these stages take from the context.

    Sorted paths, relative to the checkout. What a stage downloads has its hash in the Dockerfile.
    """
    values = dockerfile.values(given)
    instructions = (instruction for stage in stages for instruction in stage.instructions)
    sources = (expand(source, values) for instruction in instructions for source in _sources(instruction))
    return tuple(sorted({DECLARATION, CONTEXT, path, *(name for name in sources if "://" not in name)}))


def _sources(instruction: Instruction) -> Iterator[str]:
    for mount in instruction.flag_values("mount"):
        options = dict(part.partition("=")[::2] for part in mount.split(","))
        if options.get("type") == "bind" and "from" not in options:
            yield options.get("source", "")
    if instruction.keyword in ("COPY", "ADD") and not instruction.flag_values("from"):
        words = instruction.text.partition("\n")[0].split()[:-1]
        yield from (word for word in words if not word.startswith("<<"))

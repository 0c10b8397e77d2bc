"""What is measured, as data: what is thrown away, what is edited, what has to hit; and what is no run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from baseimages.build import Step
from baseimages.declare import Edit, Image, unknown_word
from baseimages.errors import DeclarationError


class Reset(StrEnum):
    """What is thrown away before the clock starts."""

    NOTHING = "nothing"
    LAYERS = "every layer; cache mounts stay"
    ENGINE = "the engine; the base is handed to the new one"
    BASE = "the engine and the base"


class Hits(StrEnum):
    """What has to come from the cache. A run that hit or missed otherwise is invalid."""

    NONE = "none"
    ALL = "all"
    ALL_BUT_EDITED = "all but what stands on the edit"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A way to build.

    `reaches` are regular expressions: the steps of such a name are what the edit has to run again.
    With `imports_cache` the new engine is given a cache that another one exported.
    """

    name: str
    reset: Reset = Reset.NOTHING
    hits: Hits = Hits.ALL
    edits: tuple[Edit, ...] = ()
    reaches: tuple[str, ...] = ()
    imports_cache: bool = False

    @property
    def starts_engine(self) -> bool:
        """Whether each run has an engine of its own."""
        return self.reset in (Reset.ENGINE, Reset.BASE)


FACTORY_COLD = Scenario(name="factory-cold", reset=Reset.BASE, hits=Hits.NONE)
COLD = Scenario(name="cold", reset=Reset.ENGINE, hits=Hits.NONE)
LAYERS_COLD = Scenario(name="layers-cold", reset=Reset.LAYERS, hits=Hits.NONE)
NO_OP = Scenario(name="no-op")
CI_WARM = Scenario(name="ci-warm", reset=Reset.ENGINE, imports_cache=True)
COMMENT = "# edited {edit}"
ENTRYPOINT = Edit(file="scripts/entrypoint.sh", append=COMMENT)


def edit_scenario(name: str, *edits: Edit, reaches: tuple[str, ...] = ()) -> Scenario:
    """A build after the edits; without `reaches` the steps that name an edited file have to run."""
    named = tuple(re.escape(edit.file) for edit in edits)
    return Scenario(name=name, hits=Hits.ALL_BUT_EDITED, edits=edits, reaches=reaches or named)


EDIT = edit_scenario("edit", ENTRYPOINT)
FIXED = (FACTORY_COLD, COLD, LAYERS_COLD, NO_OP, CI_WARM)


def list_scenarios(image: Image, target: str) -> dict[str, Scenario]:
    """Every scenario of an image's target by name: the family's, then those of images.toml.

    Raises DeclarationError where images.toml gives one of a fixed meaning edits.
    """
    for name in image.scenarios:
        if name in {scenario.name for scenario in FIXED}:
            raise DeclarationError(
                f"images.toml: the scenario {name} of {image.name} is no edit",
                next_step="give the edit a name of its own",
            )
    own = {
        name: edit_scenario(name, *declared.edits, reaches=declared.reaches)
        for name, declared in image.scenarios.items()
        if not declared.targets or target in declared.targets
    }
    return {scenario.name: scenario for scenario in (*FIXED, *_family_edits(image, target))} | own


def find_edit(image: Image, target: str) -> Scenario:
    """The edit that a single benchmark measures: that of the entrypoint, as the image declares it."""
    return replace(list_scenarios(image, target)["edit-entrypoint"], name=EDIT.name)


def choose_scenario(scenarios: dict[str, Scenario], word: str) -> Scenario:
    """The scenario of that name. Raises UsageError with the nearest name."""
    if word not in scenarios:
        raise unknown_word("scenario", word, scenarios)
    return scenarios[word]


def choose_edit(scenarios: dict[str, Scenario], word: str) -> Scenario:
    """The scenario of that name, which has to edit something. Raises UsageError."""
    return choose_scenario({name: each for name, each in scenarios.items() if each.edits}, word)


def _family_edits(image: Image, target: str) -> tuple[Scenario, ...]:
    """Edits of the recipe that the images of the family share.

    edit-script      a comment in the script that compiles FFmpeg: the compile runs again, with ccache.
    edit-pin         a comment in the lock that the target's wheels come from. The steps are those of
                     a bumped pin, with its hash in the lock: what a real bump adds is the download of
                     that one wheel, which no offline benchmark can have.
    edit-apt         one small package more (`tree`, which needs the C library alone) in the list of the
                     operating system.
    edit-entrypoint  a comment in the script that a container starts with: the last layer of `core`.
    """
    folder = str(Path(image.dockerfile).parent)
    lock = "requirements-core.txt" if target == image.targets[0] else "requirements.txt"
    package = Edit(
        file=image.dockerfile,
        pattern=r"^(  (?:util-linux )?xz-utils)( >> /system)?$",
        replace=r"\1 tree\2 # {edit}",
    )
    return (
        edit_scenario("edit-script", Edit(file="scripts/build-ffmpeg.sh", append=COMMENT)),
        edit_scenario("edit-pin", Edit(file=f"{folder}/{lock}", append=COMMENT)),
        edit_scenario("edit-apt", package, reaches=(r"\[(?:\S+ )?(?:os|packages) \d+/",)),
        edit_scenario("edit-entrypoint", ENTRYPOINT),
    )


def find_fault(scenario: Scenario, steps: Iterable[Step]) -> str | None:
    """Why these steps are no run of the scenario, None when they are one.

    A run that hit or missed otherwise measured something else: it is invalid, not slow or fast.
    """
    steps = tuple(steps)
    if not any(step.is_instruction for step in steps):
        return "no instruction was seen"
    ran = [step for step in steps if step.is_instruction and not step.cached]
    if scenario.hits is Hits.NONE:
        return _name("cached", [step for step in steps if step.is_instruction and step.cached])
    if scenario.hits is Hits.ALL:
        return _name("missed", ran)
    touched = {step.digest for step in ran if any(re.search(word, step.name) for word in scenario.reaches)}
    if not touched:
        where = ", ".join(edit.file for edit in scenario.edits)
        return f"no step ran that the edit of {where} concerns: it did not reach the image"
    expected = _downstream(touched, steps)
    return _name("missed", [step for step in ran if step.digest not in expected])


def _downstream(digests: set[str], steps: tuple[Step, ...]) -> set[str]:
    """These steps and all that stand on them."""
    found = set(digests)
    while True:
        more = {step.digest for step in steps if found & set(step.inputs)} - found
        if not more:
            return found
        found |= more


def _name(what: str, steps: list[Step]) -> str | None:
    titles = "; ".join(step.title[:80] for step in steps[:5])
    return f"{len(steps)} {what}: {titles}" if steps else None

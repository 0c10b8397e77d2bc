"""The base image: found in the engine, promised by a registry, or made from the archive."""

from __future__ import annotations

import dataclasses

from rich.console import Console

from baseimages.build.bootstrap import make_base
from baseimages.build.engine import Engine
from baseimages.build.store import find_digests
from baseimages.command import Runner, find_program
from baseimages.declare import AUTO, BaseFamily, Family, Image, Platform
from baseimages.errors import BaseFamilyError, CommandError, DeadlineError
from baseimages.plan import BaseImage

REGISTRY_S = 20.0
# What clients say of a registry, and what it means; their own words name this machine's network.
CAUSES = (
    ("no such host", "its registry cannot be found by name"),
    ("not found", "its registry does not have that digest"),
    ("x509", "the TLS certificate of its registry is not trusted here"),
    ("unauthorized", "its registry wants a login"),
    ("denied", "its registry wants a login"),
)


def choose_base(
    family: Family,
    image: Image,
    requested: str,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BaseImage:
    """The requested base, or with `auto` the first of the image's that can be had.

    Its `reason` says why this one, and why not the ones before it. Raises UsageError for a base
    that the image does not build on and BaseFamilyError when none can be had.
    """
    names = family.built_bases(image, requested)
    return _choose(names, family, image.platform, engine, runner, console)


def choose_stand_in(
    family: Family, image: Image, builders: tuple[str, ...], engine: Engine, runner: Runner, console: Console
) -> BaseImage:
    """What build stages run on, for a target that stands on no base: the image's own is not asked for.

    Raises BaseFamilyError when none of the builders can be had.
    """
    builder = _choose(builders, family, engine.platform, engine, runner, console)
    return dataclasses.replace(
        builder,
        family=family.built_bases(image, AUTO)[0],
        reference=builder.build_argument,
        origin="stand-in",
        reason=f"stand-in, for build stages only: {builder.reason}",
        build_reference=builder.build_argument,
    )


def _choose(
    names: tuple[str, ...],
    family: Family,
    platform: Platform,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BaseImage:
    """The first of the names that can be had for that platform."""
    refusals: list[str] = []
    for name in names:
        found = _find(name, family.base(name), platform, engine, runner, console)
        if isinstance(found, BaseImage):
            return dataclasses.replace(found, reason="; ".join([*refusals, found.reason]))
        refusals.append(found)
    made_here = ", or install mmdebstrap: on Debian and Ubuntu ./bootstrap.sh does"
    has_recipe = any(family.base(name).bootstrap for name in names)
    raise BaseFamilyError(
        "no base image can be had: " + "; ".join(refusals),
        next_step="reach a registry (`invoke doctor` asks it)" + (made_here if has_recipe else ""),
    )


def _find(
    name: str,
    declared: BaseFamily,
    platform: Platform,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BaseImage | str:
    """The base, or why it cannot be had."""
    pinned = f"{declared.reference}@{declared.digest}"
    if find_digests(engine, runner, [pinned]):
        return _pinned(name, declared, f"{name}: the engine holds it")
    console.print(f"asking the registry for {declared.reference}")
    refusal = _ask_registry(pinned, engine, runner, console)
    if refusal is None:
        return _pinned(name, declared, f"{name}: its registry has it")
    if declared.bootstrap is None:
        return f"{name}: {refusal}"
    if find_program("mmdebstrap") is None:
        return f"{name}: {refusal}, and mmdebstrap is not installed"
    made = make_base(name, declared.bootstrap, platform, engine, runner, console)
    return dataclasses.replace(made, reason=f"{name}: {refusal}, so it was made from the archive")


def _pinned(name: str, declared: BaseFamily, reason: str) -> BaseImage:
    return BaseImage(
        family=name,
        reference=declared.reference,
        digest=declared.digest,
        origin="registry",
        reason=reason,
    )


def _ask_registry(pinned: str, engine: Engine, runner: Runner, console: Console) -> str | None:
    """Why the registry does not give it, None when it does; nothing is pulled."""
    words = engine.buildx("imagetools", "inspect", "--raw", pinned)
    try:
        runner.run(words, deadline_s=REGISTRY_S, echo=False)
    except DeadlineError:
        return f"its registry did not answer within {REGISTRY_S:g} s"
    except CommandError as error:
        console.print(error.tail, markup=False, highlight=False)
        said = error.tail.lower()
        known = (meaning for word, meaning in CAUSES if word in said)
        return next(known, "its registry cannot be reached")
    return None

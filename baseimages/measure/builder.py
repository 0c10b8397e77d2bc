"""The other way to an engine of our own: a throw-away builder in a container, BuildKit pinned by digest.

For users who may not start a daemon. Its image has to be had from a registry; the base is handed
over as an OCI layout, because such a builder sees no image of the engine that it runs in.
"""

from __future__ import annotations

import os
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from baseimages.build import Engine, find_digests
from baseimages.command import Runner
from baseimages.errors import CommandError, MeasurementError
from baseimages.measure.isolated import (
    NEXT_STEP,
    PROCESSES,
    PrivateEngine,
    find_obstacle,
    isolated_engine,
)
from baseimages.plan import BuildPlan
from baseimages.records import write_text

# The digest stands in two public repositories that pin this version; it was not pulled here.
BUILDKIT = "moby/buildkit:v0.33.1@sha256:cec9f139f45e93c5c69c60f8b07cfad9f43f4ef6b6a6cd917527fea5ff2e3dea"
SETTINGS = "[worker.oci]\ngc = false\n"
CREATE_S = 300.0
SHORT_S = 60.0
TRANSFER_S = 600.0
PREFIX = "bench-"
PRESENT = "base image present"
PULLED = "base image pulled within it"


@contextmanager
def private_engine(engine: Engine, runner: Runner, folder: Path) -> Iterator[PrivateEngine]:
    """An engine with an empty store: a daemon where one can be started, else a builder in a container.

    Raises MeasurementError with both reasons where neither can be had.
    """
    obstacle = find_obstacle()
    if not obstacle:
        with isolated_engine(runner, folder) as private:
            yield private
        return
    with container_builder(engine, runner, folder, obstacle) as private:
        yield private


@contextmanager
def container_builder(engine: Engine, runner: Runner, folder: Path, obstacle: str) -> Iterator[PrivateEngine]:
    """A builder in a container of `engine`, removed with its state; `obstacle` is why it is no daemon."""
    _remove_builders_of_the_dead(engine, runner)
    name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
    settings = folder / f"{name}.toml"
    write_text(settings, SETTINGS)
    try:
        _create(engine, runner, name, settings, obstacle)
        yield PrivateEngine(
            **asdict(engine) | {"builder": name, "build_options": ()},
            pid=_find_pid(engine, runner, name),
            kind="docker-container",
            settings=f"{BUILDKIT}\n{SETTINGS}",
        )
    finally:
        settings.unlink(missing_ok=True)
        _remove(engine, runner, name)


def create_argv(engine: Engine, name: str, settings: Path) -> list[str]:
    """The command line that starts the builder; its steps use the host's network, as a daemon's do."""
    words = ["buildx", "create", f"--name={name}", "--driver=docker-container", "--bootstrap"]
    words += [f"--driver-opt=image={BUILDKIT}", "--driver-opt=network=host"]
    words += ["--buildkitd-flags=--oci-worker-net=host", f"--buildkitd-config={settings}"]
    return engine.argv(*words)


def _create(engine: Engine, runner: Runner, name: str, settings: Path, obstacle: str) -> None:
    try:
        runner.run(create_argv(engine, name, settings), deadline_s=CREATE_S)
    except CommandError as error:
        told = (error.tail.strip().splitlines() or [error.message])[-1][-200:]
        raise MeasurementError(
            f"no private engine can run here: {obstacle}; nor can a builder in a container: {told}",
            next_step=NEXT_STEP,
        ) from error


def _remove(engine: Engine, runner: Runner, name: str) -> None:
    with suppress(CommandError):
        runner.run(engine.argv("buildx", "rm", "--force", name), deadline_s=SHORT_S, echo=False)


def _remove_builders_of_the_dead(engine: Engine, runner: Runner) -> None:
    """Remove builders whose benchmark was killed."""
    words = engine.argv("buildx", "ls", "--format", "{{.Name}}")
    done = runner.run(words, deadline_s=SHORT_S, ok_codes=None, echo=False)
    for name in set(done.stdout.split()):
        pid = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and pid.isdigit() and not (PROCESSES / pid).exists():
            _remove(engine, runner, name)


def _find_pid(engine: Engine, runner: Runner, name: str) -> int | None:
    """The builder's process, None where the engine does not run on this host."""
    words = engine.argv("inspect", "--format", "{{.State.Pid}}", f"buildx_buildkit_{name}0")
    told = runner.run(words, deadline_s=SHORT_S, ok_codes=None, echo=False).stdout.strip()
    command = PROCESSES / told / "cmdline"
    if not told.isdigit() or not command.exists():
        return None
    return int(told) if b"buildkitd" in command.read_bytes() else None


def bring_base(
    plan: BuildPlan, engine: Engine, private: PrivateEngine, runner: Runner, scratch: Path
) -> tuple[PrivateEngine, str]:
    """Hand the base over before the clock starts: the engine to build with, and where the base is found.

    A daemon loads it. A builder in a container reads it as a named context, or pulls it beforehand by
    a build that does nothing else.
    """
    # By tag: what is saved by digest is loaded without a name.
    names = [name for name in (plan.base.reference, dict(plan.build_args).get("BUILD_IMAGE")) if name]
    archive = scratch / "base.tar"
    has_base = bool(find_digests(engine, runner, names))
    if has_base:
        runner.run(engine.argv("save", "-o", str(archive), *names), deadline_s=TRANSFER_S)
    try:
        if private.kind == "dockerd":
            return private, _load(plan, private, runner, archive if has_base else None)
        return _name_base(plan, private, runner, archive if has_base else None, names)
    finally:
        archive.unlink(missing_ok=True)


def _load(plan: BuildPlan, private: PrivateEngine, runner: Runner, archive: Path | None) -> str:
    if archive:
        runner.run(private.argv("load", "-i", str(archive)), deadline_s=TRANSFER_S)
    is_there = bool(find_digests(private, runner, [plan.base.build_argument]))
    return PRESENT if is_there else PULLED


def _name_base(
    plan: BuildPlan, private: PrivateEngine, runner: Runner, archive: Path | None, names: list[str]
) -> tuple[PrivateEngine, str]:
    if archive is None or plan.base.origin == "registry":
        pull = f"FROM {plan.base.build_argument}\nRUN true\n"
        words = private.buildx("build", "--output=type=cacheonly", f"--platform={plan.platform}", "-")
        runner.run(words, deadline_s=TRANSFER_S, stdin=pull)
        return private, PRESENT
    layout = archive.with_name("base-layout")
    with tarfile.open(archive) as tar:
        tar.extractall(layout, filter="data")
    contexts = (f"--build-context={name}=oci-layout://{layout}:{name.rpartition(':')[2]}" for name in names)
    return replace(private, build_options=(*private.build_options, *contexts)), PRESENT

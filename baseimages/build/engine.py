"""The container engine: found within seconds, asked for features and not for version strings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from baseimages.command import Runner
from baseimages.declare import Platform
from baseimages.errors import CommandError, DeadlineError, EngineError, MissingToolError
from baseimages.host import CONTAINERD_STORE

# An engine that never answers has to be named within five seconds, the start of Python among them.
INFO_S = 3.0
PLUGIN_S = 3.0
NEXT_STEP = "start it, or let `./bootstrap.sh` find, install and start one"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answers.

    `command` is how its client is called and `builder` its own builder, whatever BUILDX_BUILDER or
    `docker buildx use` say: base images and results live in this engine. `build_options` is what
    each of its builds needs beyond a plan.
    """

    command: tuple[str, ...]
    builder: str
    server_version: str
    buildx_version: str
    architecture: str
    build_options: tuple[str, ...] = ()

    @property
    def platform(self) -> Platform:
        """What it runs without emulation. Raises UsageError for a machine of no image."""
        return Platform.of_machine(self.architecture)

    def argv(self, *words: str) -> list[str]:
        """A command line for this engine."""
        return [*self.command, *words]

    def buildx(self, *words: str) -> list[str]:
        """A buildx command line for this engine's builder."""
        return [*self.command, "buildx", "--builder", self.builder, *words]


def find_engine(runner: Runner, *, host: str | None = None) -> Engine:
    """The engine that DOCKER_HOST or the current context names, or the one at `host`.

    Raises EngineError within 5 s when there is no client, no daemon, a daemon that never answers,
    no buildx, or a store that cannot export what a build makes.
    """
    command = ("docker", *(("--host", host) if host else ()))
    info = _ask(runner, command)
    _refuse_store(info)
    return Engine(
        command=command,
        builder=info["ClientInfo"]["Context"],
        server_version=info["ServerVersion"],
        buildx_version=_buildx_version(runner, command),
        architecture=info["Architecture"],
    )


def _ask(runner: Runner, command: tuple[str, ...]) -> dict[str, Any]:
    words = [*command, "info", "--format", "{{json .}}"]
    try:
        # Exit codes of `info` differ between clients: what it says decides.
        done = runner.run(words, deadline_s=INFO_S, ok_codes=None, echo=False)
        info = json.loads(done.stdout or "{}")
    except MissingToolError as error:
        raise EngineError("there is no docker client on PATH", next_step=NEXT_STEP) from error
    except DeadlineError as error:
        raise EngineError(
            f"the container engine accepts connections and did not answer within {INFO_S:g} s",
            next_step="restart it, as `./bootstrap.sh` never restarts what it did not start; "
            "`docker info` shows when it answers again",
        ) from error
    except ValueError as error:
        raise EngineError(
            f"`docker info` did not answer in JSON: {done.stdout[:200]!r}", next_step=NEXT_STEP
        ) from error
    if not isinstance(info, dict) or info.get("ServerErrors") or not info.get("ServerVersion"):
        raise _no_answer(info, done.stderr)
    return info


def _no_answer(info: object, stderr: str) -> EngineError:
    errors = info.get("ServerErrors") if isinstance(info, dict) else None
    said = errors or [line for line in stderr.splitlines() if line.strip()][-1:]
    cause = "; ".join(said) or "a client answered, and no daemon behind it"
    if "permission denied" in cause.lower():
        return EngineError(
            f"this user may not talk to the container engine: {cause}",
            next_step="join the group of its socket (`sudo usermod -aG docker $USER`, then log in "
            "again) or run as root",
        )
    return EngineError(f"no container engine answers: {cause}", next_step=NEXT_STEP)


def _refuse_store(info: dict[str, Any]) -> None:
    status = {row[0]: row[1] for row in info.get("DriverStatus") or [] if len(row) == 2}
    if status.get("driver-type") != CONTAINERD_STORE:
        raise EngineError(
            f"the engine's image store ({info.get('Driver')}) cannot export layouts",
            next_step='set {"features": {"containerd-snapshotter": true}} in its daemon.json and '
            "restart it (Docker Desktop: Settings, General, containerd)",
        )


def _buildx_version(runner: Runner, command: tuple[str, ...]) -> str:
    try:
        done = runner.run([*command, "buildx", "version"], deadline_s=PLUGIN_S, echo=False)
    except CommandError as error:
        raise EngineError(
            "the docker client has no buildx plugin",
            next_step="install the package docker-buildx (Docker's own: docker-buildx-plugin)",
        ) from error
    words = done.stdout.split()
    return words[1] if len(words) > 1 else done.stdout.strip()

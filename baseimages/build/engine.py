"""The container engine: found within seconds, asked for features and not for version strings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from baseimages.command import Runner
from baseimages.errors import CommandError, DeadlineError, EngineError, MissingToolError

PROBE_S = 4.0
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
NEXT_STEP = "start it, or let `./bootstrap.sh` find, install and start one"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answers; `command` is how its client is called."""

    command: tuple[str, ...]
    server_version: str
    buildx_version: str
    architecture: str

    def argv(self, *words: str) -> list[str]:
        """A command line for this engine."""
        return [*self.command, *words]


def find_engine(runner: Runner, *, host: str | None = None) -> Engine:
    """The engine that DOCKER_HOST or the current context names, or the one at `host`.

    Raises EngineError within seconds when there is no client, no daemon, a daemon that never
    answers, no buildx, or a store that cannot export what a build makes.
    """
    command = ("docker", *(("--host", host) if host else ()))
    info = _ask(runner, command)
    _refuse_errors(info)
    _refuse_store(info)
    return Engine(
        command=command,
        server_version=info["ServerVersion"],
        buildx_version=_buildx_version(runner, command),
        architecture=info["Architecture"],
    )


def _ask(runner: Runner, command: tuple[str, ...]) -> dict[str, Any]:
    try:
        # The exit code of `info` says little: with a format it is 0 without any daemon.
        done = runner.run(
            [*command, "info", "--format", "{{json .}}"],
            deadline_s=PROBE_S,
            ok_codes=None,
            echo=False,
        )
        info: dict[str, Any] = json.loads(done.stdout or "{}")
    except MissingToolError as error:
        raise EngineError("no docker client on PATH", next_step=NEXT_STEP) from error
    except DeadlineError as error:
        raise EngineError(
            f"the container engine accepts connections and did not answer within {PROBE_S:g} s",
            next_step="restart it; `docker info` shows when it answers again",
        ) from error
    except ValueError as error:
        raise EngineError(
            f"`docker info` did not answer in JSON: {done.stdout[:200]!r}", next_step=NEXT_STEP
        ) from error
    return info


def _refuse_errors(info: dict[str, Any]) -> None:
    errors = info.get("ServerErrors") or []
    if errors or not info.get("ServerVersion"):
        cause = "; ".join(errors) or "a client answered, and no daemon behind it"
        raise EngineError(f"no container engine answers: {cause}", next_step=NEXT_STEP)


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
        done = runner.run([*command, "buildx", "version"], deadline_s=PROBE_S, echo=False)
    except CommandError as error:
        raise EngineError(
            "the docker client has no buildx plugin",
            next_step="install the package docker-buildx (Docker's own: docker-buildx-plugin)",
        ) from error
    return done.stdout.split()[1] if len(done.stdout.split()) > 1 else done.stdout.strip()

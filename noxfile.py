"""Environments and matrices; `nox -l` is the menu. Logic lives in baseimages/, verbs in tasks.py.

Words after `--` go to the verb: `nox -s build-cpu -- --target core --base debian-13 --dry-run`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
VARIANTS = sorted(tomllib.loads((ROOT / "images.toml").read_text(encoding="utf-8"))["images"])
# bootstrap.sh has made the environment already: a second one would only cost time.
IS_READY = os.environ.get("BASEIMAGES_ENVIRONMENT") == "ready"
# A build tree needs time to stop after Ctrl-C; nox would kill it after half a second.
STOP_S = 20.0

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "none" if IS_READY else "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.stop_on_first_error = True
nox.options.sessions = ["main"]


def prepare(session: nox.Session) -> None:
    """Install the hash-locked tool environment, unless bootstrap.sh has done so."""
    if not IS_READY:
        session.install("--require-hashes", "-r", "tools/environment.txt")


def call(session: nox.Session, *words: str) -> None:
    """Run one program of the environment and give it time to stop."""
    prepare(session)
    session.run(*words, interrupt_timeout=STOP_S, terminate_timeout=STOP_S)


@nox.session
def main(session: nox.Session) -> None:
    """Lint, then build, test, scan and benchmark the CPU image's core, with its report: the main job."""
    words = [*session.posargs] if session.posargs else ["--target", "core"]
    session.notify("lint", posargs=[])
    for name in ("build-cpu", "test-cpu"):
        session.notify(name, posargs=words)
    session.notify("scan", posargs=["--variant", "cpu", *words])
    # The build before it is the cold run, and the engine's cache holds it: no second build. It ends
    # with the report.
    session.notify("benchmark", posargs=["--variant", "cpu", *words, "--in-place"])


@nox.session
def lint(session: nox.Session) -> None:
    """Lint Dockerfiles, shell, workflows and Python; `-- --json` or `-- --sarif FILE`."""
    call(session, "python", "-m", "invoke", "lint", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run rings 1 and 2 of the tests; ring 2 needs an engine and says so when it has none."""
    call(session, "python", "-m", "pytest", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def scan(session: nox.Session) -> None:
    """Make SBOMs of what is built; look for vulnerabilities, secrets, misconfiguration, licences."""
    call(session, "python", "-m", "invoke", "scan", *session.posargs)


@nox.session
def benchmark(session: nox.Session) -> None:
    """Measure cold, no-op and edit builds and the layers, `-- --against baseline`; write the report."""
    call(session, "python", "-m", "invoke", "benchmark", *session.posargs)


@nox.session
def report(session: nox.Session) -> None:
    """Render reports/ from the records of what is built."""
    call(session, "python", "-m", "invoke", "report", *session.posargs)


@nox.session
def compat(session: nox.Session) -> None:
    """Ask the indexes whether every declared combination can be had; `-- --dry-run`."""
    call(session, "python", "-m", "invoke", "compat", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve requirements again and write every lock with hashes; `-- --dry-run`."""
    call(session, "python", "-m", "invoke", "lock", *session.posargs)


@nox.session
def update_pins(session: nox.Session) -> None:
    """Change a version and its hash wherever it is pinned; `-- --dry-run`."""
    call(session, "python", "-m", "invoke", "update-pins", *session.posargs)


def add_image_sessions(variant: str) -> None:
    """Give an image its own `build-` and `test-` session."""

    @nox.session(name=f"build-{variant}")
    def build(session: nox.Session) -> None:
        call(session, "python", "-m", "invoke", "build", "--variant", variant, *session.posargs)

    @nox.session(name=f"test-{variant}")
    def test(session: nox.Session) -> None:
        call(session, "python", "-m", "invoke", "verify", "--variant", variant, *session.posargs)

    build.__doc__ = f"Build the {variant} image; `-- --dry-run` prints the plan."
    test.__doc__ = f"Run the suite of the {variant} image inside it."


for name in VARIANTS:
    add_image_sessions(name)

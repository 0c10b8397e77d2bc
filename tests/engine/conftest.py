"""A tiny family in a checkout of its own: the same verbs, an image of seconds, a real engine.

Its base is the host's own shell with the libraries that it loads, so no registry is asked.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

PROGRAMS = ("sh", "cat", "sleep", "mkdir", "rm", "ln")
PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
SHARED = ("tasks.py", "baseimages")
DOCKERFILE = """\
ARG BASE_FAMILY=tiny
ARG BASE_IMAGE=scratch
FROM ${BASE_IMAGE} AS base
RUN mkdir -p /data && echo first > /data/first && ln /data/first /data/hard && ln -s first /data/soft
FROM base AS one
ARG BASE_FAMILY
ARG REVISION
ARG CREATED
RUN rm /data/first && echo second > /data/second
COPY --link scripts/entrypoint.sh /entrypoint.sh
LABEL revision=${REVISION}
"""


def docker(*words: str) -> str:
    return subprocess.run(
        ["docker", *words], check=True, capture_output=True, text=True, timeout=120
    ).stdout.strip()


@dataclass(frozen=True)
class Checkout:
    """A checkout of the tiny family; `invoke` runs a verb in it as a person would."""

    root: Path
    name: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.started.append(process)
        return process

    def invoke(self, *words: str) -> subprocess.CompletedProcess[str]:
        with self.start(*words) as process:
            stdout, stderr = process.communicate(timeout=240)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def build(self, *words: str) -> dict[str, Any]:
        done = self.invoke("build", "--variant", "tiny", "--json", *words)
        assert done.returncode == 0, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, message: str = "Change") -> None:
        for words in (["add", "-A"], ["commit", "-q", "--allow-empty", "-m", message]):
            identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
            subprocess.run(["git", "-C", str(self.root), *identity, *words], check=True, timeout=60)

    @property
    def work(self) -> Path:
        return self.root / ".work" / self.name / "tiny" / "one"


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Reference of an image with a shell; gone at the end."""
    if sys.platform != "linux":
        pytest.skip("ring 2: the tiny base is made of a Linux host's own shell")
    tar_path = tmp_path_factory.mktemp("base") / "base.tar"
    with tarfile.open(tar_path, "w") as tar:
        for path in sorted(collect_programs()):
            tar.add(os.path.realpath(path), arcname=path)
    tag = f"baseimages-test-{secrets.token_hex(4)}:1"
    docker("import", str(tar_path), tag)
    yield tag
    docker("image", "rm", "--force", tag)


def collect_programs() -> set[str]:
    """The programs and what the loader loads for them."""
    programs = {f"/bin/{name}": shutil.which(name) or f"/bin/{name}" for name in PROGRAMS}
    found = set(programs)
    for path in programs.values():
        listing = subprocess.run(["ldd", path], capture_output=True, text=True, timeout=30, check=True)
        found |= set(re.findall(r"(/\S+) \(0x", listing.stdout))
    return found


@pytest.fixture
def checkout(tmp_path: Path, tiny_base: str) -> Iterator[Checkout]:
    """A committed checkout whose one image builds on the tiny base."""
    name = f"tiny_{secrets.token_hex(4)}"
    root = tmp_path / "checkout"
    root.mkdir()
    made = Checkout(root=root, name=name)
    for shared in SHARED:
        (root / shared).symlink_to(ROOT / shared)
    digest = docker("image", "inspect", "--format", "{{.Id}}", tiny_base)
    architecture = docker("version", "--format", "{{.Server.Arch}}")
    made.write("images.toml", render_family(name, tiny_base, digest, f"linux/{architecture}"))
    made.write(f"{name}/Dockerfile", DOCKERFILE)
    made.write("scripts/entrypoint.sh", '#!/bin/sh\nexec "$@"\n')
    made.write(".dockerignore", "*\n!scripts/*\n")
    made.write(".gitignore", ".work/\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True, timeout=60)
    made.commit("First")
    yield made
    for process in made.started:
        with process:  # Ended, not killed: it has to end the build that it started.
            process.terminate()
    tags = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", name).split()
    for tag in tags:
        docker("image", "rm", "--force", tag)


def render_family(name: str, reference: str, digest: str, platform: str) -> str:
    return f"""
[bases.tiny]
reference = "{reference}"
glibc = "2.39"
digest = "{digest}"

[images.tiny]
name = "{name}"
environment_version = "1"
platform = "{platform}"
accelerator = "cpu"
targets = ["one"]
default_target = "one"
bases = ["tiny"]
suite = "image_testing/test.sh"
tags = ["{{target}}-{{base}}", "{{target}}-{{base}}-{{revision}}"]
"""


@pytest.fixture
def interrupt() -> Callable[[subprocess.Popen[str]], None]:
    """Ctrl-C as a terminal sends it: to the whole foreground group."""

    def send(process: subprocess.Popen[str]) -> None:
        os.killpg(process.pid, signal.SIGINT)

    return send


def wait_until(condition: Callable[[], bool], *, limit_s: float) -> bool:
    """Whether the condition came true in time."""
    limit = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True

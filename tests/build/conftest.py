"""A plan, an engine that is scripted, and the layout that its export would write."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from baseimages.build import BuildRecord, Engine, HostFacts, Step, buildx, run_build
from baseimages.build.progress import ProgressReader
from baseimages.declare import Revision
from baseimages.plan import BaseImage, BuildPlan, Secret
from baseimages.records import WorkFolder, load_record
from tests.conftest import ROOT, FakeRunner

STREAMS = ROOT / "tests" / "fixtures" / "build"
ENGINE = Engine(
    command=("docker",),
    builder="default",
    server_version="28.5.2",
    buildx_version="0.29.1",
    architecture="x86_64",
)
BUILDX = ("docker", "buildx", "--builder", "default")
SOLVE, EXPORT = "type=image,store=false", "type=oci"
INSPECT = ("docker", "image", "inspect", "--format", "{{.Id}}")
BASE = BaseImage(
    family="tiny",
    reference="tiny:1",
    digest="sha256:" + "0" * 64,
    origin="registry",
    reason="tiny: the engine holds it",
)
HOST = HostFacts(cpu="a CPU", cores=2, memory_bytes=None, kernel="6", system="Debian")
Build = Callable[..., BuildRecord]
SOURCE_DIGEST = "sha256:" + "5" * 64


def read_stream(name: str) -> str:
    return (STREAMS / f"{name}.jsonl").read_text(encoding="utf-8")


def read_metadata() -> dict[str, Any]:
    """The metadata file of the build whose progress is `metadata.jsonl`."""
    found: dict[str, Any] = json.loads((STREAMS / "metadata.json").read_text(encoding="utf-8"))
    return found


def read_steps(name: str) -> tuple[Step, ...]:
    reader = ProgressReader()
    for line in read_stream(name).splitlines():
        reader.feed(line)
    return reader.steps


def said(console: Console) -> str:
    """What was printed, on one line."""
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def write_blob(layout: Path, content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    path = layout / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def write_layout(layout: Path, content: bytes = b"one layer") -> str:
    """An OCI layout with one image of one layer; gives the digest of its manifest."""
    config = write_blob(layout, b"config of " + content)
    layer = write_blob(layout, content)
    manifest = write_blob(layout, json.dumps({"config": config, "layers": [layer]}).encode())
    (layout / "index.json").write_text(json.dumps({"manifests": [manifest]}), encoding="utf-8")
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
    return str(manifest["digest"])


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def plan(tmp_path: Path) -> BuildPlan:
    return BuildPlan(
        variant="one",
        image_name="image_one",
        target="core",
        platform="linux/amd64",
        build_platform="linux/amd64",
        base=BASE,
        root=tmp_path,
        dockerfile="image_one/Dockerfile",
        stages=("os", "core"),
        build_args=(("BASE_IMAGE", BASE.build_argument), ("GREETING", "two words; $(rm -rf /) && `id`")),
        labels=(("org.example.title", "it's a title"),),
        tags=("image_one:core-tiny", "image_one:core-tiny-0123"),
        secrets=(Secret(id="ca", path=tmp_path / "ca.pem"),),
        revision=Revision(commit="0123" * 10, dirty=False, epoch_s=1767323045),
    )


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    return WorkFolder(root=tmp_path, image_name="image_one", base="tiny", target="core")


class FakeDocker:
    """Scripts what the engine does during a build; `source` and `content` are what it builds."""

    def __init__(self, runner: FakeRunner, work: WorkFolder) -> None:
        self.runner, self.work = runner, work
        self.source, self.content = SOURCE_DIGEST, b"one layer"
        self.told: dict[str, object] = {}
        runner.script(*BUILDX, "du", stdout="Total: 0B\n")
        self.script_solve()
        self.script_export(action=self.export)
        runner.script(*INSPECT, returncode=1, stderr="Error: No such image")
        runner.script("docker", "load")

    def script_solve(self, stream: str = "no-op", **answer: object) -> None:
        options = {"stderr": read_stream(stream), "action": self._solve} | answer
        self.runner.script(*BUILDX, *self._build("solve"), **options)

    def script_export(self, **answer: object) -> None:
        self.runner.script(*BUILDX, *self._build("export"), **answer)

    def calls(self, word: str) -> list[tuple[str, ...]]:
        return [call for call in self.runner.calls if word in " ".join(call)]

    def _build(self, part: str) -> tuple[str, ...]:
        metadata = self.work.path / part / "metadata.json"
        return ("build", "--progress=rawjson", f"--metadata-file={metadata}")

    def _solve(self, call: tuple[str, ...]) -> None:
        self._tell_digest("solve", self.source)

    def export(self, call: tuple[str, ...]) -> None:
        self._tell_digest("export", write_layout(self.work.layout, self.content))

    def _tell_digest(self, part: str, digest: str) -> None:
        text = json.dumps(self.told | {"containerimage.digest": digest})
        (self.work.path / part / "metadata.json").write_text(text, encoding="utf-8")


@pytest.fixture
def docker(runner: FakeRunner, work: WorkFolder, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    monkeypatch.setattr(buildx, "host_facts", lambda: HOST)
    return FakeDocker(runner, work)


@pytest.fixture
def build(plan: BuildPlan, docker: FakeDocker, work: WorkFolder, console: Console) -> Build:
    def call(**changes: object) -> BuildRecord:
        return run_build(dataclasses.replace(plan, **changes), ENGINE, docker.runner, work, console)

    return call


def stored(work: WorkFolder) -> BuildRecord:
    return load_record(work.path / WorkFolder.BUILD, BuildRecord, made_by="invoke build")

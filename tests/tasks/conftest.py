"""A checkout in which verbs are called as invoke calls them; nothing is started."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from invoke import Config, MockContext

import tasks
from baseimages import measuring, verbs
from baseimages.build import BaseFacts, BuildRecord, EngineFacts, HostFacts
from baseimages.command import Completed
from baseimages.declare import load_family
from baseimages.records import WorkFolder, write_record
from tests.conftest import ROOT

COMMIT = "a" * 40
DIGEST = "sha256:" + "d" * 64


class GitRunner:
    """Answers git; anything else is an unforeseen program."""

    commit = COMMIT

    def run(self, argv: list[str], **_: Any) -> Completed:
        assert argv[0] == "git", f"not scripted: {argv}"
        stdout = f"{self.commit} 1767323045\n" if "log" in argv else ""
        return Completed(argv=tuple(argv), returncode=0, stdout=stdout, stderr="", duration_s=0.0)


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (measuring, verbs):
        monkeypatch.setattr(module, "ProcessRunner", GitRunner)


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    """A verb takes SIGTERM for itself; a test gives it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def hold_images(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[str]:
    """An engine that holds what is built; gives what it was asked to load."""
    loaded: list[str] = []
    monkeypatch.setattr(module, "find_engine", lambda _: None)
    monkeypatch.setattr(module, "load_build", lambda work, record, *_: loaded.append(record.tags[0]))
    return loaded


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which nothing was built."""
    (tmp_path / "images.toml").write_bytes((ROOT / "images.toml").read_bytes())
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    return tmp_path


def store_build(
    root: Path,
    target: str,
    *,
    base: str = "debian-13",
    started_at: str = "2026-01-02",
    variant: str = "cpu",
) -> BuildRecord:
    """A build as it is found later."""
    image = load_family(root / "images.toml").image(variant)
    record = BuildRecord(
        variant=variant, image_name=image.name, target=target, platform="linux/amd64",
        base=BaseFacts(family=base, reference="x:1", digest=DIGEST, origin="registry", reason="held"),
        revision=COMMIT, dirty=False, source_digest=DIGEST, manifest_digest=DIGEST,
        tags=(f"{image.name}:{target}-{base}",), build_args={},
        engine=EngineFacts(server_version="28", buildx_version="0.29", architecture="x86_64"),
        host=HostFacts(cpu="a CPU", cores=2, memory_bytes=None, kernel="6", system="Debian"),
        started_at=started_at, duration_s=1.0, export_duration_s=1.0, load_duration_s=1.0,
        cold=True, cold_reason="the build cache held no record", base_present=True, steps=(),
        progress_sha256="0" * 64,
    )  # fmt: skip
    work = WorkFolder(root=root, image_name=image.name, base=base, target=target)
    write_record(work.path / WorkFolder.BUILD, record)
    return record


def list_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def call(verb: Callable[..., None], **words: Any) -> None:
    verb(MockContext(Config()), **words)


def refusal(
    capsys: pytest.CaptureFixture[str], verb: Callable[..., None], **words: Any
) -> tuple[object, str]:
    """Exit code and message of a verb that refuses."""
    with pytest.raises(SystemExit) as caught:
        call(verb, **words)
    return caught.value.code, capsys.readouterr().err


class NoRunner:
    """Starts nothing, not even git."""

    def run(self, argv: list[str], **_: Any) -> Completed:
        raise AssertionError(f"started before the words were checked: {argv}")

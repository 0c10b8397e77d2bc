"""Programs are used only when their bytes are the pinned ones."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.error
from pathlib import Path
from typing import Any, ClassVar

import pytest

from baseimages.errors import DeclarationError, MissingToolError, VerificationError
from baseimages.host import tools
from baseimages.records import sha256_of
from tests.conftest import FakeRunner

PIN: dict[str, Any] = {
    "version": "1.0",
    "go_module": "example.org/t",
    "go_package": ".",
    "go_sum": "h1:right",
    "go_ldflags": "-s",
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tools, "user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.setattr(tools, "find_program", lambda _: Path("/usr/bin/go"))
    return tmp_path / "cache"


def use_pin(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    pin = tools.Pin.model_validate(PIN | changes)
    monkeypatch.setattr(tools, "load_pins", lambda: {"t": pin})


def script_go(runner: FakeRunner, tmp_path: Path, found_sum: str) -> None:
    answer = json.dumps({"Sum": found_sum, "Dir": str(tmp_path)})
    runner.script("/usr/bin/go", "mod", "download", stdout=answer)

    def compile_it(call: tuple[str, ...]) -> None:
        Path(call[call.index("-o") + 1]).write_text("binary")

    runner.script("/usr/bin/go", "build", action=compile_it)


def test_a_module_with_the_committed_sum_is_compiled_once(
    cache: Path, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pin(monkeypatch)
    script_go(runner, tmp_path, "h1:right")
    path = tools.find_tool("t", runner)
    assert path.read_text() == "binary"
    calls = len(runner.calls)
    assert tools.find_tool("t", runner) == path
    assert len(runner.calls) == calls


def test_a_module_with_another_sum_is_refused(
    cache: Path, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pin(monkeypatch)
    script_go(runner, tmp_path, "h1:wrong")
    with pytest.raises(VerificationError, match="h1:wrong, not h1:right"):
        tools.find_tool("t", runner)
    assert not list(cache.rglob("t"))[1:]


def test_a_cached_program_that_was_altered_is_obtained_again(
    cache: Path, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pin(monkeypatch)
    script_go(runner, tmp_path, "h1:right")
    tools.find_tool("t", runner).write_text("altered")
    assert tools.find_tool("t", runner).read_text() == "binary"


class Answer(io.BytesIO):
    """What a server sends."""

    headers: ClassVar[dict[str, str]] = {}


def make_archive(tmp_path: Path) -> Path:
    (tmp_path / "t").write_text("released")
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "t", arcname="t")
    return tmp_path / "t.tar.gz"


@pytest.mark.parametrize("honest", [True, False])
def test_a_released_archive_is_used_by_its_hash_only(
    cache: Path, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: bool
) -> None:
    archive = make_archive(tmp_path)
    digest = sha256_of(archive) if honest else "0" * 64
    place = {tools._platform(): {"url": "https://example.org/t.tar.gz", "sha256": digest}}
    use_pin(monkeypatch, archives=place)
    monkeypatch.setattr(tools.urllib.request, "urlopen", lambda *_, **__: Answer(archive.read_bytes()))
    if honest:
        assert tools.find_tool("t", runner).read_text() == "released"
    else:
        with pytest.raises(VerificationError, match="do not use it"):
            tools.find_tool("t", runner)


def test_an_unreachable_archive_falls_back_to_the_module(
    cache: Path, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {tools._platform(): {"url": "https://example.org/t.tar.gz", "sha256": "0" * 64}}
    use_pin(monkeypatch, archives=place)

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(tools.urllib.request, "urlopen", refuse)
    script_go(runner, tmp_path, "h1:right")
    assert tools.find_tool("t", runner).read_text() == "binary"


def test_without_go_and_without_an_archive_the_next_step_is_told(
    cache: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pin(monkeypatch)
    monkeypatch.setattr(tools, "find_program", lambda _: None)
    with pytest.raises(MissingToolError, match="Next: install Go"):
        tools.find_tool("t", runner)


def test_the_committed_pins_are_whole() -> None:
    pins = tools.load_pins()
    assert set(pins) == {"actionlint", "trivy"}
    assert all(pin.go_sum.startswith("h1:") for pin in pins.values())
    assert all(pin.version in archive.url for pin in pins.values() for archive in pin.archives.values())


def test_a_damaged_pin_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "pins.toml").write_text("[t]\nversion = 1\n")
    with pytest.raises(DeclarationError, match=r"pins\.toml"):
        tools.load_pins(tmp_path / "pins.toml")

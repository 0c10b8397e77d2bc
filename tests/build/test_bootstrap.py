"""A base from the archive: made once a day, whole or not at all, named by its content."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build import bootstrap
from baseimages.build.bootstrap import find_mirrors, make_base, parse_sources
from baseimages.declare import Bootstrap, Platform
from baseimages.errors import BaseFamilyError, CommandError
from baseimages.plan import SOURCE_DATE_EPOCH_S, BaseImage
from tests.build.conftest import ENGINE, INSPECT
from tests.conftest import FakeRunner

CONTENT = b"a root file system"
FOREIGN = b"a root file system for another machine"
TAG = f"baseimages/debian-13:{hashlib.sha256(CONTENT).hexdigest()[:12]}"
EXCLUDE, KEEP = ("/usr/share/doc/*",), ("/usr/share/doc/*/copyright",)
ONE_LINE = "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian trixie main contrib\n"
STANZA = """Types: deb deb-src
URIs: https://mirror.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg
"""
Make = Callable[..., BaseImage]


class Clock(datetime):
    today = datetime(2026, 1, 2, 12, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return cls.today


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bootstrap, "user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr(bootstrap, "find_mirrors", lambda suite: ["deb https://m.example trixie main"])
    monkeypatch.setattr(bootstrap, "datetime", Clock)
    return tmp_path / "baseimages" / "bases"


@pytest.fixture
def make(runner: FakeRunner, console: Console, cache: Path) -> Make:
    runner.script("mmdebstrap", stdout=CONTENT.decode())
    runner.script("docker", "run", stdout=FOREIGN.decode())
    runner.script(*INSPECT, returncode=1)
    runner.script("docker", "import")

    def call(
        suite: str = "trixie",
        include: tuple[str, ...] = ("ca-certificates",),
        target: Platform = Platform.AMD64,
    ) -> BaseImage:
        recipe = Bootstrap(suite=suite, include=include, exclude=EXCLUDE, keep=KEEP)
        return make_base("debian-13", recipe, target, ENGINE, runner, console)

    return call


def calls(runner: FakeRunner, *prefix: str) -> list[tuple[str, ...]]:
    return [call for call in runner.calls if call[: len(prefix)] == prefix]


def test_the_base_is_named_by_the_content_of_its_tar(make: Make) -> None:
    base = make()
    assert (base.reference, base.origin) == (TAG, "bootstrapped")
    assert base.digest == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def test_mmdebstrap_gets_the_recipe_the_platform_and_the_mirrors(make: Make, runner: FakeRunner) -> None:
    make()
    (words,) = calls(runner, "mmdebstrap")
    assert words[2:4] == ("--variant=minbase", "--architectures=amd64")
    assert words[-4:] == ("--include=ca-certificates", "trixie", "-", "deb https://m.example trixie main")


def test_the_base_of_another_platform_is_made_in_a_container_of_the_engines_own(
    make: Make, runner: FakeRunner
) -> None:
    base = make(target=Platform.ARM64)
    assert base.build_reference == TAG
    assert base.digest == f"sha256:{hashlib.sha256(FOREIGN).hexdigest()}"
    (words,) = calls(runner, "docker", "run")
    assert TAG in words
    assert {"--architectures=arm64", "--mode=chrootless"} < set(words)
    assert not [word for word in words if word.startswith("--include")]


def test_a_base_of_the_engines_platform_needs_no_second_one(make: Make, runner: FakeRunner) -> None:
    assert make().build_reference == ""
    assert not calls(runner, "docker", "run")


def test_what_the_recipe_excludes_is_neither_unpacked_here_nor_for_another_machine(
    make: Make, runner: FakeRunner
) -> None:
    make(target=Platform.ARM64)
    for words in (*calls(runner, "mmdebstrap"), *calls(runner, "docker", "run")):
        at = words.index("--dpkgopt=path-exclude=/usr/share/doc/*")
        # dpkg heeds the last of its settings that fits.
        assert words[at + 1] == "--dpkgopt=path-include=/usr/share/doc/*/copyright"


def test_a_recipe_without_packages_adds_none(make: Make, runner: FakeRunner) -> None:
    make(include=())
    assert not [word for word in calls(runner, "mmdebstrap")[0] if word.startswith("--include")]


def test_newer_files_get_a_fixed_time_so_that_each_day_gives_the_same_bytes(
    make: Make, runner: FakeRunner
) -> None:
    make()
    environment = runner.envs[runner.calls.index(calls(runner, "mmdebstrap")[0])]
    assert environment is not None
    assert environment["SOURCE_DATE_EPOCH"] == str(SOURCE_DATE_EPOCH_S)
    assert "PATH" in environment


def test_the_tar_of_the_day_is_used_again(make: Make, runner: FakeRunner) -> None:
    assert make() == make()
    assert len(calls(runner, "mmdebstrap")) == 1


def test_another_day_makes_the_base_anew(
    make: Make, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    monkeypatch.setattr(Clock, "today", datetime(2026, 1, 3, tzinfo=UTC))
    make()
    assert len(calls(runner, "mmdebstrap")) == 2


def test_another_recipe_does_not_get_the_tar_of_the_first(make: Make, runner: FakeRunner) -> None:
    make()
    make(include=("ca-certificates", "curl"))
    assert len(calls(runner, "mmdebstrap")) == 2


def test_a_failing_mmdebstrap_leaves_neither_a_tar_nor_a_part_of_one(
    make: Make, runner: FakeRunner, cache: Path
) -> None:
    runner.script("mmdebstrap", stdout="half a tar", returncode=25, stderr="E: no user namespaces\n")
    with pytest.raises(BaseFamilyError, match="no user namespaces"):
        make()
    assert not list(cache.glob("*.tar"))


def test_an_interrupted_mmdebstrap_leaves_no_part_of_a_tar(
    make: Make, runner: FakeRunner, cache: Path
) -> None:
    runner.script("mmdebstrap", stdout="half a tar", error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        make()
    assert not list(cache.glob("*.tar"))


def test_a_tar_that_is_not_in_the_engine_is_imported_for_its_platform(make: Make, runner: FakeRunner) -> None:
    make()
    (words,) = calls(runner, "docker", "import")
    assert words[2] == "--platform=linux/amd64"
    assert words[-1] == TAG


def test_the_import_is_skipped_when_the_engine_holds_the_tag(make: Make, runner: FakeRunner) -> None:
    runner.script(*INSPECT, TAG, stdout="sha256:1\n")
    assert make().reference == TAG
    assert not calls(runner, "docker", "import")


def test_a_refused_import_is_an_error_and_the_tar_stays(make: Make, runner: FakeRunner, cache: Path) -> None:
    runner.script("docker", "import", returncode=1, stderr="no space left on device")
    with pytest.raises(CommandError, match="no space left"):
        make()
    assert len(list(cache.glob("*.tar"))) == 1


def test_sources_are_read_from_the_one_line_form() -> None:
    assert list(parse_sources(ONE_LINE)) == [("https://mirror.example/debian", "trixie")]


def test_sources_are_read_from_the_stanza_form() -> None:
    assert list(parse_sources(STANZA)) == [
        ("https://mirror.example/debian", "trixie"),
        ("https://mirror.example/debian", "trixie-updates"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "deb https://user:secret@mirror.example/debian trixie main",
        STANZA.replace("//", "//user:secret@"),
        "# deb https://mirror.example/debian trixie main",
        "deb-src https://mirror.example/debian trixie main",
        "deb cdrom:[disc]/ trixie main",
        "deb file:/srv/mirror trixie main",
        STANZA + "Enabled: no\n",
        STANZA.replace("deb deb-src", "deb-src"),
        STANZA.replace("URIs", "# URIs"),
        "",
    ],
    ids=[
        "a password in a line",
        "a password in a stanza",
        "a comment",
        "sources in a line",
        "a disc",
        "a folder",
        "a disabled stanza",
        "sources in a stanza",
        "a commented field",
        "nothing",
    ],
)
def test_what_is_no_open_binary_source_is_left_out(text: str) -> None:
    assert list(parse_sources(text)) == []


def test_a_disabled_stanza_leaves_its_neighbours_alone() -> None:
    text = f"{STANZA}Enabled: no\n\n{STANZA.replace('mirror', 'other')}"
    assert {uri for uri, _ in parse_sources(text)} == {"https://other.example/debian"}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def settle(text: str, **system: str) -> None:
        sources = tmp_path / "sources.list"
        sources.write_text(text, encoding="utf-8")
        monkeypatch.setattr(bootstrap, "SOURCES", (sources, tmp_path / "absent"))
        monkeypatch.setattr(platform, "freedesktop_os_release", lambda: system)

    return settle


def test_mirrors_of_the_host_serve_the_suite_that_is_asked_for(host: Callable[..., None]) -> None:
    text = (
        "deb http://m.example/debian bookworm main contrib\n"
        "deb http://m.example/debian bookworm-backports main\n"
        "deb http://m.example/security bookworm-security main\n"
        "deb http://m.example/debian bookworm main\n"
    )
    host(text, ID="debian", VERSION_CODENAME="bookworm")
    assert find_mirrors("trixie") == [
        "deb http://m.example/debian trixie main",
        "deb http://m.example/security trixie-security main",
    ]


def test_the_mirrors_of_another_distribution_are_not_used(host: Callable[..., None]) -> None:
    host("deb http://m.example/ubuntu noble main\n", ID="ubuntu", VERSION_CODENAME="noble")
    assert find_mirrors("trixie") == []


def test_a_host_that_does_not_say_what_it_is_has_no_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> dict[str, str]:
        raise OSError("no os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", refuse)
    assert find_mirrors("trixie") == []

"""Programs the tool calls: from the environment, from the user's cache, or obtained and verified."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import urllib.request
from pathlib import Path
from typing import IO, cast

from filelock import FileLock
from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.progress import wrap_file

from baseimages.command import Runner, find_program
from baseimages.errors import DeclarationError, MissingToolError, VerificationError
from baseimages.records import sha256_of

PINS = Path(__file__).parents[2] / "tools" / "pins.toml"
DOWNLOAD_S = 30.0
MODULE_S = 900.0
COMPILE_S = 3600.0


class Archive(BaseModel):
    """A released archive of one platform."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str
    sha256: str


class Pin(BaseModel):
    """One program at one version, and the ways to obtain it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: str
    go_module: str
    go_package: str
    go_sum: str
    go_ldflags: str
    go_environment: dict[str, str] = {}
    archives: dict[str, Archive] = {}


def find_tool(name: str, runner: Runner) -> Path:
    """Path of a program. Pinned ones come from the cache, after they were obtained and verified.

    Raises MissingToolError, VerificationError, DeclarationError (pins).
    """
    pin = load_pins().get(name)
    if pin is None:
        return _from_environment(name)
    binary = user_cache_path("baseimages") / "tools" / name / pin.version / name
    if not _is_whole(binary):
        binary.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{binary}.lock"):
            if not _is_whole(binary):
                _obtain(name, pin, binary, runner)
    return binary


def load_pins(path: Path = PINS) -> dict[str, Pin]:
    """The pins by program. Raises DeclarationError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Pin.model_validate(pin) for name, pin in table.items()}
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise DeclarationError(f"{path}: {error}", next_step="mend the file") from error


def _from_environment(name: str) -> Path:
    own = Path(sysconfig.get_path("scripts")) / name
    found = own if own.exists() else find_program(name)
    if found is None:
        raise MissingToolError(
            f"{name} is neither in the environment nor on PATH",
            next_step="run through ./bootstrap.sh, which installs the tool environment",
        )
    return found


def _is_whole(binary: Path) -> bool:
    """Whether the cached program is the one that was verified when it was put there."""
    stamp = binary.with_name(f"{binary.name}.sha256")
    return (
        binary.exists() and stamp.exists() and stamp.read_text(encoding="utf-8").strip() == sha256_of(binary)
    )


def _obtain(name: str, pin: Pin, binary: Path, runner: Runner) -> None:
    console = Console(stderr=True, soft_wrap=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
        made = _download(name, pin, Path(folder), console) or _compile(
            name, pin, Path(folder), runner, console
        )
        made.chmod(made.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        digest = sha256_of(made)
        made.replace(binary)
    binary.with_name(f"{name}.sha256").write_text(f"{digest}\n", encoding="utf-8")


def _download(name: str, pin: Pin, folder: Path, console: Console) -> Path | None:
    """The program out of its released archive, or None when there is none to reach."""
    archive = pin.archives.get(_platform())
    if archive is None:
        return None
    console.print(f"downloading {name} {pin.version}")
    packed, binary = folder / "archive", folder / name
    try:
        _fetch(archive.url, packed, console)
    except OSError as error:
        console.print(f"its archive cannot be reached ({error}); compiling it instead")
        return None
    _check_archive(packed, archive)
    # Its bytes only: whatever else the archive says of the file or of others is not wanted.
    with tarfile.open(packed) as tar, binary.open("wb") as target:
        shutil.copyfileobj(cast("IO[bytes]", tar.extractfile(name)), target)
    return binary


def _fetch(url: str, target: Path, console: Console) -> None:
    with urllib.request.urlopen(url, timeout=DOWNLOAD_S) as answer, target.open("wb") as stream:
        size_bytes = int(answer.headers.get("Content-Length") or 0)
        with wrap_file(answer, size_bytes, console=console, transient=True) as shown:
            shutil.copyfileobj(shown, stream)


def _check_archive(packed: Path, archive: Archive) -> None:
    found = sha256_of(packed)
    if found != archive.sha256:
        raise VerificationError(
            f"{archive.url} has sha256 {found}, not {archive.sha256}",
            next_step="do not use it; compare with the release page and mend tools/pins.toml",
        )


def _compile(name: str, pin: Pin, folder: Path, runner: Runner, console: Console) -> Path:
    """Compile the module at its exact version, checked against the committed sum."""
    go = find_program("go")
    if go is None:
        raise MissingToolError(
            f"{name} {pin.version} cannot be downloaded here and there is no Go to compile it",
            next_step="install Go (package golang-go), or reach its release host",
        )
    # A cache of its own, removed with the folder: these sources are needed once.
    environment = {
        **os.environ,
        **pin.go_environment,
        "CGO_ENABLED": "0",
        "GOCACHE": str(folder / "cache"),
        "GOMODCACHE": str(folder / "modules"),
        "GOFLAGS": "-modcacherw",
    }
    console.print(f"compiling {name} {pin.version} from its Go module; this happens once")
    with console.status(f"fetching and compiling {name}"):
        done = runner.run(
            [str(go), "mod", "download", "-json", f"{pin.go_module}@v{pin.version}"],
            deadline_s=MODULE_S,
            env=environment,
        )
        module = json.loads(done.stdout)
        _check_sum(name, pin, module["Sum"])
        words = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
        words += ["-ldflags", pin.go_ldflags, "-o", str(folder / name), pin.go_package]
        runner.run([str(go), *words], deadline_s=COMPILE_S, env=environment, cwd=Path(module["Dir"]))
    return folder / name


def _check_sum(name: str, pin: Pin, found: str) -> None:
    if found != pin.go_sum:
        raise VerificationError(
            f"the Go module of {name} {pin.version} has sum {found}, not {pin.go_sum}",
            next_step="do not use it; compare with the Go checksum database, mend tools/pins.toml",
        )


def _platform() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return f"{sys.platform}-{machine}"

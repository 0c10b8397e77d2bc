"""A base image made from the distribution's archive, where no registry can be reached.

The same state of the archive gives the same bytes, so the tag names the content: machines that
bootstrap the same state agree on their base.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path
from rich.console import Console

from baseimages.build.engine import Engine
from baseimages.build.store import find_digests
from baseimages.command import Runner
from baseimages.declare import Bootstrap, Platform
from baseimages.errors import BaseFamilyError, CommandError
from baseimages.plan import SOURCE_DATE_EPOCH_S, BaseImage
from baseimages.records import sha256_of

BOOTSTRAP_S = 900.0
BOOTSTRAP_IDLE_S = 180.0
IMPORT_S = 300.0
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources"))
# A stable release is its archive and what repairs it.
SUFFIXES = ("", "-updates", "-security")
COMPONENT = "main"
ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+\S")


# In a container of the native base: fetch mmdebstrap, then become it; its tar is the output.
IN_CONTAINER = """\
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install -y --no-install-recommends mmdebstrap; } >&2
exec "$@"
"""


def make_base(
    name: str,
    recipe: Bootstrap,
    target: Platform,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BaseImage:
    """Make the base and import it; a tar of the same day (UTC) is used again.

    That of another platform than the engine's is made in a container of the engine's own, and
    `build_reference` names that one. To make a base anew, remove its tar from the cache folder.
    Raises BaseFamilyError.
    """
    native = None
    if target != engine.platform:
        native = make_base(name, recipe, engine.platform, engine, runner, console)
    tar = _cached_tar(name, recipe, target)
    with FileLock(f"{tar}.lock"):
        if not tar.exists():
            console.print(f"making {name} for {target.value} from the archive with mmdebstrap")
            words = _list_words(recipe, target, native, engine)
            _run_mmdebstrap(words, tar, runner, console)
    digest = sha256_of(tar)
    tag = f"baseimages/{name}:{digest[:12]}"
    if not find_digests(engine, runner, [tag]):
        words = engine.argv("import", f"--platform={target.value}", str(tar), tag)
        runner.run(words, deadline_s=IMPORT_S)
    return BaseImage(
        family=name,
        reference=tag,
        digest=f"sha256:{digest}",
        origin="bootstrapped",
        reason="",
        build_reference=native.reference if native else "",
    )


def _cached_tar(name: str, recipe: Bootstrap, target: Platform) -> Path:
    folder = user_cache_path("baseimages") / "bases"
    folder.mkdir(parents=True, exist_ok=True)
    inputs = json.dumps([recipe.model_dump(), target, SOURCE_DATE_EPOCH_S, find_mirrors(recipe.suite)])
    key = hashlib.sha256(inputs.encode()).hexdigest()[:8]
    # The archive moves, and a base without its security updates is not to live on for months.
    return folder / f"{name}-{key}-{datetime.now(UTC):%Y%m%d}.tar"


def _list_words(recipe: Bootstrap, target: Platform, native: BaseImage | None, engine: Engine) -> list[str]:
    """A command that writes the base's tar to its output.

    For another platform nothing is emulated: maintainer scripts of the essential packages run with
    native programs. In a container, because a script that forgets the tree writes to the machine it
    runs on. What the recipe includes is left to the image's own packages: their scripts do not know
    that mode. Which paths are left out is then decided by the settings of the native base, which has
    the same.
    """
    words = ["mmdebstrap", "--format=tar", f"--variant={recipe.variant}"]
    words += [f"--architectures={target.architecture}"]
    words += [f"--dpkgopt=path-exclude={path}" for path in recipe.exclude]
    words += [f"--dpkgopt=path-include={path}" for path in recipe.keep]
    if native:
        epoch = f"--env=SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH_S}"
        shell = ["sh", "-euc", IN_CONTAINER, "sh"]
        words = [*engine.argv("run", "--rm", epoch, native.reference), *shell, *words]
        words += ["--mode=chrootless", "--skip=check/chrootless"]
    elif recipe.include:
        words += [f"--include={','.join(recipe.include)}"]
    return [*words, recipe.suite, "-", *find_mirrors(recipe.suite)]


def _run_mmdebstrap(words: list[str], tar: Path, runner: Runner, console: Console) -> None:
    part = tar.with_suffix(".part.tar")
    try:
        with console.status("mmdebstrap") as status:
            runner.run(
                words,
                deadline_s=BOOTSTRAP_S,
                idle_deadline_s=BOOTSTRAP_IDLE_S,
                env={**os.environ, "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH_S)},
                stdout_path=part,
                on_stderr=lambda line: status.update(f"mmdebstrap {line}"),
            )
        part.replace(tar)
    except CommandError as error:
        raise BaseFamilyError(
            f"mmdebstrap did not make the base:\n{error.tail}",
            next_step="mend what its last lines name (as an ordinary user it needs unprivileged "
            "user namespaces), or choose another --base",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def find_mirrors(suite: str) -> list[str]:
    """Sources of that suite on the mirrors that this host itself uses; they stay in the base.

    Empty where the host is not a Debian: mmdebstrap then takes its default.
    """
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return []
    if system.get("ID") != "debian":
        return []
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.exists())
    own = system.get("VERSION_CODENAME", "")
    found = [
        f"deb {uri} {suite}{theirs.removeprefix(own)} {COMPONENT}"
        for uri, theirs in parse_sources(text)
        if own and theirs.startswith(own) and theirs.removeprefix(own) in SUFFIXES
    ]
    return list(dict.fromkeys(found))


def parse_sources(text: str) -> Iterator[tuple[str, str]]:
    """URI and suite of each binary source in apt's two forms; one with a password is left out."""
    for stanza in re.split(r"\n\s*\n", text):
        for uri, suite in (*_one_line_sources(stanza), *_stanza_sources(stanza)):
            if uri.startswith(("http://", "https://")) and "@" not in uri:
                yield uri, suite


def _one_line_sources(stanza: str) -> Iterator[tuple[str, str]]:
    for line in stanza.splitlines():
        match = ONE_LINE.match(line.strip())
        if match:
            yield match["uri"], match["suite"]


def _stanza_sources(stanza: str) -> Iterator[tuple[str, str]]:
    lines = (line for line in stanza.splitlines() if not line.startswith(("#", " ", "\t")))
    pairs = (line.partition(":") for line in lines if ":" in line)
    fields = {name.strip().lower(): value.split() for name, _, value in pairs}
    if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield uri, suite

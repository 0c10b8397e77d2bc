"""The base image: taken from a registry, found in the engine, or made from the archive."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path
from rich.console import Console

from baseimages.build.engine import Engine
from baseimages.command import Runner, find_program
from baseimages.declare import BaseFamily, Bootstrap, Family, Image, load_dockerfile
from baseimages.errors import BaseFamilyError, CommandError, DeadlineError
from baseimages.plan import BaseImage
from baseimages.records import sha256_of

REGISTRY_DEADLINE_S = 20.0
BOOTSTRAP_DEADLINE_S = 900.0
IMPORT_DEADLINE_S = 300.0
REACH_S = 6.0


def choose_base(
    family: Family,
    image: Image,
    requested: str,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> BaseImage:
    """The requested base, or with `auto` the first of the image's that can be had.

    Raises UsageError for an unknown name and BaseFamilyError when none can be had.
    """
    names = image.bases if requested == "auto" else (requested,)
    refusals: list[str] = []
    for name in names:
        declared = family.base(name)
        found = _have(name, declared, engine, runner, console)
        if isinstance(found, BaseImage):
            return dataclasses.replace(found, reason="; ".join([*refusals, found.reason]))
        refusals.append(found)
    raise BaseFamilyError(
        "no base image can be had: " + "; ".join(refusals),
        next_step="reach a registry, or run as root with mmdebstrap installed (./bootstrap.sh)",
    )


def leave_out_unreachable(image: Image, root: Path) -> tuple[tuple[str, str], ...]:
    """Build arguments that leave out each optional part whose host does not answer."""
    values = load_dockerfile(root / image.dockerfile).values({})
    return tuple(
        (argument, "0")
        for argument, url_argument in sorted(image.optional.items())
        if not _answers(values[url_argument])
    )


def _answers(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=REACH_S):
            return True
    except urllib.error.HTTPError as error:
        # A server that knows the file and dislikes HEAD is there; a proxy's refusal is not it.
        return error.code in {405, 501}
    except OSError:
        return False


def _have(
    name: str, declared: BaseFamily, engine: Engine, runner: Runner, console: Console
) -> BaseImage | str:
    """The base, or why it cannot be had."""
    pinned = f"{declared.reference}@{declared.digest}"
    if _is_local(pinned, engine, runner):
        return _pinned(name, declared, f"{name} is in the engine's store")
    console.print(f"asking the registry for {declared.reference}")
    cause = _registry_refusal(pinned, engine, runner)
    if cause is None:
        return _pinned(name, declared, f"{name}: its registry answers")
    refusal = f"{name}: {cause}"
    if declared.bootstrap is None:
        return refusal
    if find_program("mmdebstrap") is None:
        return f"{refusal}, and mmdebstrap is not installed"
    made = _bootstrap(name, declared.bootstrap, engine, runner, console)
    return dataclasses.replace(made, reason=f"{refusal}, so it was made from the archive")


def _pinned(name: str, declared: BaseFamily, reason: str) -> BaseImage:
    return BaseImage(
        family=name,
        reference=declared.reference,
        digest=declared.digest,
        origin="registry",
        reason=reason,
    )


def _is_local(reference: str, engine: Engine, runner: Runner) -> bool:
    done = runner.run(
        engine.argv("image", "inspect", "--format", "{{.Id}}", reference),
        deadline_s=REGISTRY_DEADLINE_S,
        ok_codes=None,
        echo=False,
    )
    return done.returncode == 0


def _registry_refusal(pinned: str, engine: Engine, runner: Runner) -> str | None:
    try:
        runner.run(
            engine.argv("buildx", "imagetools", "inspect", "--raw", pinned),
            deadline_s=REGISTRY_DEADLINE_S,
            echo=False,
        )
    except DeadlineError:
        return "its registry did not answer in time"
    except CommandError as error:
        last = error.tail.splitlines()[-1] if error.tail else "no answer"
        return f"its registry cannot be reached ({last.strip()[:160]})"
    return None


def _bootstrap(name: str, recipe: Bootstrap, engine: Engine, runner: Runner, console: Console) -> BaseImage:
    """Make the base on this host, once a day, and import it under a tag that names its content."""
    folder = user_cache_path("baseimages") / "bases"
    folder.mkdir(parents=True, exist_ok=True)
    # The archive moves: a tar of another day is another base, and its tag says so by content.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tar = folder / f"{name}-{_recipe_digest(recipe)}-{midnight:%Y%m%d}.tar"
    with FileLock(f"{tar}.lock"):
        if not tar.exists():
            console.print(f"making {name} from the archive with mmdebstrap (about 20 s)")
            _run_mmdebstrap(recipe, tar, int(midnight.timestamp()), runner)
    digest = sha256_of(tar)
    tag = f"baseimages/{name}:{digest[:12]}"
    if not _is_local(tag, engine, runner):
        runner.run(engine.argv("import", str(tar), tag), deadline_s=IMPORT_DEADLINE_S)
    return BaseImage(family=name, reference=tag, digest=f"sha256:{digest}", origin="bootstrapped", reason="")


def _run_mmdebstrap(recipe: Bootstrap, tar: Path, epoch_s: int, runner: Runner) -> None:
    part = tar.with_suffix(".part.tar")
    include = [f"--include={','.join(recipe.include)}"] if recipe.include else []
    try:
        runner.run(
            [
                "env",
                f"SOURCE_DATE_EPOCH={epoch_s}",
                "mmdebstrap",
                f"--variant={recipe.variant}",
                *include,
                recipe.suite,
                str(part),
                *_mirrors(),
            ],
            deadline_s=BOOTSTRAP_DEADLINE_S,
        )
        part.replace(tar)
    except CommandError as error:
        raise BaseFamilyError(
            f"mmdebstrap failed: {error.tail}",
            next_step="see its last lines; as an ordinary user it needs unprivileged namespaces",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _mirrors() -> list[str]:
    """The archive that this host itself uses; elsewhere mmdebstrap's own default."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if not sources.exists():
        return []
    lines = sources.read_text(encoding="utf-8").splitlines()
    found = [line.split()[1] for line in lines if line.startswith("URIs:") and len(line.split()) > 1]
    return found[:1]


def _recipe_digest(recipe: Bootstrap) -> str:
    text = json.dumps(recipe.model_dump(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]

"""Execute a plan with buildx, exactly as it stands.

A build is three parts, each with its own time:

solve   BuildKit runs what its cache does not have and names the image as it stands in the cache.
export  one OCI layout with rewritten timestamps, which all readers share. BuildKit rewrites and
        compresses every layer each time it is asked, so an image that did not change is not
        exported again.
load    the same blobs into the engine. Its own exporter cannot rewrite timestamps and unpack.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Console

from baseimages.build.display import show_steps
from baseimages.build.engine import Engine
from baseimages.build.progress import ProgressReader, Step, fold_groups
from baseimages.build.provenance import ProvenanceRecord, read_provenance
from baseimages.build.record import (
    BaseFacts,
    BuildRecord,
    EngineFacts,
    InputFacts,
    StepRecord,
    digest_inputs,
    host_facts,
)
from baseimages.build.store import (
    drop_unreferenced,
    find_digests,
    is_intact,
    load_layout,
    probe_cache,
)
from baseimages.command import Runner
from baseimages.errors import BuildError, CommandError, DeadlineError, RecordError
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder, load_record, sha256_of, write_record

# A whole image with every command emulated takes hours.
BUILD_DEADLINE_S = 21600.0
# A compile is silent while it links, an export while it compresses; longer than this is a hang.
IDLE_DEADLINE_S = 1200.0
PROGRESS = "progress.jsonl"
# buildx then writes all that it knows about the build into the metadata file.
PROVENANCE = {"BUILDX_METADATA_PROVENANCE": "max"}
# Nothing is stored: the digest of the result, without rewritten timestamps, is what is wanted.
SOLVE_OUTPUT = "type=image,store=false"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one call of buildx did: its steps, its wall seconds, the digest of its output and, where
    the builder tells, which line of the Dockerfile made what of it.
    """

    digest: str
    duration_s: float
    steps: tuple[Step, ...]
    provenance: ProvenanceRecord | None = None


@dataclass(frozen=True, kw_only=True)
class Before:
    """What a build found when it began; named as in its record."""

    cold: bool
    cold_reason: str
    base_present: bool
    started_at: str
    inputs: tuple[InputFacts, ...]


@dataclass(frozen=True, kw_only=True)
class Solve:
    """A plan that an engine solved; `folder` holds the raw progress."""

    plan: BuildPlan
    engine: Engine
    before: Before
    outcome: Outcome
    folder: Path


def solve_argv(plan: BuildPlan, engine: Engine, metadata: Path) -> list[str]:
    """The command line that builds the plan into the cache."""
    return _argv(plan, engine, metadata, SOLVE_OUTPUT)


class Compression(StrEnum):
    """How layers are compressed. gzip is what every registry and device reads."""

    GZIP = "gzip"
    ZSTD = "zstd"


def export_argv(
    plan: BuildPlan,
    engine: Engine,
    metadata: Path,
    layout: Path,
    compression: Compression = Compression.GZIP,
) -> list[str]:
    """The command line that exports the built plan.

    `render_bake` of the room `plan` names the same output.
    """
    output = f"type=oci,tar=false,dest={layout},rewrite-timestamp=true"
    if compression is not Compression.GZIP:  # forced, or the base's layers stay as they came
        output += f",compression={compression},force-compression=true"
    return _argv(plan, engine, metadata, output)


def _argv(plan: BuildPlan, engine: Engine, metadata: Path, output: str) -> list[str]:
    words = ["build", "--progress=rawjson", f"--metadata-file={metadata}", "--provenance=false"]
    words += [f"--platform={plan.platform}", f"--target={plan.target}"]
    words += [f"--file={plan.root / plan.dockerfile}"]
    words += [f"--build-arg={name}={value}" for name, value in plan.build_args]
    words += [f"--label={name}={value}" for name, value in plan.labels]
    words += [f"--secret=id={secret.id},src={secret.path}" for secret in plan.secrets]
    words += [f"--tag={tag}" for tag in plan.tags]
    return engine.buildx(*words, *engine.build_options, f"--output={output}", str(plan.root))


def run_build(
    plan: BuildPlan, engine: Engine, runner: Runner, work: WorkFolder, console: Console
) -> BuildRecord:
    """Build, export the layout, load the image; store and return the record.

    A build that gives the image which already lies in the work folder leaves its record as it is:
    its time, its steps and the tests of that image stay true. Raises BuildError with the failing
    step and the tail of its output, DeadlineError, CommandError when the engine refuses the image.
    """
    before = look_before(plan, engine, runner)
    folder = work.path / "solve"
    solved = run_solve(plan, engine, runner, folder, console)
    record = _find_unchanged(plan, work, solved.digest)
    if record:
        if not (work.path / WorkFolder.PROVENANCE).exists():
            _keep_provenance(solved, record.manifest_digest, work)
        console.print(f"unchanged since the build of {record.started_at}")
        load_build(work, record, engine, runner, console)
        return record
    solve = Solve(plan=plan, engine=engine, before=before, outcome=solved, folder=folder)
    return store_solve(solve, engine, runner, work, console)


def store_solve(
    solve: Solve, target: Engine | None, runner: Runner, work: WorkFolder, console: Console
) -> BuildRecord:
    """Export what was solved, load the image into the engine `target`; store and return the record.

    Without a `target` the layout is all that is left of it. The progress moves out of the solve's
    folder. Raises as `run_build` does, and OSError.
    """
    (solve.folder / PROGRESS).replace(work.path / PROGRESS)
    exported = run_export(solve.plan, solve.engine, runner, work.layout, console)
    load_s = _load(target, runner, work, solve.plan.tags, exported.digest, console) if target else None
    record = _describe(solve, exported, load_s, work)
    _keep_provenance(solve.outcome, exported.digest, work)
    write_record(work.path / WorkFolder.BUILD, record)
    return record


def _keep_provenance(solved: Outcome, manifest_digest: str, work: WorkFolder) -> None:
    """Store where the image's steps and layers come from, or remove what is about another image."""
    path = work.path / WorkFolder.PROVENANCE
    if solved.provenance:
        write_record(path, solved.provenance.model_copy(update={"manifest_digest": manifest_digest}))
    else:
        path.unlink(missing_ok=True)


def look_before(plan: BuildPlan, engine: Engine, runner: Runner) -> Before:
    """What the engine holds before a build of the plan."""
    cold, cold_reason = probe_cache(engine, runner)
    return Before(
        cold=cold,
        cold_reason=cold_reason,
        base_present=bool(find_digests(engine, runner, [plan.base.build_argument])),
        started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        inputs=digest_inputs(plan),
    )


def _describe(solve: Solve, exported: Outcome, load_s: float | None, work: WorkFolder) -> BuildRecord:
    plan, solved = solve.plan, solve.outcome
    return BuildRecord(
        variant=plan.variant,
        image_name=plan.image_name,
        target=plan.target,
        platform=plan.platform,
        base=BaseFacts.of(plan.base),
        revision=plan.revision.label,
        dirty=plan.revision.dirty,
        source_digest=solved.digest,
        manifest_digest=exported.digest,
        tags=plan.tags,
        build_args=dict(plan.build_args),
        engine=EngineFacts.of(solve.engine),
        host=host_facts(),
        duration_s=round(solved.duration_s, 3),
        export_duration_s=round(exported.duration_s, 3),
        load_duration_s=None if load_s is None else round(load_s, 3),
        steps=tuple(StepRecord.of(step) for step in fold_groups(solved.steps)),
        progress_sha256=sha256_of(work.path / PROGRESS),
        **asdict(solve.before),
    )


def run_solve(plan: BuildPlan, engine: Engine, runner: Runner, folder: Path, console: Console) -> Outcome:
    """Build the plan into the engine's cache; `folder` gets the raw progress.

    Raises BuildError, DeadlineError.
    """
    folder.mkdir(exist_ok=True)
    metadata = folder / "metadata.json"
    return _run(solve_argv(plan, engine, metadata), plan, runner, metadata, console)


def run_export(
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    layout: Path,
    console: Console,
    *,
    compression: Compression = Compression.GZIP,
) -> Outcome:
    """Write the layout of a plan; what is not built yet is built. Raises BuildError, DeadlineError."""
    metadata = layout.with_name("export") / "metadata.json"
    metadata.parent.mkdir(exist_ok=True)
    # Without its index it is no layout: an export that is broken off leaves nothing to be trusted.
    (layout / "index.json").unlink(missing_ok=True)
    exported = _run(export_argv(plan, engine, metadata, layout, compression), plan, runner, metadata, console)
    drop_unreferenced(layout)
    return exported


def _find_unchanged(plan: BuildPlan, work: WorkFolder, source_digest: str) -> BuildRecord | None:
    """The stored record, if it is about this very image and its layout still lies there."""
    try:
        path = work.path / WorkFolder.BUILD
        record = load_record(path, BuildRecord, made_by="invoke build")
    except RecordError:
        return None
    same = (record.source_digest, record.tags) == (source_digest, plan.tags)
    return record if same and is_intact(work.layout, record.manifest_digest) else None


def load_build(
    work: WorkFolder, record: BuildRecord, engine: Engine, runner: Runner, console: Console
) -> None:
    """Load a stored build from its layout where the engine has it no longer, or never had it.

    Raises CommandError, or RecordError where the layout is not that of the build.
    """
    _load(engine, runner, work, record.tags, record.manifest_digest, console)


def _load(
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    tags: tuple[str, ...],
    digest: str,
    console: Console,
) -> float:
    """Bring the layout into the engine unless the image is there; gives the seconds it took."""
    began = time.monotonic()
    if find_digests(engine, runner, tags) != (digest,) * len(tags):
        if not is_intact(work.layout, digest):
            raise RecordError(
                f"the engine lacks {tags[0]}, and its layout is not whole",
                next_step="build it again, `invoke build` with the same variant and target",
            )
        with console.status("loading the image into the engine"):
            load_layout(engine, runner, work.layout)
    return time.monotonic() - began


def _run(words: list[str], plan: BuildPlan, runner: Runner, metadata: Path, console: Console) -> Outcome:
    """Run buildx; the raw progress lies beside the metadata file."""
    began = time.monotonic()
    progress = metadata.with_name(PROGRESS)
    with show_steps(console) as show, progress.open("w", encoding="utf-8") as raw:
        reader = ProgressReader(show)
        try:
            runner.run(
                words,
                env=os.environ | PROVENANCE,
                deadline_s=BUILD_DEADLINE_S,
                idle_deadline_s=IDLE_DEADLINE_S,
                on_stderr=_tee(raw.write, reader.feed),
                keep_output=False,
            )
        except DeadlineError as error:
            raise _deadline_error(plan, reader, time.monotonic() - began) from error
        except CommandError as error:
            raise _build_error(plan, reader, error) from error
    told: dict[str, Any] = json.loads(metadata.read_text(encoding="utf-8"))
    return Outcome(
        digest=told["containerimage.digest"],
        duration_s=time.monotonic() - began,
        steps=reader.steps,
        provenance=read_provenance(told, reader.steps),
    )


def _tee(write: Callable[[str], object], feed: Callable[[str], None]) -> Callable[[str], None]:
    def take(line: str) -> None:
        write(line + "\n")
        feed(line)

    return take


def _build_error(plan: BuildPlan, reader: ProgressReader, error: CommandError) -> BuildError:
    # buildx ends with the lines of the Dockerfile around the failure and the cause.
    said = "\n".join(reader.messages) or error.tail
    step, log = reader.failed or (None, "")
    parts = [f"{plan.image_name} did not build", step.title if step else "", log, said]
    return BuildError(
        "\n".join(part for part in parts if part),
        next_step=f"mend that step of {plan.dockerfile}; a network that intercepts TLS needs --ca-bundle",
    )


def _deadline_error(plan: BuildPlan, reader: ProgressReader, waited_s: float) -> DeadlineError:
    running = "; ".join(step.title for step in reader.steps if step.is_running) or "no step"
    return DeadlineError(
        f"the build of {plan.image_name} was stopped after {waited_s:.0f} s, allowed are "
        f"{BUILD_DEADLINE_S:g} s and {IDLE_DEADLINE_S:g} s of silence; running: {running}",
        next_step="look at what that step waits for, then build again: finished steps are cached",
    )

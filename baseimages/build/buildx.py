"""Execute a plan with buildx, exactly as it stands, and load what it made into the engine.

BuildKit writes one OCI layout, with rewritten timestamps and gzip layers (every registry and
device reads them); all readers share it. `docker load` takes the same blobs, so nothing is
compressed twice. The engine's own image exporter cannot rewrite timestamps and unpack at once.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from baseimages.build.engine import Engine
from baseimages.build.progress import ProgressReader, Step
from baseimages.build.record import BaseFacts, BuildRecord, EngineFacts, StepRecord, host_facts
from baseimages.command import Runner
from baseimages.errors import BuildError, CommandError
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder, sha256_of, write_record

BUILD_DEADLINE_S = 7200.0
# A compile is silent while it links, an export while it compresses; longer than this is a hang.
IDLE_DEADLINE_S = 1200.0
LOAD_DEADLINE_S = 1800.0
PROBE_S = 20.0
SHOWN_STEP_S = 1.0


def build_argv(
    plan: BuildPlan,
    *,
    metadata: Path,
    layout: Path,
    context: Path | None = None,
    private: bool = False,
) -> list[str]:
    """The words after `docker` that build the plan.

    The layout goes to `layout`. A `private` engine has no way out of its bridge: its steps use
    the host's network.
    """
    words = ["buildx", "build", "--progress=rawjson", f"--metadata-file={metadata}"]
    words += ["--provenance=false", f"--platform={plan.platform}", f"--target={plan.target}"]
    words += [f"--file={(context or plan.root) / plan.dockerfile}"]
    words += [f"--build-arg={name}={value}" for name, value in plan.build_args]
    words += [f"--label={name}={value}" for name, value in plan.labels]
    words += [f"--secret=id={secret.id},src={secret.path}" for secret in plan.secrets]
    words += ["--network=host", "--allow=network.host"] if private else []
    words += [f"--tag={tag}" for tag in plan.tags]
    output = f"type=oci,tar=false,dest={layout},rewrite-timestamp=true"
    return [*words, f"--output={output}", str(context or plan.root)]


def run_build(
    plan: BuildPlan, engine: Engine, runner: Runner, work: WorkFolder, console: Console
) -> BuildRecord:
    """Build, export the layout, store and return the record.

    Raises BuildError with the failing step and the tail of its output.
    """
    cold, cold_reason = probe_store(engine, runner)
    started_at = datetime.now(UTC)
    steps, duration_s, metadata = execute(plan, engine, runner, work.path, console)
    load_s = load_layout(engine, runner, work, console)
    record = BuildRecord(
        variant=plan.variant,
        image_name=plan.image_name,
        target=plan.target,
        platform=plan.platform,
        base=BaseFacts.of(plan.base),
        revision=plan.revision.label,
        dirty=plan.revision.dirty,
        source_date_epoch_s=plan.source_date_epoch,
        manifest_digest=metadata["containerimage.digest"],
        tags=plan.tags,
        build_args=dict(plan.build_args),
        engine=EngineFacts.of(engine),
        host=host_facts(),
        started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_s=round(duration_s, 3),
        load_duration_s=round(load_s, 3),
        cold=cold,
        cold_reason=cold_reason,
        steps=tuple(StepRecord.of(step) for step in steps),
        progress_sha256=sha256_of(work.path / "progress.jsonl"),
    )
    write_record(work.path / WorkFolder.BUILD, record)
    return record


def probe_store(engine: Engine, runner: Runner) -> tuple[bool, str]:
    """Whether the engine's build cache is provably empty, and how that is known."""
    done = runner.run(engine.argv("buildx", "du", "--verbose"), deadline_s=PROBE_S, ok_codes=None, echo=False)
    if done.returncode != 0:
        return False, "the engine does not tell what its build cache holds"
    held = sum(line.startswith("ID:") for line in done.stdout.splitlines())
    if held:
        return False, f"the build cache held {held} records"
    return True, "the build cache held no record before this build"


def execute(
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    folder: Path,
    console: Console,
    *,
    context: Path | None = None,
    private: bool = False,
) -> tuple[tuple[Step, ...], float, dict[str, Any]]:
    """Run buildx; gives its steps, wall seconds and metadata file; `folder` gets the layout.

    Raises BuildError.
    """
    metadata = folder / "metadata.json"
    layout = folder / "layout"
    shutil.rmtree(layout, ignore_errors=True)
    words = build_argv(plan, metadata=metadata, layout=layout, context=context, private=private)
    began = time.monotonic()
    with _live(console) as show, (folder / "progress.jsonl").open("w", encoding="utf-8") as raw:
        reader = ProgressReader(show)

        def take(line: str) -> None:
            raw.write(line + "\n")
            reader.feed(line)

        try:
            runner.run(
                engine.argv(*words),
                deadline_s=BUILD_DEADLINE_S,
                idle_deadline_s=IDLE_DEADLINE_S,
                env={**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
                on_stderr=take,
                keep_output=False,
            )
        except CommandError as error:
            raise _build_error(plan, reader, error) from error
    duration_s = time.monotonic() - began
    return reader.steps, duration_s, json.loads(metadata.read_text(encoding="utf-8"))


def load_layout(engine: Engine, runner: Runner, work: WorkFolder, console: Console) -> float:
    """Load the layout into the engine's store; gives the seconds it took."""
    began = time.monotonic()
    archive = work.path / "image.tar"
    try:
        with console.status("loading the image into the engine"):
            with tarfile.open(archive, "w") as tar:
                for entry in sorted(work.layout.iterdir()):
                    tar.add(entry, arcname=entry.name)
            runner.run(engine.argv("load", "--input", str(archive)), deadline_s=LOAD_DEADLINE_S)
    finally:
        archive.unlink(missing_ok=True)
    return time.monotonic() - began


@contextmanager
def _live(console: Console) -> Iterator[Any]:
    """Show steps: a moving line in a terminal, one line for each longer step elsewhere."""
    if not console.is_terminal:
        yield lambda step: _print_step(console, step)
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("building", total=None)

        def show(step: Step) -> None:
            progress.update(task, description=step.name.replace("[", "\\[")[:100])
            _print_step(progress.console, step)

        yield show


def _print_step(console: Console, step: Step) -> None:
    if step.duration_s >= SHOWN_STEP_S and not step.cached:
        name = " ".join(step.name.split())[:100]
        console.print(f"{step.duration_s:7.1f} s  {name}", markup=False, highlight=False)


def _build_error(plan: BuildPlan, reader: ProgressReader, error: CommandError) -> BuildError:
    failed = reader.failed
    if failed is None:
        text = "\n".join(reader.messages) or error.message
        return BuildError(f"{plan.image_name} did not build:\n{text}", next_step=error.next_step)
    step, tail = failed
    return BuildError(
        f"{plan.dockerfile}: {step.name.splitlines()[0]}\n{tail}\n{step.error.splitlines()[0]}",
        next_step="mend that step; a network that intercepts TLS needs --ca-bundle",
    )

"""The verbs of tasks.py: each composes a few calls into the rooms and returns text to print.

Enters what a person typed (`Selection`, `BuildInputs`), leaves text; everything else travels
between rooms as records. This is the only module that knows all rooms.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from baseimages.build import BuildRecord, choose_base, find_engine, run_build
from baseimages.command import ProcessRunner, Runner
from baseimages.declare import Family, Image, load_family, load_revision, render_schema
from baseimages.declare.locks import write_locks
from baseimages.declare.pins import apply_changes
from baseimages.errors import LintError, RecordError, SuiteError
from baseimages.host import render_checks, run_doctor
from baseimages.inspect import index_layers, open_layout, run_scan, run_suite
from baseimages.lint import render_findings, render_json, render_sarif, run_lint
from baseimages.measure import run_benchmark
from baseimages.plan import (
    BaseImage,
    BuildPlan,
    find_ca_bundle,
    make_plan,
    plan_to_json,
    render_plan,
)
from baseimages.records import (
    Record,
    WorkFolder,
    checkout_lock,
    load_record,
    render_record,
    write_record,
    write_text,
)
from baseimages.report import collect_record, render_summary, time_part, write_report


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which image of which family a verb is about; `None` and `auto` stand for the defaults."""

    root: Path
    variant: str
    target: str | None
    base: str

    @property
    def family(self) -> Family:
        """The declared family of this checkout."""
        return load_family(self.root / "images.toml")

    @property
    def image(self) -> Image:
        """The declared image. Raises UsageError with the nearest name."""
        return self.family.image(self.variant)

    @property
    def target_name(self) -> str:
        """The target, or the image's default."""
        return self.image.target(self.target)


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """What a person may add to a build."""

    ca_bundle: str | None = None
    build_args: tuple[str, ...] = ()


def describe_plan(selection: Selection, inputs: BuildInputs, *, as_json: bool) -> str:
    """The plan as text or JSON; asks no engine, so the base is the declared one."""
    family, image = selection.family, selection.image
    name = image.bases[0] if selection.base == "auto" else selection.base
    declared = family.base(name)
    base = BaseImage(
        family=name,
        reference=declared.reference,
        digest=declared.digest,
        origin="declared",
        reason="planned without asking an engine",
    )
    plan = _plan(selection, inputs, base, ProcessRunner())
    return plan_to_json(plan) if as_json else render_plan(plan)


def build(selection: Selection, inputs: BuildInputs, *, dry_run: bool, as_json: bool) -> str:
    """Build one image and store its BuildRecord."""
    if dry_run:
        return describe_plan(selection, inputs, as_json=as_json)
    runner, console = ProcessRunner(), _console()
    with checkout_lock(selection.root), time_part(selection.root, "build"):
        engine = find_engine(runner)
        base = choose_base(
            selection.family, selection.image, selection.base, engine, runner, console
        )
        console.print(f"base: {base.family} ({base.origin}): {base.reason}")
        plan = _plan(selection, inputs, base, runner)
        work = _work(selection, base.family)
        record = run_build(plan, engine, runner, work, console)
    return render_record(record) if as_json else _describe_build(record)


def verify(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Run the suite inside the built image and store its SuiteRecord."""
    work, record = find_build(selection)
    script = selection.root / selection.image.suite
    if dry_run:
        return f"would run {script} {record.tags[0]}\n"
    with checkout_lock(selection.root), time_part(selection.root, "test"):
        suite = run_suite(record.tags[0], script, work, ProcessRunner(), target=record.target)
        write_record(work.path / WorkFolder.SUITE, suite)
    if suite.failed:
        raise SuiteError(
            f"{suite.failed} of {len(suite.cases)} checks failed in {record.tags[0]}",
            next_step=f"see the table above or {work.path / 'junit.xml'}",
        )
    return render_record(suite) if as_json else ""


def scan(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Read the exported layout: SBOMs, Trivy; store the ScanRecord."""
    work, record = find_build(selection)
    if dry_run:
        return f"would scan {work.layout} ({record.tags[0]})\n"
    with checkout_lock(selection.root), time_part(selection.root, "scan"):
        result = run_scan(open_layout(work.layout), work, ProcessRunner(), _console())
        write_record(work.path / WorkFolder.SCAN, result)
    return render_record(result) if as_json else result.describe()


def benchmark(
    selection: Selection, inputs: BuildInputs, *, dry_run: bool, as_json: bool
) -> str:
    """Measure builds and layers; store BenchmarkRecord and LayerRecord."""
    work, record = find_build(selection)
    if dry_run:
        return f"would measure cold, no-op and edit builds of {record.tags[0]}, and its layers\n"
    runner, console = ProcessRunner(), _console()
    with checkout_lock(selection.root), time_part(selection.root, "benchmark"):
        plan = _plan(selection, inputs, _base_of(record), runner)
        engine = find_engine(runner)
        result = run_benchmark(plan, engine, runner, work, record, console)
        write_record(work.path / WorkFolder.BENCHMARK, result)
        layers = index_layers(open_layout(work.layout), console)
        write_record(work.path / WorkFolder.LAYERS, layers)
    return render_record(result) if as_json else result.describe()


def report(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Render reports/ from the stored records and end with the summary."""
    record = collect_record(selection.root, selection.image)
    if dry_run:
        return f"would write {record.folder}\n"
    folder = write_report(selection.root, record)
    return render_record(record) if as_json else render_summary(record, folder)


def lint(root: Path, *, only: tuple[str, ...], sarif: Path | None, as_json: bool) -> None:
    """Run every linter; raises LintError when one has a finding."""
    with time_part(root, "lint"):
        result = run_lint(root, ProcessRunner(), only=only)
    if sarif:
        write_text(sarif, render_sarif(result))
    print(render_json(result) if as_json else render_findings(result), end="")
    if result.findings:
        raise LintError(
            f"{len(result.findings)} findings",
            next_step="each line above says what mends it; `nox -s lint` looks again",
        )


def doctor(root: Path, *, as_json: bool) -> str:
    """What is wrong with this host."""
    return render_checks(run_doctor(root, ProcessRunner()), as_json=as_json)


def lock(root: Path, *, dry_run: bool) -> str:
    """Resolve again and write the locks."""
    return write_locks(root, ProcessRunner(), dry_run=dry_run)


def update_pins(root: Path, *, changes: tuple[str, ...], dry_run: bool) -> str:
    """Change pins wherever they stand."""
    return apply_changes(root, changes, dry_run=dry_run)


def write_schema(root: Path) -> str:
    """Write the JSON schema of images.toml."""
    path = root / "images.schema.json"
    write_text(path, render_schema())
    return f"{path.name} written\n"


def find_build(selection: Selection) -> tuple[WorkFolder, BuildRecord]:
    """The latest stored build that fits. Raises RecordError naming the build command."""
    image, target = selection.image, selection.target_name
    wanted = image.bases if selection.base == "auto" else (selection.base,)
    made_by = f"invoke build --variant {selection.variant} --target {target}"
    found = [
        (work, load_record(work.path / WorkFolder.BUILD, BuildRecord, made_by=made_by))
        for work in (_work(selection, base) for base in wanted)
        if (work.path / WorkFolder.BUILD).exists()
    ]
    if not found:
        raise RecordError(
            f"{image.name}, target {target}, is not built in this checkout",
            next_step=f"run `{made_by}`",
        )
    return max(found, key=lambda pair: pair[1].started_at)


def _work(selection: Selection, base: str) -> WorkFolder:
    return WorkFolder(
        root=selection.root, image_name=selection.image.name, base=base, target=selection.target_name
    )


def _base_of(record: BuildRecord) -> BaseImage:
    return BaseImage(**record.base.model_dump())


def _plan(
    selection: Selection, inputs: BuildInputs, base: BaseImage, runner: Runner
) -> BuildPlan:
    pairs = tuple(_split(word) for word in inputs.build_args)
    explicit = Path(inputs.ca_bundle) if inputs.ca_bundle else None
    return make_plan(
        selection.family,
        variant=selection.variant,
        target=selection.target,
        base=base,
        revision=load_revision(runner, selection.root),
        ca_bundle=find_ca_bundle(os.environ, explicit),
        root=selection.root,
        extra_build_args=pairs,
    )


def _split(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _console() -> Console:
    return Console(stderr=True)

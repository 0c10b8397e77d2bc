"""How far an image goes whose base cannot be had: planned, linted, checked, and built as far as that
goes. A verb of several rooms; `verbs` calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from baseimages.build import BuildRecord, Engine, Stretch, WithoutBaseRecord, choose_stand_in
from baseimages.command import Runner
from baseimages.declare import Image
from baseimages.errors import LintError, UsageError
from baseimages.lint import run_lint
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder, write_record
from baseimages.selection import BuildInputs, Selection, build_on, plan_as_declared, work_folder

# What looks at a Dockerfile and at the scripts of its steps, and then BuildKit's own check.
LOOKS = {"linted": ("contract", "hadolint", "shellcheck"), "checked": ("build-check",)}


def build_without_base(
    selection: Selection,
    inputs: BuildInputs,
    refusal: str,
    engine: Engine,
    runner: Runner,
    console: Console,
) -> WithoutBaseRecord:
    """Plan what ships, look at its Dockerfile, build what needs no base, and store how far that was.

    `refusal` says why the base cannot be had. Raises UsageError for an image that declares nothing
    for that case, LintError, BaseFamilyError where no builder can be had either, BuildError.
    """
    image, family = selection.image, selection.family
    if image.without_base is None:
        raise UsageError(f"{image.name} is not built without its base", next_step="reach its registry")
    console.print(f"without the base of {image.name}: {refusal}")
    plan = plan_as_declared(replace(selection, target=None), inputs, runner)
    before = (_planned(plan), *_look_at(selection.root, image.dockerfile, runner))
    builders = image.without_base.builders
    base = choose_stand_in(family, image, builders, engine, runner, console)
    parts = replace(selection, target=image.without_base.target)
    build = build_on(base, parts, inputs, engine, runner, console)
    way = _describe(image, refusal, before, build)
    write_record(work_folder(parts, base.family, build.target).path / WorkFolder.WITHOUT_BASE, way)
    return way


def render_way(image: Image, way: WithoutBaseRecord) -> str:
    """The last words of the build: what was and what was not run."""
    table = Table(title=f"{image.name} without its base")
    for header in ("what", "outcome", "detail"):
        table.add_column(header, overflow="fold")
    for stretch in way.stretches:
        table.add_row(stretch.name, stretch.outcome, stretch.detail)
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _planned(plan: BuildPlan) -> Stretch:
    told = f"target {plan.target} on {plan.base.build_argument}, {len(plan.stages)} stages"
    return Stretch(name="planned", outcome="done", detail=told)


def _look_at(root: Path, dockerfile: str, runner: Runner) -> Iterator[Stretch]:
    """Lint the Dockerfile and all scripts, then let BuildKit check it. Raises LintError."""
    for name, linters in LOOKS.items():
        report = run_lint(root, runner, only=linters)
        own = [item for item in report.findings if item.file == dockerfile or item.file.endswith(".sh")]
        if own:
            where = f"{own[0].file}:{own[0].line}: {own[0].message}"
            raise LintError(f"{len(own)} findings: {where}", next_step="`nox -s lint` shows them all")
        for _, why in report.skipped:
            yield Stretch(name=name, outcome="not run", detail=why)
        if report.ran:
            yield Stretch(name=name, outcome="done", detail=f"by {', '.join(report.ran)}: no finding")


def _describe(
    image: Image, refusal: str, before: tuple[Stretch, ...], build: BuildRecord
) -> WithoutBaseRecord:
    built = f"{build.tags[0]}, {build.manifest_digest}; {build.base.reason}"
    rest = (
        Stretch(name=f"built: {build.target}", outcome="done", detail=built),
        Stretch(name=f"built: {', '.join(image.targets)}", outcome="not run", detail=refusal),
        Stretch(name="tests on a device", outcome="manual", detail=f"{image.suite} IMAGE"),
    )
    return WithoutBaseRecord(manifest_digest=build.manifest_digest, stretches=(*before, *rest))

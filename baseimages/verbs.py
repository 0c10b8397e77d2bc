"""The verbs of tasks.py: each composes a few calls into the rooms and returns text to print.

Enters what a person chose (`Selection`, `BuildInputs`), leaves text; everything else travels
between rooms as records. Beside it `measuring`, `auditing` and `evidence` have those of one kind.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from baseimages.build import BuildRecord, choose_base, find_engine, load_build
from baseimages.command import ProcessRunner
from baseimages.compat import (
    check_record,
    list_questions,
    render_table_of_verdicts,
    run_compat,
    write_compatibility,
)
from baseimages.declare import AUTO, Platform, load_family, render_schema
from baseimages.declare.locks import run_locks
from baseimages.declare.pins import apply_changes
from baseimages.errors import BaseFamilyError, LintError, SuiteError
from baseimages.host import render_checks, run_doctor
from baseimages.inspect import (
    AbilitiesRecord,
    ask_abilities,
    check_programs,
    describe_abilities,
    describe_programs,
    describe_scan,
    make_release,
    open_layout,
    read_contract,
    read_tree,
    refuse_findings,
    run_scan,
    run_suite,
    tag_commands,
)
from baseimages.lint import render_findings, render_json, render_sarif, run_lint
from baseimages.plan import (
    indexes_to_json,
    make_indexes,
    plan_to_json,
    render_indexes,
    render_plan,
)
from baseimages.records import (
    WorkFolder,
    checkout_lock,
    render_record,
    write_record,
    write_text,
    write_texts,
)
from baseimages.report import (
    SCHEMA,
    collect_reports,
    render_record_schema,
    render_summary,
    time_part,
    write_report,
)
from baseimages.selection import (
    BuildInputs,
    Selection,
    build_on,
    find_build,
    plan_as_declared,
)
from baseimages.without_base import build_without_base, render_way

TAG_S = 30.0


def describe_plan(selection: Selection, inputs: BuildInputs, *, as_json: bool) -> str:
    """The plan as text or JSON; asks no engine, so the base is the declared one."""
    plan = plan_as_declared(selection, inputs, ProcessRunner())
    return plan_to_json(plan) if as_json else render_plan(plan)


def describe_indexes(selection: Selection, inputs: BuildInputs, *, as_json: bool) -> str:
    """Every image that builds on the base, by the index that it belongs to, as Markdown or JSON."""
    family, wanted = selection.family, selection.base
    plans = []
    for variant, image in family.images.items():
        base = family.first_of_index(image).bases[0] if wanted == AUTO else wanted
        not_built = family.base(base).not_built  # an unknown word is refused, another base is not
        if base in image.bases and not not_built:
            plans.append(
                plan_as_declared(replace(selection, variant=variant, base=base), inputs, ProcessRunner())
            )
    indexes = make_indexes(family, plans)
    return indexes_to_json(indexes) if as_json else render_indexes(indexes)


def build(selection: Selection, inputs: BuildInputs, *, dry_run: bool, as_json: bool) -> str:
    """Build one image and store its BuildRecord; without its base, what needs none."""
    if dry_run:
        return describe_plan(selection, inputs, as_json=as_json)
    runner, console = ProcessRunner(), make_console()
    family, image = selection.family, selection.image
    # Of some images the base decides which target it will be.
    part = selection.variant if image.without_base else image.target(selection.target)
    with checkout_lock(selection.root), time_part(selection.root, f"build {part}"):
        engine = find_engine(runner)
        try:
            base = choose_base(family, image, selection.base, engine, runner, console)
            record = build_on(base, selection, inputs, engine, runner, console)
        except BaseFamilyError as refusal:
            if image.without_base is None or selection.target in image.targets:
                raise
            way = build_without_base(selection, inputs, refusal.message, engine, runner, console)
            return render_record(way) if as_json else render_way(image, way)
    return render_record(record) if as_json else _describe_build(record)


def verify(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Run the suite inside the built image, ask what the image can do, and store a record of each."""
    work, record = find_build(selection)
    script = selection.root / selection.image.suite
    if dry_run:
        return f"would run {script} {record.tags[0]}\n"
    with checkout_lock(selection.root), time_part(selection.root, f"test {record.target}"):
        runner, junit = ProcessRunner(), work.path / "junit.xml"
        load_build(work, record, find_engine(runner), runner, make_console())
        suite = run_suite(script, record.tags[0], record.manifest_digest, junit, runner)
        write_record(work.path / WorkFolder.SUITE, suite)
        abilities = _ask_abilities(record)
        write_record(work.path / WorkFolder.ABILITIES, abilities)
    if failed := suite.count("failed"):
        raise SuiteError(
            f"{failed} of {len(suite.cases)} checks failed in {record.tags[0]}",
            next_step=f"see the table above or {junit}",
        )
    passed = f"{suite.count('passed')} checks passed\n"
    return render_record(suite) if as_json else passed + describe_abilities(abilities)


def scan(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Read the exported layout: programs, contract, SBOMs, Trivy; store a record of each.

    Raises ScanError for programs with findings, once all are stored.
    """
    work, record = find_build(selection)
    if dry_run:
        return f"would scan {work.layout} ({record.tags[0]})\n"
    with checkout_lock(selection.root), time_part(selection.root, f"scan {record.target}"):
        folder = (selection.root / selection.image.dockerfile).parent
        layout, console = open_layout(work.layout), make_console()
        tree = read_tree(layout, console)
        programs = check_programs(layout, tree, has_base=record.base.origin != "stand-in")
        write_record(work.path / WorkFolder.ELF, programs)
        write_record(work.path / WorkFolder.CONTRACT, read_contract(layout, tree))
        result = run_scan(layout, folder, work, ProcessRunner(), console)
        write_record(work.path / WorkFolder.SCAN, result)
    refuse_findings(programs)
    return render_record(result) if as_json else describe_programs(programs) + describe_scan(result)


def report(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Render reports/ from the stored records, the baseline's before the image's; give the summary."""
    records = collect_reports(selection.root, selection.family, selection.variant)
    if dry_run:
        return "".join(f"would write reports/{each.image_name}/{each.folder_name}\n" for each in records)
    paths = [write_report(selection.root, record) for record in records]
    return render_record(records[-1]) if as_json else render_summary(records[-1], paths[-1])


def tags(root: Path, image: str, *, repository: str | None, write: bool, dry_run: bool, as_json: bool) -> str:
    """Name the releases of a built image; with `write` the engine gets them as tags."""
    runner = ProcessRunner()
    release = make_release(image, load_family(root / "images.toml"), runner, repository=repository)
    commands = tag_commands(release) if write or dry_run else ()
    if dry_run:
        return "".join(f"would run {' '.join(command)}\n" for command in commands)
    for command in commands:
        runner.run(command, deadline_s=TAG_S)
    return json.dumps(asdict(release)) + "\n" if as_json else "\n".join(release.references) + "\n"


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


def lock(root: Path, *, variant: str | None, dry_run: bool) -> str:
    """Resolve again and write the locks, of one image or all."""
    family = load_family(root / "images.toml")
    return run_locks(root, family, ProcessRunner(), variant=variant, dry_run=dry_run)


def compat(root: Path, *, variant: str | None, dry_run: bool, as_json: bool, require_answers: bool) -> None:
    """Judge every declared combination and write the matrix; of one image it is only told.

    Raises CompatibilityError after that: what is wrong with the family stands in the matrix too.
    """
    family = load_family(root / "images.toml")
    if dry_run:
        questions = list_questions(root, family, variant=variant)
        print("".join(f"would ask in {q.folder.name}: {shlex.join(q.argv)}\n" for q in questions), end="")
        return
    with checkout_lock(root), time_part(root, "compat"):
        today = datetime.now(UTC).date()
        record = run_compat(root, family, ProcessRunner(), today=today, environ=os.environ, variant=variant)
        path = write_compatibility(root, record) if variant is None else None
    where = f"report: {path}\n" if path else "nothing written: the matrix is about all images\n"
    print(render_record(record) if as_json else render_table_of_verdicts(record) + where, end="")
    check_record(record, require_answers=require_answers)


def update_pins(root: Path, *, changes: tuple[str, ...], dry_run: bool) -> str:
    """Change pins wherever they stand."""
    return apply_changes(root, changes, dry_run=dry_run)


def write_schema(root: Path) -> str:
    """Write the JSON schemas of images.toml and of a report's record."""
    schemas = {"images.schema.json": render_schema(), SCHEMA: render_record_schema()}
    write_texts({root / name: text for name, text in schemas.items()})
    return "".join(f"{name} written\n" for name in schemas)


def _ask_abilities(record: BuildRecord) -> AbilitiesRecord:
    """Asked where the image runs without an emulator, in which each import takes many times as long."""
    if Platform.of_machine(record.engine.architecture) != record.platform:
        note = f"the engine is for {record.engine.architecture}"
        return AbilitiesRecord(manifest_digest=record.manifest_digest, note=note)
    with make_console().status("asking the image what it can do"):
        return ask_abilities(record.tags[0], record.manifest_digest, ProcessRunner())


def _describe_build(record: BuildRecord) -> str:
    return (
        f"{record.tags[0]} built in {record.duration_s:.1f} s ({record.cold_reason})\n"
        f"digest {record.manifest_digest}\n"
    )


def make_console() -> Console:
    """Where people watch what goes on; what a verb returns goes to standard output."""
    return Console(stderr=True, soft_wrap=True)  # a log line stays one line

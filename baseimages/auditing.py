"""The verb that judges which packages of a built image are needed, for tasks.py.

Enters what a person chose and the rows of necessity.toml; leaves the records of the suite's trace and
of the judgement.
"""

from __future__ import annotations

from baseimages.build import BuildRecord, find_engine, load_build
from baseimages.command import ProcessRunner
from baseimages.declare.necessity import FILE_NAME, Inclusion, load_necessity
from baseimages.declare.promises import load_promises, load_requests
from baseimages.inspect import (
    Promised,
    audit_packages,
    check_inclusions,
    describe_audit,
    open_layout,
    take_inventory,
    trace_suite,
)
from baseimages.inspect.packages import find_imports
from baseimages.records import WorkFolder, checkout_lock, render_record, write_record
from baseimages.report import time_part
from baseimages.selection import Selection, find_build
from baseimages.verbs import make_console


def audit(selection: Selection, *, dry_run: bool, as_json: bool) -> str:
    """Judge which packages of a built image are needed: its layers are read, its suite runs watched.

    Stores the TraceRecord and the AuditRecord.
    """
    work, record = find_build(selection)
    script = selection.root / selection.image.suite
    if dry_run:
        return f"would read {work.layout}, run {script} {record.tags[0]} and watch what it opens\n"
    with checkout_lock(selection.root), time_part(selection.root, f"audit {record.target}"):
        rows = _choose_judgements(selection, record)
        requests = load_requests((selection.root / selection.image.dockerfile).parent)
        console = make_console()
        inventory = take_inventory(open_layout(work.layout), requests, console)
        check_inclusions(rows, inventory)
        runner, junit = ProcessRunner(), work.path / "audit-junit.xml"
        load_build(work, record, find_engine(runner), runner, console)
        trace = trace_suite(script, record.tags[0], inventory, junit, runner)
        write_record(work.path / WorkFolder.TRACE, trace)
        result = audit_packages(inventory, trace, _promised(selection, record.target), rows)
        write_record(work.path / WorkFolder.AUDIT, result)
    return render_record(result) if as_json else describe_audit(result)


def _choose_judgements(selection: Selection, record: BuildRecord) -> tuple[Inclusion, ...]:
    """The rows of necessity.toml about a build; a part without its base has none of what they name."""
    necessity = load_necessity(selection.root / FILE_NAME, selection.family)
    if record.base.origin == "stand-in":
        return ()
    return necessity.choose(
        image=selection.variant,
        base=record.base.family,
        target=record.target,
        build_args=record.build_args,
    )


def _promised(selection: Selection, target: str) -> Promised:
    """What the image promises, and what the checks of its suite import."""
    promises = load_promises(selection.root)
    checks = sorted((selection.root / "image_testing/checks").glob("*.py"))
    own = {name for path in checks for name in find_imports(path.read_bytes())}
    imports = promises.full.imports if target == "full" else ()
    return Promised(commands=promises.core.commands, modules=(*imports, *sorted(own)))

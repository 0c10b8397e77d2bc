"""The verbs of tasks.py that measure: builds by scenario, in pairs, side by side, and what updates cost.

Each composes a few calls into the rooms and returns text to print, as `verbs` does.
"""

from __future__ import annotations

from rich.console import Console

from baseimages.arms import (
    PairsWish,
    find_baseline_work,
    make_arms,
    plan_again,
    plan_beside,
    refuse_unknown,
    schedule_pairs,
)
from baseimages.build import BuildRecord, count_base_layers, find_engine, load_build
from baseimages.command import ProcessRunner
from baseimages.declare.bump import bump_pin
from baseimages.inspect import (
    LayerIndex,
    check_budget,
    index_layers,
    open_layout,
)
from baseimages.measure import (
    CANDIDATE,
    EMULATED,
    Update,
    choose_edit,
    describe_benchmark,
    describe_comparison,
    describe_pairs,
    describe_schedule,
    describe_updates,
    find_edit,
    list_scenarios,
    load_cold,
    run_benchmark,
    run_comparison,
    run_pairs,
    run_start,
    run_updates,
    usual_changes,
)
from baseimages.plan import (
    choose_stage,
)
from baseimages.records import (
    WorkFolder,
    checkout_lock,
    load_record,
    render_record,
    write_record,
)
from baseimages.report import (
    find_held,
    time_part,
)
from baseimages.selection import (
    BuildInputs,
    Selection,
    find_build,
    is_built,
)
from baseimages.verbs import build, make_console


def benchmark(
    selection: Selection, inputs: BuildInputs, *, rebuild: bool, in_place: bool, dry_run: bool, as_json: bool
) -> str:
    """Measure builds and layers; store BenchmarkRecord and LayerRecord.

    What is not built is built before. With `in_place` the builds after the cold one use the cache of
    the user's engine.
    """
    if dry_run and not is_built(selection):
        return f"would {_name_build(selection)}, then measure cold, no-op and edit builds, and its layers\n"
    work, record = _find_or_build(selection, inputs)
    if dry_run:
        return f"would measure cold, no-op and edit builds of {record.tags[0]}, and its layers\n"
    runner, console = ProcessRunner(), make_console()
    with checkout_lock(selection.root), time_part(selection.root, f"benchmark {record.target}"):
        plan = plan_again(selection, inputs, record, runner)
        engine = find_engine(runner)
        result = run_benchmark(
            plan, engine, runner, work, record, console, measured=load_cold(work, record),
            rebuild=rebuild, in_place=in_place, edit=find_edit(selection.image, record.target),
        )  # fmt: skip
        write_record(work.path / WorkFolder.BENCHMARK, result)
        _store_layers(work, record, console)
        load_build(work, record, engine, runner, console)
        write_record(work.path / WorkFolder.START, run_start(record, engine, runner))
    return render_record(result) if as_json else describe_benchmark(result)


def refuse_overweight(selection: Selection) -> None:
    """Raises BudgetError for an image whose layers were read and weigh more than its budget."""
    work, record = find_build(selection)
    path = work.path / WorkFolder.LAYERS
    if path.exists():
        layers = load_record(path, LayerIndex, made_by="invoke benchmark")
        if layers.manifest_digest != record.manifest_digest:
            return
        before = find_held(selection.root, selection.image, record)
        check_budget(layers, selection.image.budget(record.target), image=record.tags[0], before=before)


def _store_layers(work: WorkFolder, record: BuildRecord, console: Console) -> None:
    base_layers = count_base_layers(work, record)
    layers = index_layers(open_layout(work.layout), console, base_layers=base_layers)
    write_record(work.path / WorkFolder.LAYERS, layers)


def compare_cold(
    selection: Selection,
    inputs: BuildInputs,
    against: tuple[str, ...],
    *,
    stage: str | None,
    dry_run: bool,
    as_json: bool,
) -> str:
    """Build cold what is built and each of `against`, side by side; store the ComparisonRecord.

    `stage` names one of the Dockerfile's to build instead of the target.
    """
    target = selection.image.target(selection.target)
    for name in against:  # an unknown word is refused before anything runs
        if name != EMULATED:
            selection.family.image(name).target(target)
    if dry_run and not is_built(selection):
        return f"would {_name_build(selection)}, then build cold, one after the other\n"
    work, record = _find_or_build(selection, inputs)
    if dry_run:
        names = ", ".join((*against, selection.variant))
        return f"would build cold, one after the other, {stage or record.target} of: {names}\n"
    runner, console = ProcessRunner(), make_console()
    with checkout_lock(selection.root), time_part(selection.root, f"compare cold {record.target}"):
        engine = find_engine(runner)
        plan = plan_again(selection, inputs, record, runner)
        plans = {n: plan_beside(selection, inputs, n, plan, engine, runner, console) for n in against}
        # The emulated way last: its image is compared with the candidate's.
        emulated = {name: plans.pop(name) for name in (EMULATED,) if name in plans}
        plans = plans | {selection.variant: plan} | emulated
        plans = {name: choose_stage(each, stage) for name, each in plans.items()}
        result = run_comparison(plans, selection.variant, record, engine, runner, work, console)
        write_record(work.comparison(result.stage), result)
    return render_record(result) if as_json else describe_comparison(result)


def measure_pairs(
    selection: Selection, inputs: BuildInputs, wish: PairsWish, *, dry_run: bool, as_json: bool
) -> str:
    """Run interleaved pairs of an image and another one, or of it alone; store the PairsRecord.

    What is not built is built: the candidate before, its baseline by the cold run.
    """
    refuse_unknown(selection, wish)
    if dry_run and not is_built(selection):
        return f"would {_name_build(selection)}, then plan and measure pairs\n"
    work, record = _find_or_build(selection, inputs)
    schedule, other = schedule_pairs(selection, wish, record), wish.name_other(selection.variant)
    if dry_run:
        return describe_schedule(schedule)
    runner, console = ProcessRunner(), make_console()
    with checkout_lock(selection.root), time_part(selection.root, f"pairs {record.target}"):
        engine = find_engine(runner)
        plan = plan_again(selection, inputs, record, runner)
        beside = plan_beside(selection, inputs, other, plan, engine, runner, console) if other else None
        console.print(describe_schedule(schedule), markup=False, end="")
        baseline_work = find_baseline_work(selection, beside) if beside else None
        result = run_pairs(
            schedule, make_arms(selection, plan, beside), record, engine, runner, work, console,
            disk_budget_bytes=wish.disk_budget_bytes,
            store=lambda made: write_record(work.pairs(other or CANDIDATE), made),
            baseline_work=baseline_work,
        )  # fmt: skip
        _store_layers(work, record, console)
        if baseline_work and (baseline_work.path / WorkFolder.BUILD).exists():
            stored = load_record(baseline_work.path / WorkFolder.BUILD, BuildRecord, made_by="invoke build")
            _store_layers(baseline_work, stored, console)
    return render_record(result) if as_json else describe_pairs(result)


def _find_or_build(selection: Selection, inputs: BuildInputs) -> tuple[WorkFolder, BuildRecord]:
    if not is_built(selection):
        make_console().print(f"not built yet: {_name_build(selection)}", markup=False)
        build(selection, inputs, dry_run=False, as_json=False)
    return find_build(selection)


def _name_build(selection: Selection) -> str:
    return f"build {selection.image.name} {selection.image.target(selection.target)}"


def measure_updates(
    selection: Selection,
    inputs: BuildInputs,
    edits: tuple[str, ...],
    bumps: tuple[str, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> str:
    """Build edits and bumped pins on top of what is built; store what each costs a device.

    Without any the usual ones. The builds use the cache of the user's engine.
    """
    work, record = find_build(selection)
    scenarios = list_scenarios(selection.image, record.target)
    if not edits and not bumps:
        edits, bumps = usual_changes(selection.image, record.target)
    updates = [Update(scenario=choose_edit(scenarios, name)) for name in edits]
    if dry_run:
        return f"would build on {record.tags[0]}, each for itself: {', '.join((*edits, *bumps))}\n"
    runner, console = ProcessRunner(), make_console()
    with checkout_lock(selection.root), time_part(selection.root, f"updates {record.target}"):
        plan = plan_again(selection, inputs, record, runner)
        pins = [bump_pin(selection.root, selection.family, selection.image, name, runner) for name in bumps]
        updates += [Update(bump=bump) for bump in pins]
        result = run_updates(plan, updates, record, find_engine(runner), runner, work, console)
        write_record(work.path / WorkFolder.UPDATES, result)
    return render_record(result) if as_json else describe_updates(result)

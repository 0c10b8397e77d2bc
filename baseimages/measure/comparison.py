"""The same stage built cold in several ways, one after the other: what crossing or emulating costs.

The candidate is a stage of a built image, its target above all. Beside it are built the same stage
of another image of the family, and the candidate itself with every command emulated; the two are
then compared file by file.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from baseimages.build import BuildRecord, Engine
from baseimages.command import Runner
from baseimages.declare import Platform
from baseimages.errors import MeasurementError, UsageError
from baseimages.host import check_emulation
from baseimages.inspect import AllowedDifference, EqualityRecord, compare_layouts, open_layout
from baseimages.measure.bench import run_cold
from baseimages.measure.isolated import remove_leftovers
from baseimages.measure.record import RunRecord
from baseimages.measure.scenario import COLD
from baseimages.plan import BuildPlan
from baseimages.records import Record, WorkFolder, load_record

EMULATED = "emulated"
# What may differ between a crossed and an emulated image.
ALLOWED = (
    AllowedDifference(
        pattern=r"etc/(passwd|group|shadow|gshadow)-|var/(cache/debconf|lib/dpkg)/[^/]+-old|var/log/[^/]+",
        reason="a backup or log of the base: a command removes it, a copy cannot",
    ),
    AllowedDifference(
        pattern=r"etc/hosts",
        reason="the engine lays its own over it while a command runs, and in every container",
    ),
    AllowedDifference(
        pattern=r"usr/local/(bin/ff(mpeg|probe)|lib/lib(av[a-z]+|postproc|sw[a-z]+)\.so\.[\d.]+)",
        reason="FFmpeg writes its configure line, which names the cross compiler, into each of its files",
    ),
)


class WayRecord(BaseModel):
    """One way and its cold run."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    platform: str
    run: RunRecord

    def ratio(self, other: WayRecord) -> tuple[float | None, float | None]:
        """Wall and processor seconds by those of the other; None where either is not measured."""
        return _divide(self.run.duration_s, other.run.duration_s), _divide(self.run.cpu_s, other.run.cpu_s)


class ComparisonRecord(Record):
    """Single cold runs, in the order in which they ran; the candidate is the image of the digest.

    `emulation` is what the host's kernel had registered. `equality` compares the emulated image with
    the candidate, None where there is no emulated one.
    """

    manifest_digest: str
    candidate: str
    stage: str
    emulation: str
    ways: tuple[WayRecord, ...]
    equality: EqualityRecord | None

    def way(self, name: str) -> WayRecord | None:
        """The way of that name."""
        return next((way for way in self.ways if way.name == name), None)


def run_comparison(
    plans: dict[str, BuildPlan],
    candidate: str,
    built: BuildRecord,
    engine: Engine,
    runner: Runner,
    work: WorkFolder,
    console: Console,
) -> ComparisonRecord:
    """Build each plan cold; `plans` are by name, and that of the candidate is about what `built` built.

    Raises MeasurementError for plans that cannot be compared. What cannot be run here is a run that
    is not measured.
    """
    _refuse_other_bases(plans)
    remove_leftovers(runner, work.path)
    kept = {candidate, EMULATED} if EMULATED in plans else set()
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=work.path) as folder:
        layouts = {name: Path(folder) / name / "layout" for name in kept}
        ways = []
        for name, plan in plans.items():
            console.print(f"{name}: {plan.image_name} {plan.target}")
            run = _run(name, plan, engine, runner, Path(folder) / name, layouts.get(name), console)
            ways.append(WayRecord(name=name, platform=plan.platform, run=run))
        equality = _compare(layouts, candidate, console)
    return ComparisonRecord(
        manifest_digest=built.manifest_digest,
        candidate=candidate,
        stage=plans[candidate].target,
        emulation=check_emulation().cause,
        ways=tuple(ways),
        equality=equality,
    )


def _compare(layouts: dict[str, Path], candidate: str, console: Console) -> EqualityRecord | None:
    # The index is written last: without one nothing was exported to its end.
    if not layouts or not all((layout / "index.json").exists() for layout in layouts.values()):
        return None
    console.print("comparing what was emulated with the candidate, file by file")
    return compare_layouts(open_layout(layouts[candidate]), open_layout(layouts[EMULATED]), ALLOWED)


def emulate(plan: BuildPlan) -> BuildPlan:
    """The same plan with every command run on the image's own platform.

    Raises UsageError for a plan that does so anyway.
    """
    if plan.build_platform == plan.platform:
        raise UsageError(
            f"{plan.image_name} is built on its own platform here: there is nothing to emulate",
            next_step="name another variant instead; emulated are cross-built images of other platforms",
        )
    args = dict(plan.build_args)
    args.pop("BUILD_IMAGE", None)
    args["BUILD_ON"] = Platform(plan.platform).architecture
    return dataclasses.replace(plan, build_args=tuple(sorted(args.items())), build_platform=plan.platform)


def load_cold(work: WorkFolder, built: BuildRecord) -> RunRecord | None:
    """The cold run of what `built` built, where it was built side by side with others."""
    path = work.comparison(built.target)
    if not path.exists():
        return None
    record = load_record(path, ComparisonRecord, made_by="invoke benchmark --against")
    way = record.way(record.candidate)
    return way.run if way and record.manifest_digest == built.manifest_digest and way.run.valid else None


def describe_comparison(record: ComparisonRecord) -> str:
    """A line for each way, and one for equality."""
    lines = [
        f"{way.name:<28} {_told(way.run.duration_s)} wall  {_told(way.run.cpu_s)} processor  {way.run.note}\n"
        for way in record.ways
    ]
    return "".join([*lines, *([f"{record.equality.summary}\n"] if record.equality else [])])


def _refuse_other_bases(plans: dict[str, BuildPlan]) -> None:
    bases = {(plan.base.family, plan.base.origin, plan.target) for plan in plans.values()}
    if len(bases) > 1:
        told = "; ".join(f"{target} on {family}, {origin}" for family, origin, target in sorted(bases))
        raise MeasurementError(
            f"not comparable: {told}", next_step="name the base that all have with --base, and one target"
        )


def _run(
    name: str,
    plan: BuildPlan,
    engine: Engine,
    runner: Runner,
    scratch: Path,
    layout: Path | None,
    console: Console,
) -> RunRecord:
    emulation = check_emulation()
    if name == EMULATED and emulation.status != "ok":
        note = f"{emulation.cause} ({emulation.cure})"
        return RunRecord(scenario=COLD.name, duration_s=None, valid=False, note=note)
    scratch.mkdir()
    return run_cold(plan, engine, runner, scratch, layout, console)[0]


def _divide(mine: float | None, other: float | None) -> float | None:
    return round(mine / other, 3) if mine and other else None


def _told(seconds: float | None) -> str:
    return f"{'not measured' if seconds is None else f'{seconds:.1f} s':>13}"

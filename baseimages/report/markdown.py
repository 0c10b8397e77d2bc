"""report.md and the pictures of one image, rendered from its `ImageReport` alone."""

from __future__ import annotations

from collections import Counter

from baseimages.build import BuildRecord, title_of
from baseimages.inspect import ElfRecord
from baseimages.report.audit import render_audit
from baseimages.report.cells import (
    NOT_MEASURED,
    escape,
    gigabytes,
    megabytes,
    render_table,
    seconds,
    short_digest,
    shorten,
)
from baseimages.report.delta import render_differences
from baseimages.report.device import render_comparison, render_device
from baseimages.report.drawings import (
    SHOWN_STEP_S,
    SLOWEST,
    has_growth,
    measured_steps,
    name_of,
    steps_that_ran,
)
from baseimages.report.ledger import cold_steps, render_ledger
from baseimages.report.pairs import render_pairs
from baseimages.report.record import ImageReport, TargetReport
from baseimages.report.steps import render_timeline, tell_saved
from baseimages.report.waste import render_waste


def render_report(report: ImageReport) -> str:
    """The whole report.md."""
    parts = [
        f"# {escape(report.image_name)}\n\n",
        f"Revision `{report.revision}`. Every number{_except_pairs(report)} is a single run on the host "
        "named below, taken from [record.json](record.json). Sizes are in MB of 10^6 bytes.\n\n",
        render_table(SUMMARY_HEADER, [summary_row(part) for part in report.targets]),
    ]
    parts += [_render_target(part) for part in report.targets]
    parts.append(
        "## How long each part took\n\n"
        "The latest run of each part in this checkout; of the bootstrap the longest.\n\n"
    )
    rows = [(escape(timing.part), seconds(timing.duration_s)) for timing in report.timings]
    parts.append(render_table(("part", "wall time"), rows) if rows else NOT_MEASURED + "\n")
    return "".join(parts)


def _except_pairs(report: ImageReport) -> str:
    return " outside the sections about pairs" if any(part.pairs for part in report.targets) else ""


SUMMARY_HEADER = (
    "target",
    "base",
    "tests",
    "compressed",
    "uncompressed",
    "cold",
    "no-op",
    "edit",
    "vulnerabilities",
)


def summary_row(part: TargetReport) -> tuple[str, ...]:
    """One row of the summary; also of the index."""
    return (
        part.build.target,
        part.build.base.family,
        _tests(part),
        megabytes(part.layers.compressed_bytes if part.layers else None),
        megabytes(part.layers.uncompressed_bytes if part.layers else None),
        *(_run(part, name) for name in ("cold", "no-op", "edit")),
        _vulnerabilities(part),
    )


def _render_target(part: TargetReport) -> str:
    sections = [f"## {part.build.target} on {part.build.base.family}\n\n", _without_base(part)]
    sections += [_stands_on(part), _before(part), _layers(part), _benchmark(part)]
    sections += [*map(render_comparison, part.comparisons), *map(render_pairs, part.pairs)]
    sections += [render_device(part), _steps(part), render_ledger(part)]
    sections += [_suite(part)]
    return "".join([*sections, _programs(part), render_audit(part.audit), _scan(part)])


def _without_base(part: TargetReport) -> str:
    """How far the image went whose base could not be had."""
    if part.without_base is None:
        return ""
    rows = [(escape(way.name), way.outcome, escape(way.detail)) for way in part.without_base.stretches]
    note = "The base could not be had: what follows is about a part that needs none, on a stand-in.\n\n"
    return f"### What was and what was not run\n\n{note}" + render_table(("what", "outcome", "detail"), rows)


def _stands_on(part: TargetReport) -> str:
    build = part.build
    host = build.host
    facts = [
        ("image", f"`{build.manifest_digest}`"),
        ("base", f"{escape(build.base.reference)} `{build.base.digest}`, {build.base.origin}"),
        ("why this base", escape(build.base.reason)),
        ("left out", escape(", ".join(_left_out(build.build_args))) or "nothing"),
        ("built", f"{build.started_at}; {_phases(build)}"),
        ("build cache", escape(build.cold_reason)),
        ("host", escape(f"{host.cpu}, {host.cores} cores, {gigabytes(host.memory_bytes)} of memory")),
        ("system", escape(f"{host.system}, kernel {host.kernel}")),
        ("engine", escape(f"{build.engine.server_version}, buildx {build.engine.buildx_version}")),
    ]
    return "### What it stands on\n\n" + render_table(("fact", "value"), facts)


def _phases(build: BuildRecord) -> str:
    load_s = build.load_duration_s
    loaded = "not loaded by it" if load_s is None else f"{seconds(load_s)} to load them into the engine"
    built, exported = seconds(build.duration_s), seconds(build.export_duration_s)
    return f"{built} to build, {exported} to export its layers, {loaded}"


def _left_out(build_args: dict[str, str]) -> list[str]:
    """Optional parts that a build argument `WITH_<PART>=0` took away."""
    return [
        name.removeprefix("WITH_").lower()
        for name, value in build_args.items()
        if name.startswith("WITH_") and value == "0"
    ]


def _before(part: TargetReport) -> str:
    """The before/after; nothing where no baseline was built beside the image."""
    if part.before is None:
        return ""
    picture = f"![what grew and what shrank]({name_of(part)}-before.svg)\n\n"
    shown = picture if part.layers and has_growth(part.before) else ""
    title = f"### Against the baseline, {escape(part.before.baseline.name)}\n\n"
    return title + shown + render_differences(part.before)


def _layers(part: TargetReport) -> str:
    title = "### Layers\n\n"
    if part.layers is None:
        return f"{title}{NOT_MEASURED}: `invoke benchmark` reads the layers.\n\n"
    rows = [
        (
            str(number),
            short_digest(layer.digest),
            layer.owner,
            megabytes(layer.compressed_bytes),
            megabytes(layer.uncompressed_bytes),
            str(layer.entries),
            escape(shorten(title_of(layer.created_by), 90)),
        )
        for number, layer in enumerate(part.layers.layers)
    ]
    owners = sorted(part.layers.owners.items(), key=lambda item: -item[1])
    header = ("#", "digest", "owner", "compressed", "uncompressed", "entries", "instruction")
    return (
        f"{title}![bytes by layer and owner]({name_of(part)}-layers.svg)\n\n"
        + _owners_picture(part)
        + render_table(header, rows)
        + render_table(("owner", "file content"), [(name, megabytes(size)) for name, size in owners])
        + render_waste(part)
    )


def _owners_picture(part: TargetReport) -> str:
    has_owners = part.layers is not None and bool(part.layers.owned)
    return f"![who owns how much]({name_of(part)}-owners.svg)\n\n" if has_owners else ""


def _benchmark(part: TargetReport) -> str:
    title = "### Build time\n\n"
    if part.benchmark is None:
        return f"{title}{NOT_MEASURED}: `invoke benchmark` measures it.\n\n"
    rows = [
        (
            run.scenario,
            seconds(run.duration_s),
            str(run.hits),
            str(run.misses),
            tell_saved(run, cold_steps(part)),
            "yes" if run.valid else "no",
            NOT_MEASURED if run.load_before is None else f"{run.load_before:.2f}",
            escape(run.note),
        )
        for run in part.benchmark.runs
    ]
    header = ("scenario", "wall time", "hits", "misses", "saved", "valid", "load before", "note")
    overhead = seconds(part.benchmark.overhead_s)
    tail = (
        "Saved is the share of a cold run's instruction seconds that the hits did not spend again. "
        f"The tool's no-op build minus plain buildx's, one run each: {overhead}. "
        f"Reproducible: {part.benchmark.reproduction}.\n\n"
    )
    return title + render_table(header, rows) + tail


def _steps(part: TargetReport) -> str:
    slowest = sorted(measured_steps(part), key=lambda step: -step.duration_s)[:SLOWEST]
    rows = [
        (escape(shorten(title_of(s.name), 90)), s.stage, seconds(s.duration_s), "hit" if s.cached else "ran")
        for s in slowest
        if s.duration_s >= SHOWN_STEP_S
    ]
    table = render_table(("step", "stage", "wall time", "cache"), rows) if rows else ""
    if not steps_that_ran(part):
        return f"### Time by step\n\nNo step ran for {SHOWN_STEP_S} s: the cache had them.\n\n{table}"
    return f"### Time by step\n\n![time by step]({name_of(part)}-steps.svg)\n\n{table}" + render_timeline(
        measured_steps(part)
    )


def _suite(part: TargetReport) -> str:
    title = "### Tests inside the image\n\n"
    if part.suite is None:
        return f"{title}not run: `invoke verify` runs them.\n\n"
    count = Counter(case.outcome for case in part.suite.cases)
    told = [
        (escape(c.name), c.outcome, escape(shorten(c.detail, 200)))
        for c in part.suite.cases
        if c.outcome != "passed"
    ]
    words = ", ".join(f"{count[name]} {name}" for name in ("passed", "failed", "skipped"))
    words += f"; emulated as {escape(part.suite.emulated)}" if part.suite.emulated else ""
    return f"{title}{words}.\n\n" + (render_table(("check", "outcome", "detail"), told) if told else "")


def _programs(part: TargetReport) -> str:
    title, elf = "### Programs and libraries\n\n", part.elf
    if elf is None:
        return f"{title}not looked at: `nox -s scan` does it.\n\n"
    rows = [
        ("files", str(elf.files)),
        (f"for {escape(elf.architecture)}", str(elf.right_machine)),
        *_needed(elf),
        ("C library there, and the newest that a Python package needs", f"{elf.glibc}, {elf.glibc_needed}"),
        ("findings", str(len(elf.findings))),
    ]
    found = [(escape(f.path), f.rule, escape(shorten(f.detail, 200))) for f in elf.findings]
    allowed = Counter(f.detail for f in elf.allowed)
    reasons = [(escape(shorten(detail, 200)), str(count)) for detail, count in allowed.items()]
    return (
        f"{title}Read from the layers; no program was run.\n\n"
        + render_table(("what", "count"), rows)
        + _extensions(elf)
        + (render_table(("file", "rule", "finding"), found) if found else "")
        + (render_table(("allowed, with the reason", "files"), reasons) if reasons else "")
    )


def _needed(elf: ElfRecord) -> list[tuple[str, str]]:
    if not elf.has_base:
        return [("needed libraries, of each file", "not looked for: the base is not in it")]
    return [
        ("needed libraries, of each file", str(elf.needed)),
        ("found", str(elf.found)),
        ("loaded by a sibling", str(elf.by_sibling)),
        ("allowed to be absent", str(elf.absent)),
    ]


def _extensions(elf: ElfRecord) -> str:
    if elf.extensions is None:
        return f"Extensions of the processor: not looked at for {escape(elf.architecture)}.\n\n"
    rows = [
        (escape(name), str(count.asking), str(count.allowed), str(count.needing))
        for name, count in elf.extensions.items()
    ]
    return (
        "Files with instructions that a Raspberry Pi 4's processor does not have. That a file can ask the "
        "processor does not prove that it does before each of them.\n\n"
        + render_table(("extension", "can ask the processor", "allowed", "need it"), rows)
    )


def _scan(part: TargetReport) -> str:
    title = "### Scan\n\n"
    if part.scan is None:
        return f"{title}not scanned: `nox -s scan` does it.\n\n"
    scan = part.scan
    rows = [("components", escape(", ".join(f"{n} {t}" for t, n in scan.sbom.components.items())))]
    for name, kind in scan.kinds.items():
        found = ", ".join(f"{n} {severity}" for severity, n in kind.by_severity.items()) or "none found"
        rows.append((name, found if kind.status == "scanned" else f"not scanned: {escape(kind.reason)}"))
    listed = [
        (f.kind, f.severity, escape(f.id), escape(f.where), escape(shorten(f.title, 80)))
        for f in scan.findings
    ]
    raw = [(escape(file.name), file.form, f"`{file.sha256}`") for file in scan.sbom.files]
    return (
        f"{title}By {escape(scan.sbom.tool)} and {escape(scan.trivy)}.\n\n"
        + render_table(("what", "result"), rows)
        + (render_table(("kind", "severity", "id", "where", "title"), listed) if listed else "")
        + render_table(("raw output in the work folder", "form", "sha256"), raw)
    )


def _tests(part: TargetReport) -> str:
    if part.suite is None:
        return "not run"
    failed, passed = part.suite.count("failed"), part.suite.count("passed")
    if not failed and not passed:
        return "skipped"
    where = ", emulated" if part.suite.emulated else ""
    return f"{failed} failed, {passed} passed{where}" if failed else f"{passed} passed{where}"


def _run(part: TargetReport, scenario: str) -> str:
    run = part.benchmark.run(scenario) if part.benchmark else None
    if run is None:
        return NOT_MEASURED
    return seconds(run.duration_s) if run.valid or run.duration_s is None else "invalid"


def _vulnerabilities(part: TargetReport) -> str:
    kind = part.scan.kinds.get("vulnerability") if part.scan else None
    if kind is None or kind.status != "scanned":
        return "not scanned"
    return ", ".join(f"{n} {name}" for name, n in kind.by_severity.items()) or "none found"

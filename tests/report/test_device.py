"""Sections about devices: ratios, words for what is missing, updates by the digests of layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from baseimages.build import BuildRecord
from baseimages.declare import load_family
from baseimages.inspect import EqualityRecord, LayerIndex
from baseimages.measure import ComparisonRecord, RunRecord, StartRecord, UpdatesRecord
from baseimages.measure.comparison import WayRecord
from baseimages.records import WorkFolder, write_record
from baseimages.report import write_report
from baseimages.report.device import render_comparison, render_device
from baseimages.report.markdown import render_report
from baseimages.report.record import ImageReport, TargetReport, collect_report
from tests.conftest import ROOT
from tests.report.conftest import DIGEST, layer


def way(name: str, wall_s: float | None, cpu_s: float | None) -> WayRecord:
    run = RunRecord(
        scenario="cold", duration_s=wall_s, cpu_s=cpu_s, valid=wall_s is not None, note="one | run"
    )
    return WayRecord(name=name, platform="linux/arm64", run=run)


def compared(*ways: WayRecord, equality: dict[str, Any] | None = None) -> ComparisonRecord:
    return ComparisonRecord(
        manifest_digest=DIGEST,
        candidate="image",
        stage="core",
        emulation="none is registered",
        ways=ways,
        equality=EqualityRecord.model_validate(equality) if equality else None,
    )


def with_parts(report: ImageReport, **parts: object) -> TargetReport:
    return report.targets[0].model_copy(update=parts)


def test_ways_are_told_as_ratios_to_the_first() -> None:
    record = compared(way("cpu", 400.0, 500.0), way("arm64", 420.0, 450.0), way("emulated", None, None))
    text = render_comparison(record)
    cpu, arm64, emulated = [line for line in text.splitlines() if "linux/arm64" in line]
    assert "| 400.0 s | 1.00 | 500.0 s | 1.00 | yes |" in cpu
    assert "| 420.0 s | 1.05 | 450.0 s | 0.90 | yes |" in arm64
    assert "| not measured | not measured | not measured | not measured | no |" in emulated
    assert "one \\| run" in cpu


def test_an_unexplained_difference_stands_out() -> None:
    differences = [
        {"path": "etc/a", "kind": "content", "reason": "a | reason"},
        {"path": "etc/b", "kind": "owner", "reason": ""},
    ]
    record = compared(way("cpu", 1.0, 1.0), equality={"compared": 9, "differences": differences})
    text = render_comparison(record)
    assert "9 paths compared, 1 differ; 1 differ for a listed reason" in text
    assert "| etc/b | owner | **none** |" in text


def test_a_report_without_these_parts_has_no_such_section(report: ImageReport) -> None:
    text = render_report(report)
    assert "side by side" not in text
    assert "On a device" not in text


def test_emulated_starts_are_labelled_and_their_memory_is_not_told(report: ImageReport) -> None:
    start = StartRecord(
        manifest_digest=DIGEST,
        emulated=True,
        entrypoint_s=(0.2, 0.1, 0.3),
        idle_bytes=None,
        torch_bytes=None,
        note="emulated: seconds are those of the emulator",
    )
    text = render_device(with_parts(report, start=start))
    assert "median 0.20 s, emulated; raw 0.200, 0.100, 0.300" in text
    assert "| peak memory of `import torch` | not measured |" in text


def test_a_size_is_told_beside_its_budget(report: ImageReport) -> None:
    within = render_device(with_parts(report, budget_bytes=3_000_000))
    over = render_device(with_parts(report, budget_bytes=2_999_999))
    assert "3.0 MB, within 3.0 MB" in within
    assert "3.0 MB, over 3.0 MB" in over


def test_an_update_is_counted_from_the_report_before(
    tmp_path: Path, report: ImageReport, build: BuildRecord
) -> None:
    image = load_family(ROOT / "images.toml").image("arm64")
    layers = report.targets[0].layers
    assert layers
    other = "sha256:" + "cd" * 32
    changed = LayerIndex.model_validate(
        {"manifest_digest": DIGEST, "layers": [layer(0), layer(1) | {"digest": other}], "owners": {}}
    )
    older = report.model_copy(update={"image_name": image.name, "revision": "b" * 40})
    old_build = build.model_copy(update={"revision": "b" * 40, "started_at": "2026-01-01T00:00:00Z"})
    older = older.model_copy(update={"targets": (with_parts(report, build=old_build),)})
    write_report(tmp_path, older)
    work = WorkFolder(root=tmp_path, image_name=image.name, base="debian-13", target="core")
    write_record(work.path / WorkFolder.BUILD, build)
    write_record(work.path / WorkFolder.LAYERS, changed)
    (part,) = collect_report(tmp_path, image, "arm64").targets
    assert part.update
    assert (part.update.from_revision, part.update.layers_held, part.update.layers_fetched) == (
        "b" * 40,
        1,
        1,
    )
    assert (part.update.fetched_bytes, part.update.written_bytes) == (2_000_000, 6_000_000)
    assert "1 of 2 layers: 2.0 MB to fetch (66.67% of the image), 6.0 MB written" in render_device(part)


def test_a_later_report_and_another_target_are_no_past(
    tmp_path: Path, report: ImageReport, build: BuildRecord
) -> None:
    image = load_family(ROOT / "images.toml").image("arm64")
    for number, change in enumerate(({"started_at": "2027-01-01T00:00:00Z"}, {"target": "full"})):
        revision = str(number) * 40
        part = with_parts(report, build=build.model_copy(update={"revision": revision} | change))
        changed = {"image_name": image.name, "revision": revision, "targets": (part,)}
        write_report(tmp_path, report.model_copy(update=changed))
    work = WorkFolder(root=tmp_path, image_name=image.name, base="debian-13", target="core")
    write_record(work.path / WorkFolder.BUILD, build)
    write_record(work.path / WorkFolder.LAYERS, report.targets[0].layers)
    assert collect_report(tmp_path, image, "arm64").targets[0].update is None


def test_edits_are_told_by_layers_bytes_and_share_in_both_compressions(report: ImageReport) -> None:
    def cost(fetched_bytes: int) -> dict[str, Any]:
        return {
            "from_revision": "a",
            "layers_held": 8,
            "layers_fetched": 1,
            "fetched_bytes": fetched_bytes,
            "written_bytes": 9_000_000,
        }

    edit = {"name": "a | b", "change": "5.1 to 5.2", "gzip": cost(2_000_000), "zstd": cost(1_500_000)}
    record = UpdatesRecord.model_validate(
        {"manifest_digest": DIGEST, "gzip_bytes": 100_000_000, "zstd_bytes": 90_000_000, "edits": [edit]}
    )
    text = render_device(with_parts(report, updates=record))
    row = "| a \\| b | 5.1 to 5.2 | 1 of 9 | 2.0 MB | 2.00% | 1.5 MB | 1.67% | 9.0 MB |"
    assert row in text

"""The before/after: what the report of an image says of the recipe that it replaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.build import BuildRecord
from baseimages.declare import Family, Image, load_family
from baseimages.inspect import LayerIndex
from baseimages.records import WorkFolder, write_record
from baseimages.report import ImageReport, collect_reports
from baseimages.report.cells import escape
from baseimages.report.markdown import render_report
from tests.report.conftest import DIGEST, REVISION

OLD = "sha256:" + "0d" * 32


@pytest.fixture
def family(root: Path) -> Family:
    return load_family(root / "images.toml")


def store(root: Path, image: Image, build: BuildRecord, layers: LayerIndex) -> None:
    work = WorkFolder(root=root, image_name=image.name, base=build.base.family, target=build.target)
    write_record(work.path / WorkFolder.BUILD, build.model_copy(update={"image_name": image.name}))
    write_record(work.path / WorkFolder.LAYERS, layers)


@pytest.fixture
def checkout(tmp_path: Path, family: Family, report: ImageReport) -> Path:
    """Where the image is built; its layers hold 30 bytes."""
    (part,) = report.targets
    assert part.layers
    store(tmp_path, family.image("cpu"), part.build, part.layers)
    return tmp_path


def build_baseline(
    checkout: Path, family: Family, report: ImageReport, target: str = "core", revision: str = REVISION
) -> None:
    (part,) = report.targets
    assert part.layers
    changes = {"variant": "baseline-cpu", "target": target, "manifest_digest": OLD, "revision": revision}
    owners = {"base": 10, "ffmpeg": 5_000_000}
    store(
        checkout, family.image("baseline-cpu"), part.build.model_copy(update=changes),
        part.layers.model_copy(update={"manifest_digest": OLD, "owners": owners}),
    )  # fmt: skip


def test_where_the_baseline_is_built_too_it_is_reported_and_compared(
    checkout: Path, family: Family, report: ImageReport
) -> None:
    build_baseline(checkout, family, report)
    baseline, image = collect_reports(checkout, family, "cpu")
    assert (baseline.image_name, baseline.revision) == ("baseline_edge_node_amd64_cpu", REVISION)
    (part,) = image.targets
    assert part.before
    assert (part.before.baseline.manifest_digest, part.before.candidate.manifest_digest) == (OLD, DIGEST)
    assert {row.name: row.difference for row in part.before.owners} == {"ffmpeg": -5_000_000, "os": 20}


def test_the_report_shows_what_grew_and_what_shrank(
    checkout: Path, family: Family, report: ImageReport
) -> None:
    build_baseline(checkout, family, report)
    image = collect_reports(checkout, family, "cpu")[-1]
    text = render_report(image)
    name = f"baseline_edge_node_amd64_cpu@{REVISION[:12]}:core-debian-13"
    assert f"### Against the baseline, {escape(name)}\n\n" in text
    assert "![what grew and what shrank](core-debian-13-before.svg)" in text


@pytest.mark.parametrize("words", [{}, {"target": "full"}, {"revision": "d" * 40}])
def test_a_target_whose_baseline_is_not_built_so_is_compared_with_none(
    checkout: Path, family: Family, report: ImageReport, words: dict[str, str]
) -> None:
    if words:
        build_baseline(checkout, family, report, **words)
    reports = collect_reports(checkout, family, "cpu")
    assert reports[-1].targets[0].before is None
    names = [each.image_name for each in reports[:-1]]
    assert names == (["baseline_edge_node_amd64_cpu"] if "target" in words else []), "else it is rewritten"


def test_a_baseline_is_compared_with_nothing_before_it(
    checkout: Path, family: Family, report: ImageReport
) -> None:
    build_baseline(checkout, family, report)
    (baseline,) = collect_reports(checkout, family, "baseline-cpu")
    assert baseline.targets[0].before is None

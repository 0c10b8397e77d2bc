"""The section about bytes that nobody sees: numbers from the record, words where there are none."""

from __future__ import annotations

from typing import Any

from baseimages.inspect import LayerIndex
from baseimages.report.markdown import render_report
from baseimages.report.record import ImageReport, TargetReport
from baseimages.report.waste import render_waste
from tests.report.conftest import DIGEST, layer

WASTE: dict[str, Any] = {
    "visible_bytes": 99_000_000,
    "reclaimable_bytes": 1_000_000,
    "reclaimable_ours_bytes": 250_000,
    "groups": [group := {
        "cause": "rewritten",
        "written_by": 0,
        "hidden_by": 1,
        "ours": False,
        "files": 2,
        "size_bytes": 750_000,
        "examples": ["var/a|b", "var/c"],
    }, group | {"cause": "metadata only", "size_bytes": 0, "examples": ["nothing"]}],
    "duplicates": {"contents": 3, "extra_bytes": 400_000, "heaviest": [
        {"digest": DIGEST, "size_bytes": 100_000, "copies": 4, "examples": ["x*y", "z"]},
    ]},
    "dive": {"efficiency": 0.98765, "wasted_bytes": 2_000_000, "user_bytes": 50_000_000},
}  # fmt: skip
OWNED = [
    {"owner": "torch", "kind": "python", "name": "torch", "files": 7, "size_bytes": 5_000_000},
    {"owner": "torch", "kind": "unowned", "name": "", "files": 1, "size_bytes": 2},
]


def part_with(report: ImageReport, **fields: object) -> TargetReport:
    layers = {"manifest_digest": DIGEST, "layers": [layer(0), layer(1)], "owners": {}} | fields
    return report.targets[0].model_copy(update={"layers": LayerIndex.model_validate(layers)})


def test_lost_bytes_are_told_by_cause_and_layers_with_their_share(report: ImageReport) -> None:
    text = render_waste(part_with(report, waste=WASTE, owned=OWNED))
    assert "1.0 MB of 100.0 MB of file content (1.00%) is in layers where no container sees it" in text
    assert "0.2 MB of that was written by our own layers" in text
    assert "| rewritten | 0 | 1 | the base's | 2 | 0.8 MB | var/a\\|b, var/c |" in text
    assert "nothing" not in text
    assert "| torch | python | torch | 7 | 5.0 MB |" in text
    assert "| smaller ones | unowned | torch | 1 | 2 B |" in text


def test_duplicates_and_dives_number_are_labelled(report: ImageReport) -> None:
    text = render_waste(part_with(report, waste=WASTE))
    assert "3 contents stand in several visible files" in text
    assert "had 0.4 MB less" in text
    assert "| 0.3 MB | 4 | x\\*y, z |" in text
    assert "As dive counts it: efficiency 0.9877, 2.0 MB wasted (4.00% of what is above" in text


def test_records_without_these_numbers_have_no_such_section(report: ImageReport) -> None:
    assert render_waste(part_with(report)) == ""
    assert render_waste(report.targets[0].model_copy(update={"layers": None})) == ""
    assert "Reclaimable" not in render_report(report)

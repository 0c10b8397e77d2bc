"""The ledger on a page: rows that sum up, words for what was not measured, nothing that escapes a cell."""

from __future__ import annotations

from typing import Any

from baseimages.build import StepUsage
from baseimages.compare import compare_ledgers, make_ledger
from baseimages.inspect import ScanRecord
from baseimages.measure import BenchmarkRecord, RunRecord
from baseimages.report.ledger import cold_steps, ledger_of, render_ledger, render_ledger_delta
from baseimages.report.record import ImageReport, TargetReport
from tests.compare.conftest import cold_steps as recorded_steps
from tests.compare.conftest import diff_id, layers, recipe, scan, step

KINDS: dict[str, Any] = {
    "secret": {"status": "scanned"},
    "vulnerability": {"status": "not scanned", "reason": "no database"},
}


def part_of(report: ImageReport, **changes: object) -> TargetReport:
    values = {
        "provenance": recipe(),
        "layers": layers(),
        "scan": scanned(),
        "benchmark": benchmark(valid=True),
    }
    return report.targets[0].model_copy(update=values | changes)


def scanned() -> ScanRecord:
    record = scan({diff_id(0): 80, diff_id(4): 5}, {"layer": diff_id(4)})
    return ScanRecord.model_validate(record.model_dump() | {"kinds": KINDS})


def benchmark(*, valid: bool) -> BenchmarkRecord:
    run = RunRecord(scenario="cold", duration_s=9.0, valid=valid, note="", steps=recorded_steps())
    return BenchmarkRecord(manifest_digest="sha256:1", runs=(run,), overhead_s=None)


def cells_of(text: str, word: str) -> list[str]:
    (row,) = [line for line in text.splitlines() if line.startswith("|") and word in line]
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def test_each_line_is_a_row_and_the_last_one_is_the_sum(report: ImageReport) -> None:
    text = render_ledger(part_of(report))
    assert cells_of(text, "/out/b /b")[0] == "23"
    assert cells_of(text, "/out/b /b")[5:] == ["900 B", "3 B", "5", "1"]
    assert cells_of(text, "mkdir -p /out/a")[:4:3] == ["11-13", "in 23"]
    assert cells_of(text, "**all**")[5:] == ["6358 B", "27 B", "85", "1"]


def test_what_was_not_measured_is_said_once_with_the_verb_that_measures_it(report: ImageReport) -> None:
    text = render_ledger(part_of(report, scan=None, benchmark=None))
    assert "After an edit: not measured (`invoke benchmark`)." in text
    assert "Packages: not measured (`invoke scan`)." in text
    assert "packages" not in cells_of(text, "| instruction |")


def test_kinds_of_findings_that_were_not_looked_for_are_named(report: ImageReport) -> None:
    text = render_ledger(part_of(report))
    assert "Findings are of: secret. Not scanned: vulnerability." in text


def test_usage_is_told_of_the_host_and_not_of_steps_where_the_engine_told_none(report: ImageReport) -> None:
    text = render_ledger(part_of(report))
    assert (
        "1.11 s busy, 0.00 s waiting for a disk, 0.00 s taken by other machines. By line: not measured"
        in text
    )


def test_usage_of_a_line_is_told_and_its_unmeasured_parts_in_words(report: ImageReport) -> None:
    line = recipe().lines[1].model_copy(update={"usage": StepUsage(cpu_s=1.5)})
    measured = recipe().model_copy(update={"lines": (line,), "host": None})
    text = render_ledger(part_of(report, provenance=measured, layers=None))
    assert "other programs' work among it: not measured." in text
    assert "\n\n| line | processor |" in text
    unmeasured = ["not measured"] * 4
    assert cells_of(text, "| 4 | 1.50 s") == ["4", "1.50 s", *unmeasured]


def test_without_provenance_there_is_no_ledger_and_no_guess(report: ImageReport) -> None:
    text = render_ledger(report.targets[0])
    assert "not measured: the build kept no provenance" in text
    assert "|" not in text


def test_an_invalid_run_is_no_cold_run_but_a_build_that_was_cold_is(report: ImageReport) -> None:
    part = part_of(report, benchmark=benchmark(valid=False))
    assert cold_steps(part) == part.build.steps
    warm = part.build.model_copy(update={"cold": False})
    assert cold_steps(part.model_copy(update={"build": warm})) == ()


def test_the_ledger_is_that_of_the_stored_record_again(report: ImageReport) -> None:
    part = part_of(report)
    again = TargetReport.model_validate_json(part.model_dump_json())
    assert ledger_of(again) == ledger_of(part)
    assert render_ledger(again) == render_ledger(part)


def test_no_text_of_a_dockerfile_leaves_its_cell(report: ImageReport) -> None:
    line = recipe().lines[0].model_copy(update={"title": "RUN a | b <img src=x>\n| c |", "stage": "`x`|"})
    hostile = recipe().model_copy(update={"lines": (line, *recipe().lines[1:])})
    text = render_ledger(part_of(report, provenance=hostile))
    rows = [row for row in text.splitlines() if row.startswith("|")]
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1
    assert "<img" not in text.replace("\\<", "")


def test_a_difference_names_the_line_that_did_it_first() -> None:
    candidate = layers((5000, 10, 400, 30, 100, 7, 8, 1, 2))
    mine, other = make_ledger(recipe(), layers=layers()), make_ledger(recipe(), layers=candidate)
    text = render_ledger_delta(compare_ledgers(mine, other))
    _, table = text.split("line by line")
    first = [row for row in table.splitlines() if row.startswith("|")][2]
    assert "/out/b /b" in first
    assert first.split(" | ")[-2].strip() == "-800 B"
    assert cells_of(table, "**all**")[3] == "-800 B"
    assert "930 B → 130 B (-800 B)" in text
    assert "cold" not in text


def test_lines_of_one_owner_stand_together_and_those_that_did_not_move_are_one_row() -> None:
    mine = make_ledger(recipe(), layers=layers())
    other = make_ledger(recipe(), layers=layers((5100, 10, 400, 30, 100, 7, 8, 1, 900)))
    _, table = render_ledger_delta(compare_ledgers(mine, other)).split("line by line")
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("|")][2:]
    assert [row[2] for row in rows[:3]] == ["os", "tool", "base"]
    assert rows[3][1] == "*9 more*"
    assert rows[3][3] == "+0 B"
    assert len(rows) == 5


def test_a_side_that_was_not_measured_is_told_beside_the_one_that_was() -> None:
    mine = make_ledger(recipe(), cold=recorded_steps(), layers=layers())
    text = render_ledger_delta(compare_ledgers(mine, make_ledger(recipe(), layers=layers())))
    assert "→ not measured |" in text


def test_lines_beyond_the_longest_table_are_summed_in_one_row() -> None:
    numbers = range(40, 80)
    many = [
        recipe()
        .lines[-1]
        .model_copy(
            update={"line_start": n, "line_end": n, "text_sha256": f"{n:064x}", "places": (f"x {n}/80 RUN",)}
        )
        for n in numbers
    ]
    longer = recipe().model_copy(update={"lines": (*recipe().lines, *many)})
    candidate = make_ledger(longer, cold=[step(f"[x {n}/80] RUN a", 1.0) for n in numbers])
    text = render_ledger_delta(
        compare_ledgers(make_ledger(recipe(), cold=[step("exporting", 1.0)]), candidate)
    )
    assert cells_of(text, "*27 more*")[3] == "+16.00 s", "16 lines of 1 s, and 11 that did not move"
    assert cells_of(text, "| **all** |  |")[3] == "+39.00 s"

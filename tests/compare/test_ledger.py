"""The ledger adds up: every second, byte, package and finding is in one entry, and in one only."""

from __future__ import annotations

import pytest

from baseimages.compare import Amounts, Kind, Ledger, compare_ledgers, make_ledger, sum_amounts
from tests.compare.conftest import TOTAL_BYTES, cold_steps, diff_id, layers, recipe, scan, step

SCAN = scan(
    {"": 2, diff_id(0): 80, diff_id(2): 20, diff_id(4): 5, diff_id(99): 1},
    {"layer": diff_id(4)},
    {"kind": "misconfiguration", "line": 12},
    {"kind": "misconfiguration", "line": 400},
    {"kind": "misconfiguration"},
    {"layer": diff_id(77)},
)


def full_ledger() -> Ledger:
    edit = [step("[core 3/6] COPY --link scripts/entrypoint.sh /entrypoint", 0.25)]
    return make_ledger(recipe(), cold=cold_steps(), edit=edit, layers=layers(), scan=SCAN)


def amounts(ledger: Ledger, line: int) -> Amounts:
    (found,) = [e.amounts for e in ledger.entries if e.line and e.line.line_start == line]
    return found


def amounts_of(ledger: Ledger, kind: Kind) -> Amounts:
    (found,) = [e.amounts for e in ledger.entries if e.kind is kind]
    return found


def test_the_entries_sum_up_to_what_steps_layers_and_scan_hold() -> None:
    total = full_ledger().total
    assert total.cold_s == pytest.approx(sum(s.duration_s for s in cold_steps() if not s.cached))
    assert total.edit_s == 0.25
    assert (total.compressed_bytes, total.reclaimable_bytes) == (TOTAL_BYTES, 9 * 3)
    assert (total.packages, total.findings) == (108, 5)


def test_owners_and_their_lines_sum_up_to_the_same() -> None:
    ledger = full_ledger()
    assert sum_amounts(ledger.by_owner().values()) == ledger.total
    assert sum_amounts(entry.amounts for entry in ledger.entries) == ledger.total


def test_each_amount_is_with_the_line_that_it_belongs_to() -> None:
    ledger = full_ledger()
    assert amounts(ledger, 2).packages == 80
    assert amounts(ledger, 19).compressed_bytes == 400
    assert (amounts(ledger, 23).compressed_bytes, amounts(ledger, 23).findings) == (900, 1)
    assert (amounts(ledger, 24).edit_s, amounts(ledger, 23).edit_s) == (0.25, 0)
    slow = amounts(ledger, 11).cold_s
    assert slow is not None
    assert slow > 0.3, "it sleeps for 0.3 s"


def test_a_finding_of_the_dockerfile_is_with_its_line_also_inside_a_script() -> None:
    assert amounts(full_ledger(), 11).findings == 1


def test_what_nothing_names_is_not_attributed_and_contexts_and_export_are_around_the_lines() -> None:
    unknown, around = amounts_of(full_ledger(), Kind.UNKNOWN), amounts_of(full_ledger(), Kind.AROUND)
    assert (unknown.packages, unknown.findings, unknown.compressed_bytes, unknown.cold_s) == (3, 3, 0, 0)
    assert around.cold_s is not None
    assert around.cold_s > 0


def test_a_step_that_the_recipe_does_not_have_is_not_attributed() -> None:
    foreign = [step("[other 1/1] RUN x", 5.0), step("[core 6/6] COPY a b", 2.0)]
    ledger = make_ledger(recipe(), cold=foreign)
    assert amounts_of(ledger, Kind.UNKNOWN).cold_s == 7.0


def test_a_hit_costs_nothing() -> None:
    ledger = make_ledger(recipe(), edit=[step("[core 6/6] RUN cat /entrypoint", 3.0, cached=True)])
    assert ledger.total.edit_s == 0


def test_layers_of_another_number_are_not_attributed_and_none_is_lost() -> None:
    ledger = make_ledger(recipe(), layers=layers((5, 6)), scan=SCAN)
    assert amounts_of(ledger, Kind.UNKNOWN).compressed_bytes == ledger.total.compressed_bytes == 11
    assert ledger.total.packages == 108
    assert {entry.owner for entry in ledger.entries if entry.line} == {Kind.UNKNOWN}


def test_what_was_not_measured_is_none_and_never_0() -> None:
    assert make_ledger(recipe()).total == Amounts()
    with_layers = make_ledger(recipe(), layers=layers(reclaimable=None)).total
    assert with_layers == Amounts(compressed_bytes=TOTAL_BYTES)


def test_packages_of_a_scan_from_before_layers_were_kept_are_not_measured() -> None:
    total = make_ledger(recipe(), layers=layers(), scan=scan({})).total
    assert (total.packages, total.findings) == (None, 0)


def test_without_layers_nothing_of_a_scan_can_be_joined() -> None:
    assert make_ledger(recipe(), scan=SCAN).total == Amounts()


def test_a_build_stage_ships_with_the_nearest_line_that_has_a_layer_and_most_bytes() -> None:
    ledger = full_ledger()
    shipped = {e.line.line_start: e.ships_with for e in ledger.entries if e.line and e.ships_with}
    assert shipped == {11: 23}, "19, 22 and 23 stand on it; 23 has most bytes"
    (tool,) = [e for e in ledger.entries if e.line and e.line.line_start == 11]
    assert tool.owner == "tool"


def test_folding_counts_each_second_once() -> None:
    ledger = full_ledger()
    folded = [ledger.folded_cold_s(entry) or 0 for entry in ledger.entries]
    apart = sum(e.amounts.cold_s or 0 for e in ledger.entries if e.line is None)
    assert sum(folded) + apart == pytest.approx(ledger.total.cold_s)
    (shipper,) = [e for e in ledger.entries if e.line and e.line.line_start == 23]
    assert ledger.folded_cold_s(shipper) == pytest.approx(
        (amounts(ledger, 11).cold_s or 0) + (amounts(ledger, 23).cold_s or 0)
    )


def test_a_ledger_against_itself_has_no_difference() -> None:
    delta = compare_ledgers(full_ledger(), full_ledger())
    assert delta.difference == delta.baseline.zero
    assert {line.side for line in delta.lines} == {"both"}
    assert all(line.difference == delta.difference for line in delta.lines)


def other_ledger() -> Ledger:
    """The same recipe some lines further down, one instruction rewritten, its layer larger."""
    mine = recipe()
    lines = [
        line.model_copy(
            update={
                "line_start": line.line_start + 100,
                "line_end": line.line_end + 100,
                "inputs": tuple(number + 100 for number in line.inputs),
                "text_sha256": "f" * 64 if line.line_start == 23 else line.text_sha256,
            }
        )
        for line in mine.lines
    ]
    moved = tuple(number + 100 for number in mine.layers)
    other = mine.model_copy(update={"lines": tuple(lines), "layers": moved})
    sizes = (5000, 10, 400, 30, 100, 7, 8, 1, 2)
    return make_ledger(other, cold=cold_steps(), layers=layers(sizes), scan=SCAN)


def test_the_same_text_in_the_same_stage_is_one_line_wherever_it_stands() -> None:
    delta = compare_ledgers(full_ledger(), other_ledger())
    sides = {line.side: [] for line in delta.lines}
    for line in delta.lines:
        sides[line.side].append(line.entry.line.line_start if line.entry.line else line.entry.kind)
    assert (sides["baseline"], sides["candidate"]) == ([23], [123])
    assert len(sides["both"]) == len(delta.lines) - 2


def test_the_differences_of_lines_and_of_owners_sum_up_to_that_of_the_totals() -> None:
    delta = compare_ledgers(full_ledger(), other_ledger())
    assert delta.difference.compressed_bytes == -800
    assert sum_amounts(line.difference for line in delta.lines) == delta.difference
    assert sum_amounts(owner.difference for owner in delta.owners) == delta.difference
    (tool,) = [owner for owner in delta.owners if owner.owner == "tool"]
    assert (tool.baseline.compressed_bytes, tool.difference.compressed_bytes) == (930, -800)


def test_what_one_side_did_not_measure_has_no_difference() -> None:
    delta = compare_ledgers(full_ledger(), other_ledger())
    assert (delta.baseline.edit_s, delta.candidate.edit_s, delta.difference.edit_s) == (0.25, None, None)
    assert {line.difference.edit_s for line in delta.lines} == {None}


def test_an_instruction_that_stands_there_twice_is_two_lines() -> None:
    mine = recipe()
    again = mine.lines[-1].model_copy(update={"line_start": 30, "line_end": 30})
    twice = make_ledger(mine.model_copy(update={"lines": (*mine.lines, again)}), layers=layers())
    delta = compare_ledgers(make_ledger(mine, layers=layers()), twice)
    assert [
        line.entry.line.line_start for line in delta.lines if line.side == "candidate" and line.entry.line
    ] == [30]

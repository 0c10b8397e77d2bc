"""Gates of a proposal: passed, failed, or open where nothing was measured; never a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from baseimages.compare.delta import TargetDelta
from baseimages.compare.findings import is_grave
from baseimages.compare.proposal import GateOutcome, GateResult, Proposal
from baseimages.compare.rubric import GateName, Rubric
from baseimages.compare.side import Side
from baseimages.inspect import LayerIndex

SHOWN = 3
PASSED, FAILED, OPEN = GateOutcome.PASSED, GateOutcome.FAILED, GateOutcome.OPEN
Told = tuple[GateOutcome, str]


def ask_gates(
    rubric: Rubric,
    proposal: Proposal,
    baseline: Side,
    candidate: Side,
    delta: TargetDelta,
    budget_bytes: int | None,
) -> tuple[GateResult, ...]:
    """Ask the gates of every proposal and those that this one names, in the order of the rubric.

    `delta` compares the two, `budget_bytes` is what the candidate may weigh.
    """
    asked: Mapping[GateName, Callable[[], Told]] = {
        "tests": lambda: _ask_tests(baseline, candidate, proposal.renamed_checks),
        "findings": lambda: _ask_findings(delta),
        "programs": lambda: _ask_programs(candidate),
        "budget": lambda: _ask_budget(candidate.layers, budget_bytes),
        "reproducible": lambda: _ask_reproducible(candidate),
    }
    names = [name for name, gate in rubric.gates.items() if gate.always or name in proposal.gates]
    told = {name: asked[name]() for name in names}
    return tuple(GateResult(name=name, outcome=how, detail=why) for name, (how, why) in told.items())


def _ask_tests(baseline: Side, candidate: Side, renamed: Mapping[str, str]) -> Told:
    """No check fails, and none that passes on the baseline is lost."""
    if candidate.suite is None:
        return OPEN, "the candidate was not tested"
    failed = candidate.suite.count("failed")
    if failed:
        return FAILED, f"{failed} checks fail in the candidate"
    passed = {case.name for case in candidate.suite.cases if case.outcome == "passed"}
    if baseline.suite is None:
        return OPEN, f"{len(passed)} checks pass in the candidate, the baseline was not tested"
    before = [case.name for case in baseline.suite.cases if case.outcome == "passed"]
    lost = [name for name in before if renamed.get(name, name) not in passed]
    if lost:
        return FAILED, f"lost: {'; '.join(lost[:SHOWN])}"
    return PASSED, f"{len(passed)} checks pass, among them all {len(before)} of the baseline"


def _ask_findings(delta: TargetDelta) -> Told:
    """No secret and no critical vulnerability that the baseline has not."""
    new = [f for kind in delta.findings for f in kind.introduced if is_grave(f)]
    if new:
        return FAILED, f"new: {'; '.join(f'{f.kind} {f.id} {f.where}' for f in new[:SHOWN])}"
    compared = {kind.kind for kind in delta.findings}
    missing = [
        row for row in delta.rows if row.name in ("secret", "vulnerability") and row.name not in compared
    ]
    if missing:
        return OPEN, "; ".join(f"{row.name}: {row.note or row.verdict}" for row in missing)
    return PASSED, "no new secret, no new critical vulnerability"


def _ask_programs(candidate: Side) -> Told:
    if candidate.elf is None:
        return OPEN, "programs were not looked at"
    found = len(candidate.elf.findings)
    return (FAILED if found else PASSED), f"{found} findings in {candidate.elf.files} programs and libraries"


def _ask_budget(layers: LayerIndex | None, budget_bytes: int | None) -> Told:
    if layers is None:
        return OPEN, "layers were not read"
    if budget_bytes is None:
        return OPEN, "no budget is declared for it"
    size_bytes = layers.compressed_bytes
    return (PASSED if size_bytes <= budget_bytes else FAILED), f"{size_bytes} of {budget_bytes} bytes"


def _ask_reproducible(candidate: Side) -> Told:
    benchmark = candidate.benchmark
    if benchmark is None or benchmark.rebuilt_digest is None:
        return OPEN, "there was no second cold build"
    same = benchmark.rebuilt_digest == benchmark.manifest_digest
    return (PASSED if same else FAILED), benchmark.reproduction

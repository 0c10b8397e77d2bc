"""The comparison of two images: numbers, packages, findings, contract, abilities, and its gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from baseimages.build import BuildRecord
from baseimages.compare.contract import Change, diff_abilities, diff_contracts
from baseimages.compare.findings import FindingsDelta, diff_findings, is_grave
from baseimages.compare.ledger import Ledger, LedgerDelta, compare_ledgers
from baseimages.compare.packages import PackageChange, diff_packages
from baseimages.compare.rows import KINDS, count_findings, list_owners, list_rows
from baseimages.compare.side import Side, SideFacts, refuse_packages, refuse_scans, refuse_sizes, refuse_times
from baseimages.compare.verdict import LEVELS, Level, Row
from baseimages.declare import Budget, Loss
from baseimages.errors import RegressionError
from baseimages.inspect import find_excesses
from baseimages.records import Record

NAMED = 8


class TargetDelta(BaseModel):
    """One image against another. None is what was not measured on one of the sides.

    `owners` are file bytes by owner, `ledger` tells which line made the difference, `failures` what the
    gates say, in words; a breaking change that nothing allows is among `contract` or `abilities`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    baseline: SideFacts
    candidate: SideFacts
    rows: tuple[Row, ...]
    owners: tuple[Row, ...]
    packages: tuple[PackageChange, ...] | None
    findings: tuple[FindingsDelta, ...]
    ledger: LedgerDelta | None
    contract: tuple[Change, ...] | None
    abilities: tuple[Change, ...] | None
    failures: tuple[str, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """What changed of the contract and the abilities, as far as they are known."""
        return (*(self.contract or ()), *(self.abilities or ()))

    @property
    def breaking(self) -> tuple[Change, ...]:
        """What breaks whoever builds on the image, and has no reason."""
        return tuple(change for change in self.changes if change.breaks)

    @property
    def level(self) -> Level | None:
        """The step in the sense of semantic versioning; None where no contract was compared.

        A loss that has a reason is announced, so it counts as a minor change.
        """
        if self.contract is None:
            return None
        levels = [Level.MINOR if change.reason else change.level for change in self.changes]
        return max(levels, key=LEVELS.index, default=Level.PATCH)


class DeltaRecord(Record):
    """Every pair that was compared; `allowed` are the levels that a person lets pass."""

    allowed: tuple[Level, ...]
    targets: tuple[TargetDelta, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """What the gates say, one sentence each."""
        return tuple(
            f"{delta.candidate.name}: {text}" for delta in self.targets for text in self._fail(delta)
        )

    def _fail(self, delta: TargetDelta) -> Iterator[str]:
        yield from delta.failures
        if delta.breaking and Level.BREAKING not in self.allowed:
            shown = ", ".join(f"{c.aspect} {c.name}" for c in delta.breaking[:NAMED])
            more = f" and {len(delta.breaking) - NAMED} more" if len(delta.breaking) > NAMED else ""
            yield f"{len(delta.breaking)} breaking: {shown}{more}"


def compare_sides(baseline: Side, candidate: Side, losses: Iterable[Loss], budget: Budget) -> TargetDelta:
    """Compare two images; `losses` are those that have a reason, `budget` is the candidate's."""
    declared, build = tuple(losses), candidate.build
    findings = _diff_findings(baseline, candidate)
    return TargetDelta(
        baseline=SideFacts.of(baseline),
        candidate=SideFacts.of(candidate),
        rows=list_rows(baseline, candidate, findings),
        owners=list_owners(baseline, candidate),
        packages=_diff_packages(baseline, candidate),
        findings=findings,
        ledger=_compare_ledgers(baseline, candidate),
        contract=_explain(diff_contracts(baseline, candidate), declared, build),
        abilities=_explain(diff_abilities(baseline.abilities, candidate.abilities), declared, build),
        failures=tuple(_check_gates(baseline, candidate, findings, budget)),
    )


def refuse_regressions(record: DeltaRecord) -> None:
    """Raise RegressionError for a comparison whose gates fail, each of them named."""
    if record.failures:
        raise RegressionError(
            "\n".join(record.failures),
            next_step="mend it, give the loss its reason under [[losses]] of images.toml, or let it pass "
            "with --allow breaking",
        )


def _diff_packages(baseline: Side, candidate: Side) -> tuple[PackageChange, ...] | None:
    if baseline.scan is None or candidate.scan is None or refuse_packages(baseline, candidate):
        return None
    old, new = baseline.scan.sbom.packages, candidate.scan.sbom.packages
    return None if old is None or new is None else diff_packages(old, new)


def _diff_findings(baseline: Side, candidate: Side) -> tuple[FindingsDelta, ...]:
    """By kind, of those that both sides were searched for by one tool."""
    if baseline.scan is None or candidate.scan is None or refuse_scans(baseline, candidate):
        return ()
    scans = (baseline.scan, candidate.scan)
    kinds = [kind for kind in KINDS if all(count_findings(scan, kind) is not None for scan in scans)]
    return tuple(diff_findings(kind, *scans) for kind in kinds)


def _compare_ledgers(baseline: Side, candidate: Side) -> LedgerDelta | None:
    """Of the columns those that can be compared; None where not even bytes can."""
    if baseline.ledger is None or candidate.ledger is None or refuse_sizes(baseline, candidate):
        return None
    refusals = {
        "cold_s": refuse_times(baseline, candidate),
        "edit_s": refuse_times(baseline, candidate),
        "packages": refuse_packages(baseline, candidate),
        "findings": refuse_scans(baseline, candidate),
    }
    refused = dict.fromkeys(name for name, why in refusals.items() if why)
    return compare_ledgers(_leave_out(baseline.ledger, refused), _leave_out(candidate.ledger, refused))


def _leave_out(ledger: Ledger, columns: Mapping[str, None]) -> Ledger:
    entries = (
        entry.model_copy(update={"amounts": entry.amounts.model_copy(update=columns)})
        for entry in ledger.entries
    )
    return ledger.model_copy(update={"entries": tuple(entries)})


def _explain(
    changes: tuple[Change, ...] | None, losses: tuple[Loss, ...], build: BuildRecord
) -> tuple[Change, ...] | None:
    """Give each breaking change the reason that is declared for it."""
    if changes is None:
        return None
    return tuple(
        change.model_copy(update={"reason": _find_reason(change, losses, build)})
        if change.level == Level.BREAKING
        else change
        for change in changes
    )


def _find_reason(change: Change, losses: tuple[Loss, ...], build: BuildRecord) -> str:
    asked = (build.variant, build.target, change.aspect, change.name)
    return next((loss.why for loss in losses if loss.covers(*asked)), "")


def _check_gates(
    baseline: Side, candidate: Side, findings: tuple[FindingsDelta, ...], budget: Budget
) -> Iterator[str]:
    if candidate.layers:
        yield from find_excesses(candidate.layers, budget, baseline.layers)
    failed = candidate.suite.count("failed") if candidate.suite else 0
    if failed:
        yield f"{failed} checks of its suite fail"
    for finding in (finding for delta in findings for finding in delta.introduced):
        if is_grave(finding):
            yield f"it introduces the {finding.kind} {finding.id} ({finding.severity}) in {finding.where}"

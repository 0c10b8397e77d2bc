"""The numbers of two images side by side, each with its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from baseimages.compare.findings import FindingsDelta
from baseimages.compare.side import Side, refuse_packages, refuse_scans, refuse_sizes
from baseimages.compare.times import list_times
from baseimages.compare.verdict import Pair, Row, Verdict, make_row
from baseimages.inspect import LayerIndex, ScanRecord, cost_of_update
from baseimages.records import RecordT

KINDS = ("vulnerability", "secret", "misconfiguration")
SCANNED = "scanned"


def list_rows(baseline: Side, candidate: Side, findings: tuple[FindingsDelta, ...]) -> tuple[Row, ...]:
    """Every number that both sides may have."""
    return (
        *_list_sizes(baseline, candidate),
        *list_times(baseline, candidate),
        _count_failures(baseline, candidate),
        _count_packages(baseline, candidate),
        *_list_findings(baseline, candidate, findings),
    )


def list_owners(baseline: Side, candidate: Side) -> tuple[Row, ...]:
    """File bytes of every owner whose bytes changed, the one that moved most first."""
    if baseline.layers is None or candidate.layers is None:
        return ()
    refusal = refuse_sizes(baseline, candidate)
    old, new = baseline.layers.owners, candidate.layers.owners
    rows = [
        make_row(owner, "bytes", (old.get(owner, 0), new.get(owner, 0)), refusal)
        for owner in old.keys() | new.keys()
        if old.get(owner, 0) != new.get(owner, 0)
    ]
    return tuple(sorted(rows, key=lambda row: (-abs((row.candidate or 0) - (row.baseline or 0)), row.name)))


def _list_sizes(baseline: Side, candidate: Side) -> Iterator[Row]:
    def ask(question: Callable[[LayerIndex], int | None]) -> Pair:
        return _ask(baseline.layers, question), _ask(candidate.layers, question)

    refusal = refuse_sizes(baseline, candidate)
    compressed = make_row("compressed", "bytes", ask(lambda index: index.compressed_bytes), refusal)
    yield _add_update(compressed, baseline.layers, candidate.layers)
    yield make_row("uncompressed", "bytes", ask(lambda index: index.uncompressed_bytes), refusal)
    yield make_row("reclaimable", "bytes", ask(_sum_reclaimable), refusal)
    yield make_row("layers", "count", ask(lambda index: len(index.layers)), refusal, directed=False)


def _sum_reclaimable(index: LayerIndex) -> int | None:
    """Bytes in layers that nobody sees at the end; None in records from before they were told."""
    sizes = [layer.reclaimable_bytes for layer in index.layers]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _ask(record: RecordT | None, question: Callable[[RecordT], int | None]) -> int | None:
    return None if record is None else question(record)


def _add_update(row: Row, old: LayerIndex | None, new: LayerIndex | None) -> Row:
    """Tell what a device with the baseline fetches."""
    if old is None or new is None or row.note:
        return row
    cost = cost_of_update(old, new, from_revision="")
    note = (
        f"an update from the baseline fetches {cost.layers_fetched} of {len(new.layers)} layers, "
        f"{cost.fetched_bytes / 1e6:.1f} MB"
    )
    return row.model_copy(update={"note": note})


def _count_failures(baseline: Side, candidate: Side) -> Row:
    old, new = (_ask(side.suite, lambda suite: suite.count("failed")) for side in (baseline, candidate))
    return make_row("failed checks", "count", (old, new), "")


def _count_packages(baseline: Side, candidate: Side) -> Row:
    counts = _count_listed(baseline.scan), _count_listed(candidate.scan)
    return make_row("packages", "count", counts, refuse_packages(baseline, candidate), directed=False)


def _count_listed(scan: ScanRecord | None) -> int | None:
    packages = scan.sbom.packages if scan else None
    return None if packages is None else len(packages)


def _list_findings(baseline: Side, candidate: Side, deltas: tuple[FindingsDelta, ...]) -> Iterator[Row]:
    refusal = refuse_scans(baseline, candidate)
    kinds = {delta.kind: delta for delta in deltas}
    for name in KINDS:
        counts = count_findings(baseline.scan, name), count_findings(candidate.scan, name)
        row = make_row(name, "count", counts, refusal)
        known = kinds.get(name)
        update = _judge_findings(known) if known else _tell_why(row, name, baseline.scan, candidate.scan)
        yield row.model_copy(update=update)


def count_findings(scan: ScanRecord | None, kind: str) -> int | None:
    """How many findings of that kind; None where nobody looked for them."""
    looked = scan.kinds.get(kind) if scan else None
    return sum(looked.by_severity.values()) if looked and looked.status == SCANNED else None


def _judge_findings(delta: FindingsDelta) -> dict[str, object]:
    verdict = Verdict.WORSE if delta.introduced else Verdict.BETTER if delta.fixed else Verdict.NO_CHANGE
    return {
        "verdict": verdict,
        "note": f"{len(delta.introduced)} introduced, {len(delta.fixed)} fixed, {delta.stay} stay",
    }


def _tell_why(row: Row, name: str, *scans: ScanRecord | None) -> dict[str, object]:
    if row.verdict != Verdict.NOT_MEASURED:
        return {}
    found = (scan.kinds.get(name) if scan else None for scan in scans)
    reasons = {kind.reason if kind else "no scan of it is recorded" for kind in found}
    return {"note": "; ".join(sorted(reasons - {""}))}

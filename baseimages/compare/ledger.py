"""The ledger: what each line of a Dockerfile costs, and which line made the difference.

Seconds come from the steps of runs, bytes from the layer index, packages and findings from the
scan; the provenance of the build says which line each step and each layer belongs to. What it does
not say is an entry of its own, so that the entries of a ledger always sum up to what was measured.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import reduce

from pydantic import BaseModel, ConfigDict

from baseimages.build import LineRecord, ProvenanceRecord, StepRecord
from baseimages.inspect import LayerIndex, ScanRecord

# Keys beside the numbers of lines, which count from 1.
AROUND_KEY = -1
UNKNOWN_KEY = 0
Column = Mapping[int, float]


class Part(BaseModel):
    """Base of the parts of a ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(StrEnum):
    """What an entry is about: a line, what a build does around all lines, or what no line is known of."""

    LINE = "line"
    AROUND = "around the lines"
    UNKNOWN = "not attributed"


class Amounts(Part):
    """What something costs; None is what was not measured, and stays that in every sum.

    `cold_s` and `edit_s` are seconds of steps: steps run at once, so they sum up to more than the
    wall time.
    """

    cold_s: float | None = None
    edit_s: float | None = None
    compressed_bytes: int | None = None
    reclaimable_bytes: int | None = None
    packages: int | None = None
    findings: int | None = None

    def __add__(self, other: Amounts) -> Amounts:
        return self._combine(other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: Amounts) -> Amounts:
        return self._combine(other, lambda mine, theirs: mine - theirs)

    @property
    def zero(self) -> Amounts:
        """Nothing of what was measured."""
        return self - self

    def _combine(self, other: Amounts, operation: Callable[[float, float], float]) -> Amounts:
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in Amounts.model_fields)
        both = {name: (a, b) for name, a, b in pairs if a is not None and b is not None}
        return Amounts.model_validate({name: round(operation(a, b), 3) for name, (a, b) in both.items()})


class Entry(Part):
    """One line, or one of the two kinds that are no line.

    `owner` is that of most bytes of the line's layers. A line without a layer, in a build stage,
    has the owner of the line `ships_with` (its first line's number), which shipped what it made.
    """

    kind: Kind
    line: LineRecord | None
    owner: str
    ships_with: int | None
    amounts: Amounts


class Ledger(Part):
    """All entries of one image, lines first and in order."""

    manifest_digest: str
    entries: tuple[Entry, ...]

    @property
    def total(self) -> Amounts:
        """The sum of all entries."""
        return sum_amounts(entry.amounts for entry in self.entries)

    def folded_cold_s(self, entry: Entry) -> float | None:
        """Cold seconds of a line and of all lines that ship with it; None for those and for no line."""
        if entry.line is None or entry.ships_with is not None:
            return None
        parts = (e.amounts for e in self.entries if e is entry or e.ships_with == entry.line.line_start)
        return sum_amounts(parts).cold_s

    def by_owner(self) -> dict[str, Amounts]:
        """What belongs to each owner; together the total."""
        groups: defaultdict[str, list[Amounts]] = defaultdict(list)
        for entry in self.entries:
            groups[entry.owner].append(entry.amounts)
        return {owner: sum_amounts(amounts) for owner, amounts in sorted(groups.items())}


class LineDelta(Part):
    """An entry that one or both images have: the same text in the stage of the same name is one line."""

    baseline: Entry | None
    candidate: Entry | None
    difference: Amounts

    @property
    def side(self) -> str:
        """Who has it."""
        if self.baseline and self.candidate:
            return "both"
        return "baseline" if self.baseline else "candidate"

    @property
    def entry(self) -> Entry:
        """The candidate's where it has one."""
        entry = self.candidate or self.baseline
        assert entry is not None, "made of at least one"
        return entry


class OwnerDelta(Part):
    """An owner's share on both sides."""

    owner: str
    baseline: Amounts
    candidate: Amounts
    difference: Amounts


class LedgerDelta(Part):
    """Candidate minus baseline: by owner and by line; each sums up to the difference of the totals."""

    baseline: Amounts
    candidate: Amounts
    difference: Amounts
    owners: tuple[OwnerDelta, ...]
    lines: tuple[LineDelta, ...]


def make_ledger(
    provenance: ProvenanceRecord,
    *,
    cold: Sequence[StepRecord] = (),
    edit: Sequence[StepRecord] = (),
    layers: LayerIndex | None = None,
    scan: ScanRecord | None = None,
) -> Ledger:
    """Join what was measured of one image; all records are about the image of the provenance.

    `cold` and `edit` are the steps of one run each, of the recipe of the provenance. What is not
    given is not measured.
    """
    columns = {
        "cold_s": _sum_seconds(provenance, cold) if cold else None,
        "edit_s": _sum_seconds(provenance, edit) if edit else None,
        **(_sum_layers(provenance, layers) if layers else {}),
        **(_sum_scan(provenance, layers, scan) if layers and scan else {}),
    }
    measured = {name: column for name, column in columns.items() if column is not None}
    entries = tuple(_make_entries(provenance, layers, measured))
    return Ledger(manifest_digest=provenance.manifest_digest, entries=entries)


def sum_amounts(amounts: Iterable[Amounts]) -> Amounts:
    """Their sum; nothing measured where there are none."""
    parts = list(amounts)
    return reduce(Amounts.__add__, parts) if parts else Amounts()


def _make_entries(
    provenance: ProvenanceRecord, layers: LayerIndex | None, columns: Mapping[str, Column]
) -> Iterator[Entry]:
    owners, ships_with = _find_owners(provenance, layers), _find_shippers(provenance, layers)
    for key, kind, line in _keys(provenance):
        shipper = ships_with.get(key)
        yield Entry(
            kind=kind,
            line=line,
            owner=owners.get(shipper or key, kind if line is None else Kind.UNKNOWN),
            ships_with=shipper,
            amounts=Amounts.model_validate({name: column.get(key, 0) for name, column in columns.items()}),
        )


def _keys(provenance: ProvenanceRecord) -> Iterator[tuple[int, Kind, LineRecord | None]]:
    for line in provenance.lines:
        yield line.line_start, Kind.LINE, line
    yield AROUND_KEY, Kind.AROUND, None
    yield UNKNOWN_KEY, Kind.UNKNOWN, None


def _sum_seconds(provenance: ProvenanceRecord, steps: Iterable[StepRecord]) -> Column:
    """Seconds by line; what was a hit took none."""
    lines = {place: line.line_start for line in provenance.lines for place in line.places}
    milliseconds: Counter[int] = Counter()
    for step in steps:
        key = lines.get(step.place, UNKNOWN_KEY) if step.place else AROUND_KEY
        milliseconds[key] += 0 if step.cached else round(step.duration_s * 1000)
    return {key: value / 1000 for key, value in milliseconds.items()}


def _layer_keys(provenance: ProvenanceRecord, layers: LayerIndex) -> tuple[int, ...]:
    """The line of each layer, lowest first; another number of layers is another image's provenance."""
    if len(provenance.layers) != len(layers.layers):
        return (UNKNOWN_KEY,) * len(layers.layers)
    return provenance.layers


def _sum_layers(provenance: ProvenanceRecord, layers: LayerIndex) -> dict[str, Column | None]:
    compressed: Counter[int] = Counter()
    reclaimable: Counter[int] = Counter()
    for key, layer in zip(_layer_keys(provenance, layers), layers.layers, strict=True):
        compressed[key] += layer.compressed_bytes
        reclaimable[key] += layer.reclaimable_bytes or 0
    is_measured = all(layer.reclaimable_bytes is not None for layer in layers.layers)
    # Of an index that was made before bytes were told reclaimable, none is.
    return {"compressed_bytes": compressed, "reclaimable_bytes": reclaimable if is_measured else None}


def _sum_scan(provenance: ProvenanceRecord, layers: LayerIndex, scan: ScanRecord) -> dict[str, Column | None]:
    keys = _layer_keys(provenance, layers)
    by_layer = dict(zip((layer.diff_id for layer in layers.layers), keys, strict=True))
    packages: Counter[int] = Counter()
    for diff_id, count in scan.sbom.by_layer.items():
        packages[by_layer.get(diff_id, UNKNOWN_KEY)] += count
    by_number = {n: line.line_start for line in provenance.lines for n in line.numbers}
    findings = Counter(
        by_number.get(finding.line or 0, by_layer.get(finding.layer, UNKNOWN_KEY))
        for finding in scan.findings
    )
    return {"packages": packages if scan.sbom.by_layer else None, "findings": findings}


def _find_owners(provenance: ProvenanceRecord, layers: LayerIndex | None) -> dict[int, str]:
    """Owner of most bytes of each line that has a layer."""
    weights: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for key, layer in zip(_layer_keys(provenance, layers), layers.layers, strict=True) if layers else ():
        weights[key][layer.owner] += layer.compressed_bytes
    weights.pop(UNKNOWN_KEY, None)
    return {key: weight.most_common(1)[0][0] for key, weight in weights.items()}


def _find_shippers(provenance: ProvenanceRecord, layers: LayerIndex | None) -> dict[int, int]:
    """For each line without a layer the nearest line that stands on it and has one.

    Of several equally near ones the one with most bytes: seconds are counted once.
    """
    weights = _sum_layers(provenance, layers)["compressed_bytes"] if layers else None
    if not weights:
        return {}
    users: defaultdict[int, set[int]] = defaultdict(set)
    for line in provenance.lines:
        for number in line.inputs:
            users[number].add(line.line_start)
    found: dict[int, int] = {}
    for line in provenance.lines:
        if line.line_start not in weights:
            nearest = _find_nearest(line.line_start, users, weights)
            found |= {line.line_start: nearest} if nearest else {}
    return found


def _find_nearest(start: int, users: Mapping[int, set[int]], weights: Column) -> int | None:
    seen, near = {start}, {start}
    while near:
        near = {user for number in near for user in users.get(number, ())} - seen
        seen |= near
        if shippers := near & weights.keys():
            return max(shippers, key=lambda number: (weights[number], -number))
    return None


def compare_ledgers(baseline: Ledger, candidate: Ledger) -> LedgerDelta:
    """Candidate minus baseline. Whether the two may be compared at all is for the caller to say."""
    return LedgerDelta(
        baseline=baseline.total,
        candidate=candidate.total,
        difference=candidate.total - baseline.total,
        owners=tuple(_compare_owners(baseline, candidate)),
        lines=tuple(_compare_lines(baseline, candidate)),
    )


def _compare_owners(baseline: Ledger, candidate: Ledger) -> Iterator[OwnerDelta]:
    before, after = baseline.by_owner(), candidate.by_owner()
    for owner in sorted(before.keys() | after.keys()):
        mine = before.get(owner, baseline.total.zero)
        other = after.get(owner, candidate.total.zero)
        yield OwnerDelta(owner=owner, baseline=mine, candidate=other, difference=other - mine)


def _compare_lines(baseline: Ledger, candidate: Ledger) -> Iterator[LineDelta]:
    before, after = _identify(baseline), _identify(candidate)
    for key in dict.fromkeys((*before, *after)):
        mine, other = before.get(key), after.get(key)
        had = mine.amounts if mine else baseline.total.zero
        has = other.amounts if other else candidate.total.zero
        yield LineDelta(baseline=mine, candidate=other, difference=has - had)


def _identify(ledger: Ledger) -> dict[tuple[str, str, int], Entry]:
    """Entries by stage, text, and how many of the same stand before."""
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for entry in ledger.entries:
        name = (entry.line.stage, entry.line.text_sha256) if entry.line else (entry.kind, "")
        found[(*name, seen[name])] = entry
        seen[name] += 1
    return found

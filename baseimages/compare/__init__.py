"""Compare: what the candidate has, costs and can do, against the baseline.

Enters: records of two images. Leaves: deltas with verdicts. Nothing is measured here.
"""

from baseimages.compare.contract import Change
from baseimages.compare.delta import DeltaRecord, TargetDelta, compare_sides, refuse_regressions
from baseimages.compare.findings import FindingsDelta
from baseimages.compare.ledger import (
    Amounts,
    Entry,
    Kind,
    Ledger,
    LedgerDelta,
    LineDelta,
    OwnerDelta,
    compare_ledgers,
    make_ledger,
    sum_amounts,
)
from baseimages.compare.packages import PackageChange
from baseimages.compare.side import Side, SideFacts
from baseimages.compare.verdict import Level, Row, Verdict

__all__ = [
    "Amounts",
    "Change",
    "DeltaRecord",
    "Entry",
    "FindingsDelta",
    "Kind",
    "Ledger",
    "LedgerDelta",
    "Level",
    "LineDelta",
    "OwnerDelta",
    "PackageChange",
    "Row",
    "Side",
    "SideFacts",
    "TargetDelta",
    "Verdict",
    "compare_ledgers",
    "compare_sides",
    "make_ledger",
    "refuse_regressions",
    "sum_amounts",
]

"""Compare: what the candidate has, costs and can do, against the baseline.

Enters: records of two images. Leaves: deltas with verdicts. Nothing is measured here.
"""

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

__all__ = [
    "Amounts",
    "Entry",
    "Kind",
    "Ledger",
    "LedgerDelta",
    "LineDelta",
    "OwnerDelta",
    "compare_ledgers",
    "make_ledger",
    "sum_amounts",
]

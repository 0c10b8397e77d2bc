"""Compare: what the candidate has, costs and can do, against the baseline.

Enters: records of two images, the rubric and what a person proposes. Leaves: deltas with verdicts,
a `ProposalRecord` with its gates and its score. Nothing is measured here.
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
from baseimages.compare.proposal import (
    AxisResult,
    Decision,
    Evidence,
    GateOutcome,
    GateResult,
    Proposal,
    ProposalRecord,
    Subject,
)
from baseimages.compare.recipe import Recipe, read_recipe
from baseimages.compare.rubric import Rubric
from baseimages.compare.score import refuse_wrong_decisions, score_proposal
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
    "AxisResult",
    "Decision",
    "Evidence",
    "GateOutcome",
    "GateResult",
    "Proposal",
    "ProposalRecord",
    "Recipe",
    "Rubric",
    "Subject",
    "read_recipe",
    "refuse_wrong_decisions",
    "score_proposal",
]

"""Rederive: whether a committed report still follows from its record, its inputs and the image.

Enters: the folders of `reports/`, git, layouts where they lie. Leaves: a `ReportProof` for each
report: what was recomputed and is equal, what drifted, and what nothing here can recompute.
Nothing is written.
"""

from baseimages.rederive.check import Check, Outcome, Proof, ReportProof, refuse_drift
from baseimages.rederive.render import render_proof
from baseimages.rederive.run import prove_reports

__all__ = [
    "Check",
    "Outcome",
    "Proof",
    "ReportProof",
    "prove_reports",
    "refuse_drift",
    "render_proof",
]

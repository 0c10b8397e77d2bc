"""Compare: what the candidate has, costs and can do, against the baseline.

Enters: records of two images. Leaves: deltas with verdicts. Nothing is measured here.
"""

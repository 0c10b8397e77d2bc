"""Compatibility: which declared combinations can be had, asked of the indexes and not assumed.

Enters: the family, `compatibility.toml`, the committed locks and the committed records of builds.
Leaves: a verdict for every combination of image, base, Python, CUDA line and TensorRT, as a record
and as `reports/compatibility.md`. It asks uv to resolve; nothing is downloaded or installed.
"""

from baseimages.compat.combination import Combination, list_combinations
from baseimages.compat.question import INDEXES, Indexes
from baseimages.compat.record import CompatibilityReport
from baseimages.compat.run import check_record, list_questions, run_compat
from baseimages.compat.write import render_table_of_verdicts, write_compatibility

__all__ = [
    "Combination",
    "list_combinations",
    "Indexes",
    "INDEXES",
    "CompatibilityReport",
    "check_record",
    "list_questions",
    "run_compat",
    "render_table_of_verdicts",
    "write_compatibility",
]

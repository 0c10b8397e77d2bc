"""Report: evidence that a person reads, rendered from records.

Enters: the records of the work folder. Leaves: `reports/<image>/<revision>/` and the index, the
same bytes from the same records.
"""

from baseimages.report.choose import Choice, pair_up, read_choice
from baseimages.report.delta import render_delta
from baseimages.report.ledger import ledger_of
from baseimages.report.record import ImageReport, collect_report, find_held, load_reports
from baseimages.report.timings import time_part
from baseimages.report.write import MATRIX, render_summary, write_index, write_report

__all__ = [
    "Choice",
    "ImageReport",
    "collect_report",
    "find_held",
    "ledger_of",
    "load_reports",
    "pair_up",
    "read_choice",
    "render_delta",
    "render_summary",
    "MATRIX",
    "time_part",
    "write_index",
    "write_report",
]

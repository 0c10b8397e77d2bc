"""Report: evidence that a person reads, rendered from records.

Enters: the records of the work folder. Leaves: `reports/<image>/<revision>/` and the index, the
same bytes from the same records.
"""

from baseimages.report.record import ImageReport, collect_report, find_held, load_reports
from baseimages.report.timings import time_part
from baseimages.report.write import MATRIX, render_summary, write_index, write_report

__all__ = [
    "ImageReport",
    "collect_report",
    "find_held",
    "load_reports",
    "render_summary",
    "MATRIX",
    "time_part",
    "write_index",
    "write_report",
]

"""Report: evidence that a person reads, rendered from records.

Enters: the records of the work folder. Leaves: `reports/<image>/<revision>/` and the index, the
same bytes from the same records.
"""

from baseimages.report.before import collect_reports
from baseimages.report.choose import Choice, pair_up, read_choice
from baseimages.report.delta import render_delta
from baseimages.report.ledger import ledger_of
from baseimages.report.proposal import tell_score
from baseimages.report.proposals import (
    PROPOSALS,
    load_proposals,
    render_proposals,
    write_proposals,
)
from baseimages.report.record import (
    FOLDER,
    RECORD,
    ImageReport,
    TargetReport,
    find_held,
    find_part,
    list_folders,
    load_reports,
)
from baseimages.report.schema import SCHEMA, render_record_schema
from baseimages.report.side import side_of
from baseimages.report.sums import find_departures
from baseimages.report.timings import time_part
from baseimages.report.write import (
    HISTORY,
    MATRIX,
    render_again,
    render_files,
    render_shared,
    render_summary,
    write_index,
    write_report,
)

__all__ = [
    "Choice",
    "FOLDER",
    "RECORD",
    "ImageReport",
    "TargetReport",
    "collect_reports",
    "find_held",
    "ledger_of",
    "pair_up",
    "read_choice",
    "render_delta",
    "side_of",
    "find_part",
    "list_folders",
    "load_reports",
    "SCHEMA",
    "find_departures",
    "render_record_schema",
    "PROPOSALS",
    "load_proposals",
    "render_proposals",
    "write_proposals",
    "tell_score",
    "render_again",
    "render_files",
    "render_summary",
    "render_shared",
    "HISTORY",
    "MATRIX",
    "time_part",
    "write_index",
    "write_report",
]

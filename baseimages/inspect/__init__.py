"""Inspect: what is in the built image.

Enters: the OCI layout, or the image's tag for the suite. Leaves: `LayerIndex`, `ElfRecord`,
`ScanRecord`, `SuiteRecord`. The layout is verified against its digests before anyone reads it.
"""

from baseimages.inspect.budget import check_budget
from baseimages.inspect.dive import DiveNumber
from baseimages.inspect.elf import ElfRecord, check_programs, describe_programs, refuse_findings
from baseimages.inspect.equality import (
    AllowedDifference,
    EqualityRecord,
    compare_layouts,
)
from baseimages.inspect.layers import LayerFacts, LayerIndex, index_layers
from baseimages.inspect.layout import Layout, find_differing_layers, open_layout
from baseimages.inspect.owners import OwnedBytes
from baseimages.inspect.release import Release, make_release, tag_commands
from baseimages.inspect.scan import ScanRecord, describe_scan, run_scan
from baseimages.inspect.suite import CaseRecord, SuiteRecord, run_suite
from baseimages.inspect.update import UpdateCost, cost_of_update
from baseimages.inspect.waste import (
    DuplicateContent,
    Duplicates,
    ReclaimableGroup,
    Waste,
)

__all__ = [
    "AllowedDifference",
    "CaseRecord",
    "DiveNumber",
    "DuplicateContent",
    "Duplicates",
    "ElfRecord",
    "EqualityRecord",
    "LayerFacts",
    "LayerIndex",
    "Layout",
    "OwnedBytes",
    "ReclaimableGroup",
    "Release",
    "ScanRecord",
    "SuiteRecord",
    "UpdateCost",
    "Waste",
    "check_budget",
    "check_programs",
    "compare_layouts",
    "cost_of_update",
    "describe_programs",
    "describe_scan",
    "find_differing_layers",
    "index_layers",
    "make_release",
    "open_layout",
    "refuse_findings",
    "run_scan",
    "run_suite",
    "tag_commands",
]

"""Inspect: what is in the built image.

Enters: the OCI layout, or the image's tag for the suite. Leaves: `LayerIndex`, `ElfRecord`,
`ContractRecord`, `ScanRecord`, `SuiteRecord`, `AbilitiesRecord`, `TraceRecord`, `AuditRecord`. The
layout is verified against its digests before anyone reads it.
"""

from baseimages.inspect.abilities import AbilitiesRecord, ask_abilities, describe_abilities
from baseimages.inspect.audit import AuditRecord, Promised, audit_packages, check_inclusions, describe_audit
from baseimages.inspect.budget import check_budget, find_excesses
from baseimages.inspect.contract import ContractRecord, read_contract
from baseimages.inspect.dive import DiveNumber
from baseimages.inspect.elf import ElfRecord, check_programs, describe_programs, refuse_findings
from baseimages.inspect.equality import (
    AllowedDifference,
    EqualityRecord,
    compare_layouts,
)
from baseimages.inspect.inventory import Inventory, take_inventory
from baseimages.inspect.layers import LayerFacts, LayerIndex, index_layers
from baseimages.inspect.layout import Layout, find_differing_layers, open_layout
from baseimages.inspect.owners import OwnedBytes
from baseimages.inspect.purl import split_package, type_of_package
from baseimages.inspect.release import Release, make_release, tag_commands
from baseimages.inspect.scan import ScanRecord, describe_scan, run_scan
from baseimages.inspect.suite import CaseRecord, SuiteRecord, run_suite
from baseimages.inspect.trace import TraceRecord, trace_suite
from baseimages.inspect.tree import read_tree
from baseimages.inspect.trivy import Finding
from baseimages.inspect.update import UpdateCost, cost_of_update
from baseimages.inspect.waste import (
    DuplicateContent,
    Duplicates,
    ReclaimableGroup,
    Waste,
)

__all__ = [
    "AbilitiesRecord",
    "AllowedDifference",
    "AuditRecord",
    "CaseRecord",
    "ContractRecord",
    "DiveNumber",
    "DuplicateContent",
    "Duplicates",
    "ElfRecord",
    "EqualityRecord",
    "Finding",
    "Inventory",
    "LayerFacts",
    "LayerIndex",
    "Layout",
    "OwnedBytes",
    "ReclaimableGroup",
    "Promised",
    "Release",
    "ScanRecord",
    "SuiteRecord",
    "TraceRecord",
    "UpdateCost",
    "Waste",
    "ask_abilities",
    "audit_packages",
    "check_budget",
    "check_inclusions",
    "check_programs",
    "compare_layouts",
    "cost_of_update",
    "describe_abilities",
    "describe_audit",
    "describe_programs",
    "describe_scan",
    "find_differing_layers",
    "find_excesses",
    "index_layers",
    "make_release",
    "open_layout",
    "read_contract",
    "read_tree",
    "refuse_findings",
    "run_scan",
    "run_suite",
    "split_package",
    "tag_commands",
    "type_of_package",
    "take_inventory",
    "trace_suite",
]

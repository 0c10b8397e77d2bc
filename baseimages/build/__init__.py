"""Build: execute a plan.

Enters: a `BuildPlan`. Leaves: its OCI layout, a `BuildRecord`, and the image in the engine's
store, that of a baseline when it is needed.
Before that: the engine that answers, the base image that can be had, the parts left out.
"""

from baseimages.build.base import choose_base, choose_stand_in
from baseimages.build.buildx import (
    Before,
    Compression,
    Outcome,
    Solve,
    load_build,
    look_before,
    run_build,
    run_export,
    run_solve,
    solve_argv,
    store_solve,
)
from baseimages.build.engine import Engine, find_engine
from baseimages.build.optional import leave_out_unreachable
from baseimages.build.progress import Step, fold_groups, title_of
from baseimages.build.provenance import (
    LineRecord,
    ProvenanceRecord,
    count_base_layers,
    read_provenance,
)
from baseimages.build.record import (
    BaseFacts,
    BuildRecord,
    EngineFacts,
    HostFacts,
    StepRecord,
    host_facts,
)
from baseimages.build.store import find_digests, probe_cache
from baseimages.build.timeline import HitRate, Timeline, rate_hits, read_timeline
from baseimages.build.usage import HostUsage, StepUsage
from baseimages.build.without_base import Stretch, WithoutBaseRecord

__all__ = [
    "Compression",
    "BaseFacts",
    "Before",
    "BuildRecord",
    "Engine",
    "EngineFacts",
    "HitRate",
    "HostFacts",
    "HostUsage",
    "LineRecord",
    "Outcome",
    "ProvenanceRecord",
    "Solve",
    "Step",
    "StepRecord",
    "StepUsage",
    "Stretch",
    "Timeline",
    "WithoutBaseRecord",
    "choose_base",
    "choose_stand_in",
    "count_base_layers",
    "find_digests",
    "find_engine",
    "fold_groups",
    "host_facts",
    "leave_out_unreachable",
    "load_build",
    "look_before",
    "probe_cache",
    "rate_hits",
    "read_provenance",
    "read_timeline",
    "run_build",
    "run_export",
    "run_solve",
    "solve_argv",
    "store_solve",
    "title_of",
]

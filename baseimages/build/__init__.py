"""Build: execute a plan.

Enters: a `BuildPlan`. Leaves: the image in the engine's store, its OCI layout, a `BuildRecord`.
"""

from baseimages.build.base import choose_base, leave_out_unreachable
from baseimages.build.buildx import build_argv, run_build
from baseimages.build.engine import Engine, find_engine
from baseimages.build.progress import ProgressReader, Step
from baseimages.build.record import (
    BaseFacts,
    BuildRecord,
    EngineFacts,
    HostFacts,
    StepRecord,
    host_facts,
)

__all__ = [
    "BaseFacts",
    "BuildRecord",
    "Engine",
    "EngineFacts",
    "HostFacts",
    "ProgressReader",
    "Step",
    "StepRecord",
    "build_argv",
    "choose_base",
    "find_engine",
    "host_facts",
    "leave_out_unreachable",
    "run_build",
]

"""What a build will do, decided before anything is done.

Enters: the family, a variant, a target, the base image that can be had, the revision. Leaves: a
`BuildPlan` that `--dry-run` prints, BuildKit's bake validates and the room `build` executes. Reads
the Dockerfile and looks for a certificate bundle; starts no process and needs no engine.
"""

from baseimages.plan.certificates import find_ca_bundle
from baseimages.plan.index import IndexPlan, indexes_to_json, make_indexes, render_indexes
from baseimages.plan.model import BaseImage, BuildPlan, Origin, Secret
from baseimages.plan.planner import SOURCE_DATE_EPOCH_S, choose_stage, make_plan, platform_args
from baseimages.plan.render import plan_to_json, render_bake, render_plan

__all__ = [
    "SOURCE_DATE_EPOCH_S",
    "BuildPlan",
    "BaseImage",
    "Origin",
    "Secret",
    "IndexPlan",
    "choose_stage",
    "make_plan",
    "platform_args",
    "make_indexes",
    "render_indexes",
    "indexes_to_json",
    "find_ca_bundle",
    "render_plan",
    "plan_to_json",
    "render_bake",
]

"""Plan: what a build will do, as data that is printed, validated and executed alike.

Enters: the family, a base image, a revision, options. Leaves: `BuildPlan`. Touches nothing.
"""

from baseimages.plan.model import BaseImage, BuildPlan, Secret
from baseimages.plan.planner import find_ca_bundle, make_plan
from baseimages.plan.render import plan_to_json, render_bake, render_plan

__all__ = [
    "BaseImage",
    "BuildPlan",
    "Secret",
    "find_ca_bundle",
    "make_plan",
    "plan_to_json",
    "render_bake",
    "render_plan",
]

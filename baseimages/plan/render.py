"""A plan for people, for scripts and for `docker buildx bake`."""

from __future__ import annotations

import json
from typing import Any

from baseimages.plan.model import BuildPlan

PLAN_SCHEMA = 1


def render_plan(plan: BuildPlan) -> str:
    """Plain text, one fact a line."""
    rows = [
        ("image", f"{plan.image_name}, target {plan.target}, {plan.platform}"),
        ("base", f"{plan.base.family}: {plan.base.build_argument} ({plan.base.origin})"),
        ("", plan.base.reason),
        ("revision", plan.revision),
        ("dockerfile", plan.dockerfile),
        ("stages", " ".join(plan.stages)),
        *(("argument", f"{name}={value}") for name, value in plan.build_args),
        *(("secret", f"{secret.id} from {secret.path}") for secret in plan.secrets),
        *(("tag", tag) for tag in plan.tags),
    ]
    return "".join(f"{key:<12}{value}\n" for key, value in rows)


def plan_to_json(plan: BuildPlan) -> str:
    """The plan and its bake file as JSON."""
    base = plan.base
    document = {
        "schema_version": PLAN_SCHEMA,
        "variant": plan.variant,
        "image_name": plan.image_name,
        "target": plan.target,
        "platform": plan.platform,
        "base": {key: getattr(base, key) for key in base.__dataclass_fields__},
        "revision": plan.revision,
        "dirty": plan.dirty,
        "source_date_epoch_s": plan.source_date_epoch_s,
        "stages": plan.stages,
        "bake": _bake(plan),
    }
    return json.dumps(document, indent=2) + "\n"


def render_bake(plan: BuildPlan) -> str:
    """A bake file; `docker buildx bake --print -f FILE` validates it."""
    return json.dumps(_bake(plan), indent=2) + "\n"


def _bake(plan: BuildPlan) -> dict[str, Any]:
    target = {
        "context": ".",
        "dockerfile": plan.dockerfile,
        "target": plan.target,
        "platforms": [plan.platform],
        "args": dict(plan.build_args),
        "tags": list(plan.tags),
        "secret": [f"id={secret.id},src={secret.path}" for secret in plan.secrets],
    }
    return {"group": {"default": {"targets": [plan.target]}}, "target": {plan.target: target}}

"""A plan for people, for scripts and for BuildKit's bake."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from baseimages.plan.model import BuildPlan
from baseimages.records import WORK_FOLDER

SCHEMA_VERSION = 1


def render_plan(plan: BuildPlan) -> str:
    """The plan as plain text, one fact a line."""
    rows = [
        ("image", f"{plan.image_name}, target {plan.target}, {plan.platform}"),
        ("built on", plan.build_platform),
        ("base", f"{plan.base.family}: {plan.base.build_argument} ({plan.base.origin})"),
        ("", plan.base.reason),
        ("revision", plan.revision.label),
        ("dockerfile", plan.dockerfile),
        ("stages", " ".join(plan.stages)),
        *(("argument", f"{name}={value}") for name, value in plan.build_args),
        *(("label", f"{name}={value}") for name, value in plan.labels),
        *(("secret", f"{secret.id} from {secret.path}") for secret in plan.secrets),
        *(("tag", tag) for tag in plan.tags),
    ]
    return "".join(f"{name:<12}{text}\n" for name, text in rows)


def plan_to_json(plan: BuildPlan) -> str:
    """The plan as JSON with a schema version; `bake` holds what `render_bake` gives."""
    record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(plan)}
    record |= {"build_args": dict(plan.build_args), "labels": dict(plan.labels)}
    record["bake"] = _make_bake(plan)
    return json.dumps(record, indent=2, default=str) + "\n"


def render_bake(plan: BuildPlan) -> str:
    """A bake file; in the checkout, `docker buildx bake --print -f FILE` validates it.

    Built with it, the layout lands where the room `build` puts it; bake then asks for
    `--allow=fs.read=<bundle>` when there is a secret.
    """
    return json.dumps(_make_bake(plan), indent=2) + "\n"


def _make_bake(plan: BuildPlan) -> dict[str, Any]:
    name = f"{plan.variant}-{plan.target}".replace(".", "-")  # bake's target names know no dot
    target = {
        "context": ".",
        "dockerfile": plan.dockerfile,
        "target": plan.target,
        "platforms": [plan.platform],
        "args": dict(plan.build_args),
        "labels": dict(plan.labels),
        "tags": list(plan.tags),
        "secret": [f"id={secret.id},src={secret.path}" for secret in plan.secrets],
        "attest": ["type=provenance,disabled=true"],
        "output": [f"type=oci,tar=false,dest={_layout_path(plan)},rewrite-timestamp=true"],
    }
    return {"group": {"default": {"targets": [name]}}, "target": {name: target}}


def _layout_path(plan: BuildPlan) -> str:
    # An engine's own image exporter unpacks always, and then refuses to rewrite timestamps.
    return f"{WORK_FOLDER}/{plan.image_name}/{plan.base.family}/{plan.target}/layout"

"""What went into the builds of two arms, and whether they may be compared."""

from __future__ import annotations

import hashlib

from baseimages.build import BaseFacts
from baseimages.declare import load_dockerfile
from baseimages.errors import MeasurementError
from baseimages.measure.pairs_record import ArmRecord, InputFacts
from baseimages.plan import BuildPlan

SOURCE_WORDS = ("INDEX", "MIRROR", "SNAPSHOT")
LOCKS = "requirements*.txt"


def describe_arm(plan: BuildPlan) -> ArmRecord:
    """The plan as one side of a comparison."""
    return ArmRecord(
        variant=plan.variant,
        image_name=plan.image_name,
        revision=plan.revision.label,
        inputs=_describe_inputs(plan),
    )


def refuse_other_inputs(baseline: ArmRecord, candidate: ArmRecord) -> None:
    """Two recipes are compared on one base, from one archive; one recipe with one lock as well.

    Host and engine are one by construction: both arms run here, in engines of the same programs. The
    lock files of two recipes differ by right; where both name an index, a mirror or a day of an
    archive by the same build argument, they must name the same. An archive without a day moves: that
    the runs of a pair are of one day is asked of the runs. Raises MeasurementError that names what
    differs.
    """
    differing = _list_differences(baseline, candidate)
    if differing:
        raise MeasurementError(
            f"not comparable, other inputs: {'; '.join(differing)}",
            next_step="name the base and the target that both have, with --base and --target",
        )


def _list_differences(baseline: ArmRecord, candidate: ArmRecord) -> list[str]:
    one, other = baseline.inputs, candidate.inputs
    asked = [
        ("base", _name_base(one), _name_base(other)),
        ("target", one.target, other.target),
        ("platform", one.platform, other.platform),
        *((name, value, other.sources.get(name, value)) for name, value in one.sources.items()),
    ]
    if baseline.image_name == candidate.image_name:
        asked.append(("lock files", one.lock_sha256[:12], other.lock_sha256[:12]))
    return [f"{what}: {left} against {right}" for what, left, right in asked if left != right]


def _name_base(inputs: InputFacts) -> str:
    return f"{inputs.base.family}, {inputs.base.origin}, {inputs.base.digest[:19]}"


def _describe_inputs(plan: BuildPlan) -> InputFacts:
    path = plan.root / plan.dockerfile
    values = load_dockerfile(path).values(dict(plan.build_args))
    locks = sorted(path.parent.glob(LOCKS))
    digest = hashlib.sha256()
    for lock in locks:
        digest.update(lock.name.encode() + b"\0" + lock.read_bytes())
    return InputFacts(
        base=BaseFacts.of(plan.base),
        platform=plan.platform,
        target=plan.target,
        lock_sha256=digest.hexdigest() if locks else "",
        sources={n: value for n, value in values.items() if any(word in n for word in SOURCE_WORDS)},
    )

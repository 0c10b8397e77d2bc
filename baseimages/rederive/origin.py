"""Checks against git: that the revision is one, and that the inputs of a build were what it says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from baseimages.declare import History
from baseimages.rederive.check import Check, compare, drift, leave_open, verified
from baseimages.rederive.record import name_part
from baseimages.report import FOLDER, RECORD, ImageReport, TargetReport

DECLARATION = "images.toml"


def check_origin(report: ImageReport, history: History) -> Iterator[Check]:
    """The revision and what was read at it; a report of changed files has none that git knows."""
    yield _check_record_kept(report, history)
    if report.revision.endswith("-dirty"):
        yield leave_open("revision", "built from changed files: no commit holds them")
        return
    time = history.time_of(report.revision)
    if time is None or not history.is_ancestor(report.revision):
        yield _judge_unknown(report, history)
        return
    yield verified("revision", f"{report.revision[:12]} is an ancestor of the checked out commit")
    declared = tomllib.loads(history.read(report.revision, DECLARATION) or "")
    for number, part in enumerate(report.targets):
        name = name_part(part)
        yield _check_times(part, time, f"{name}: build arguments")
        yield _check_inputs(part, history, f"{name}: inputs")
        if part.provenance:
            file = _find_dockerfile(part)
            read, held = part.provenance.dockerfile_sha256, history.sha256(report.revision, file)
            yield compare(f"{name}: provenance", read, held, f"of {file} as git holds it")
        yield from _check_declared(part, declared, name, f"targets.{number}")


def _find_dockerfile(part: TargetReport) -> str:
    """The one among the inputs; an older record keeps none, and has that of its image's folder."""
    found = (file.path for file in part.build.inputs if file.path.endswith("/Dockerfile"))
    return next(found, f"{part.build.image_name}/Dockerfile")


def _judge_unknown(report: ImageReport, history: History) -> Check:
    told = f"{report.revision[:12]} is no ancestor of the checked out commit"
    if history.is_whole():
        return drift("revision", told)
    return leave_open("revision", f"{told}, as far as this clone knows: `git fetch --unshallow`")


def _check_record_kept(report: ImageReport, history: History) -> Check:
    """A record is written once: a later commit that changed it is named, for a person to look at."""
    path = f"{FOLDER}/{report.image_name}/{report.folder_name}/{RECORD}"
    commits, what = history.commits_of(path), "record since its commit"
    if not commits:
        return leave_open(what, "it is not committed yet")
    if not history.is_whole():
        return leave_open(what, "older commits are not in this clone: `git fetch --unshallow`")
    if len(commits) > 1:
        return leave_open(what, f"{len(commits)} commits wrote it: `git log -p -- {path}`")
    return verified(what, f"written once, by {commits[0][:12]}")


def _check_times(part: TargetReport, time: datetime, what: str) -> Check:
    """What the plan took from the commit and the base, and that the build came after the commit."""
    build, base = part.build, part.build.base
    taken = {
        "BASE_DIGEST": base.digest,
        "BASE_FAMILY": base.family,
        "BASE_NAME": base.reference,
        "CREATED": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "REVISION": build.revision,
    }
    if datetime.fromisoformat(build.started_at) < time:
        return drift(what, f"built {build.started_at}, before its revision was committed, {time.isoformat()}")
    told = {name: build.build_args.get(name) for name in taken}
    return compare(what, told, taken, f"{', '.join(taken)} as the commit and the base say")


def _check_inputs(part: TargetReport, history: History, what: str) -> Check:
    build = part.build
    if not build.inputs:
        return leave_open(what, "the record is from before they were kept")
    wrong = [i.path for i in build.inputs if history.sha256(build.revision, i.path) != i.sha256]
    if wrong:
        return drift(what, f"not as git holds them at {build.revision[:12]}: {', '.join(wrong)}")
    return verified(what, f"{len(build.inputs)} files as git holds them at {build.revision[:12]}")


def _check_declared(part: TargetReport, declared: dict[str, Any], name: str, place: str) -> Iterator[Check]:
    """What images.toml said at the revision. It is read as it was: today's model may not fit it."""
    image = declared.get("images", {}).get(part.build.variant, {})
    if part.budget_bytes is not None:
        budget = image.get("budget_bytes", {}).get(part.build.target)
        seen = f"budget_bytes of {DECLARATION} then"
        yield compare(f"{name}: budget", part.budget_bytes, budget, seen, numbers=[f"{place}.budget_bytes"])
    if part.build.base.origin == "registry":
        digest = declared.get("bases", {}).get(part.build.base.family, {}).get("digest")
        yield compare(f"{name}: base", part.build.base.digest, digest, f"the digest of {DECLARATION} then")

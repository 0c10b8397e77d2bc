"""Verbs with typed arguments: parse, call one function of `baseimages.verbs` or `evidence`, print.

`invoke --list` is the menu, `invoke --help build` explains one verb, `invoke --debug VERB` shows
the traceback of an error.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke import Context, task

from baseimages import auditing, evidence, measuring, verbs
from baseimages.arms import DEFAULT_PAIRS, refuse_beside_others, wish_pairs
from baseimages.declare import ALL_VARIANTS
from baseimages.errors import (
    INTERRUPTED_EXIT_CODE,
    TERMINATED_EXIT_CODE,
    UNREAD_EXIT_CODE,
    BaseImagesError,
    tell_error,
)
from baseimages.selection import BuildInputs, Selection, list_built

ROOT = Path(__file__).parent
SELECTION = {
    "variant": "the image, a key of images.toml (cpu, gpu, arm64, tegra), or its baseline (baseline-cpu)",
    "target": "core or full; otherwise full to build, the latest build to read",
    "base": "auto, or a base family of images.toml (ubuntu-24.04, debian-13)",
}
OPTIONS = {
    "dry_run": "print what would be done and stop",
    "json": "print JSON for a script",
    "ca_bundle": "certificate bundle of an intercepting network; default $SSL_CERT_FILE",
    "build_arg": "NAME=VALUE for an ARG of the Dockerfile; repeatable",
}


def help_for(*names: str, **own: str) -> dict[str, str]:
    """The help texts of the named options, and of those that only one verb has."""
    return {name.replace("_", "-"): (SELECTION | OPTIONS)[name] for name in names} | own


def verb(**options: Any) -> Callable[[Callable[..., None]], Any]:
    """An invoke task whose errors become one message and their exit code."""

    def wrap(function: Callable[..., None]) -> Any:
        @functools.wraps(function)
        def guarded(*words: Any, **values: Any) -> None:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED_EXIT_CODE))
            try:
                function(*words, **values)
                sys.stdout.flush()
            except BrokenPipeError:  # whoever read this, such as `head`, has heard enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(UNREAD_EXIT_CODE)
            except (BaseImagesError, OSError) as raised:
                if logging.getLogger("invoke").isEnabledFor(logging.DEBUG):
                    raise
                error = tell_error(raised)
                print(f"error: {error}", file=sys.stderr)
                sys.exit(error.exit_code)
            except KeyboardInterrupt:
                print("interrupted: everything that was started is stopped", file=sys.stderr)
                sys.exit(INTERRUPTED_EXIT_CODE)

        return task(**options)(guarded)

    return wrap


def choose(variant: str, target: str, base: str) -> Selection:
    """What the person chose; an empty word means the default."""
    return Selection(root=ROOT, variant=variant, target=target or None, base=base)


def choose_built(variant: str, target: str, base: str) -> list[Selection]:
    """What the person chose among the built images; no variant means each of them."""
    variants = [variant] if variant else list_built(ROOT)
    return [choose(name, target, base) for name in variants]


@verb(
    help=help_for(
        "target", "base", "json", "ca_bundle", "build_arg",
        variant=f"{SELECTION['variant']}; all: every image by the index that it belongs to",
    ),
    iterable=["build_arg"],
)  # fmt: skip
def plan(
    _: Context, variant: str = "cpu", target: str = "", base: str = "auto", json: bool = False,
    ca_bundle: str = "", build_arg: list[str] | None = None,
) -> None:  # fmt: skip
    """Print what a build would do; needs no engine."""
    inputs = BuildInputs(ca_bundle=ca_bundle or None, build_args=tuple(build_arg or ()))
    describe = verbs.describe_indexes if variant == ALL_VARIANTS else verbs.describe_plan
    print(describe(choose(variant, target, base), inputs, as_json=json), end="")


@verb(
    help=help_for("variant", "target", "base", "dry_run", "json", "ca_bundle", "build_arg"),
    iterable=["build_arg"],
)
def build(
    _: Context, variant: str = "cpu", target: str = "", base: str = "auto", dry_run: bool = False,
    json: bool = False, ca_bundle: str = "", build_arg: list[str] | None = None,
) -> None:  # fmt: skip
    """Build one image and record its digest, its steps and its layout."""
    inputs = BuildInputs(ca_bundle=ca_bundle or None, build_args=tuple(build_arg or ()))
    selection = choose(variant, target, base)
    print(verbs.build(selection, inputs, dry_run=dry_run, as_json=json), end="")


@verb(help=help_for("variant", "target", "base", "json", "dry_run"))
def verify(
    _: Context, variant: str = "cpu", target: str = "", base: str = "auto", json: bool = False,
    dry_run: bool = False,
) -> None:  # fmt: skip
    """Run the image's suite inside the built image."""
    print(verbs.verify(choose(variant, target, base), dry_run=dry_run, as_json=json), end="")


@verb(help=help_for("variant", "target", "base", "json", "dry_run"))
def scan(
    _: Context, variant: str = "", target: str = "", base: str = "auto", json: bool = False,
    dry_run: bool = False,
) -> None:  # fmt: skip
    """Check programs, make SBOMs, look for vulnerabilities, secrets, misconfiguration and licences."""
    for selection in choose_built(variant, target, base):
        print(verbs.scan(selection, dry_run=dry_run, as_json=json), end="")


@verb(
    help=help_for(
        "variant", "target", "base", "json", "dry_run", "ca_bundle",
        rebuild="compare the cold build's image with the one that is built",
        in_place="no-op and edit in your own engine, whose cache holds the build: fast, leaves records",
        against="another variant, baseline, or emulated; without an option below it is built cold once",
        stage="with --against: a stage of the Dockerfile instead of the target; built cold once",
        pairs=f"pairs, interleaved, of each scenario, {DEFAULT_PAIRS} unless said; alone: of one image",
        scenario="NAME or NAME=PAIRS: cold, no-op, edit-pin, ... or your own of images.toml; repeatable",
        budget="what pairs may take, such as 20m: plans what fits and says what that cannot tell",
        disk_budget="what the engines of pairs may hold, such as 60GB",
        seed="of the order within each pair; recorded",
    ),
    iterable=["against", "scenario"],
)  # fmt: skip
def benchmark(
    _: Context, variant: str = "", target: str = "", base: str = "auto", json: bool = False,
    dry_run: bool = False, ca_bundle: str = "", rebuild: bool = False, in_place: bool = False,
    against: list[str] | None = None, stage: str = "", pairs: str = "", scenario: list[str] | None = None,
    budget: str = "", disk_budget: str = "", seed: str = "1",
) -> None:  # fmt: skip
    """Measure cold, no-op and edit builds, and the layers, or interleaved pairs; write the report.

    What is not built yet is built.
    """
    inputs = BuildInputs(ca_bundle=ca_bundle or None)
    wish = wish_pairs(
        tuple(against or ()), tuple(scenario or ()), pairs, budget, disk_budget, seed, stage=stage
    )
    refuse_beside_others(bool(wish or against), in_place=in_place, rebuild=rebuild)
    for selection in choose_built(variant, target, base):
        if wish:
            text = measuring.measure_pairs(selection, inputs, wish, dry_run=dry_run, as_json=json)
        elif against:
            text = measuring.compare_cold(
                selection, inputs, tuple(against), stage=stage or None, dry_run=dry_run, as_json=json
            )
        else:
            text = measuring.benchmark(
                selection, inputs, rebuild=rebuild, in_place=in_place, dry_run=dry_run, as_json=json
            )
        print(text, end="")
        if not dry_run:
            told = verbs.report(selection, dry_run=False, as_json=False)
            print("" if json else told, end="")
            measuring.refuse_overweight(selection)


@verb(help=help_for("variant", "target", "base", "json", "dry_run"))
def audit(
    _: Context, variant: str = "", target: str = "", base: str = "auto", json: bool = False,
    dry_run: bool = False,
) -> None:  # fmt: skip
    """Judge which packages of an image are needed, by what its suite really opens; as root."""
    for selection in choose_built(variant, target, base):
        print(auditing.audit(selection, dry_run=dry_run, as_json=json), end="")


@verb(
    help=help_for(
        "variant", "target", "base", "json", "dry_run", "ca_bundle",
        edit="a scenario that edits something: edit-entrypoint, edit-apt, ... or your own; repeatable",
        bump="a locked distribution, to its newest version or the one before; repeatable",
    ),
    iterable=["edit", "bump"],
)  # fmt: skip
def updates(
    _: Context, variant: str = "cpu", target: str = "", base: str = "auto", json: bool = False,
    dry_run: bool = False, ca_bundle: str = "", edit: list[str] | None = None,
    bump: list[str] | None = None,
) -> None:  # fmt: skip
    """Measure what edits of a built image cost a device that holds it: bytes to fetch and to write."""
    inputs = BuildInputs(ca_bundle=ca_bundle or None)
    edits, bumps = tuple(edit or ()), tuple(bump or ())
    selection = choose(variant, target, base)
    text = measuring.measure_updates(selection, inputs, edits, bumps, dry_run=dry_run, as_json=json)
    print(text, end="")


@verb(
    help=help_for(
        "variant", "json", "dry_run",
        again="instead render every committed report anew from its record, after a change of rendering",
    )
)  # fmt: skip
def report(
    _: Context, variant: str = "", json: bool = False, dry_run: bool = False, again: bool = False
) -> None:
    """Render reports/<image>/<revision>/ and the index from the records of all targets."""
    if again:
        print(evidence.report_again(ROOT, dry_run=dry_run, as_json=json), end="")
        return
    for selection in choose_built(variant, "", "auto"):
        print(verbs.report(selection, dry_run=dry_run, as_json=json), end="")


@verb(
    positional=["baseline", "candidate"],
    help=help_for(
        "json",
        baseline="reports/IMAGE/REVISION, IMAGE@REVISION, or IMAGE as built here; with :TARGET one of them",
        candidate="the same",
        allow="a level of changes that may pass: breaking",
    ),
    iterable=["allow"],
)  # fmt: skip
def compare(
    _: Context, baseline: str, candidate: str, json: bool = False, allow: list[str] | None = None
) -> None:
    """Compare two images by their records: what grew, what is lost, which gate fails."""
    evidence.compare(ROOT, baseline, candidate, allow=tuple(allow or ()), as_json=json)


@verb(
    help=help_for(
        "json",
        only="one report, <image>/<revision>; repeatable; without it all, and the index",
        layout="an OCI layout of a reported image; those of the work folder are found by themselves",
    ),
    iterable=["only"],
)
def verify_report(_: Context, json: bool = False, only: list[str] | None = None, layout: str = "") -> None:
    """Recompute what can be recomputed of committed reports, and fail where one drifted."""
    given = Path(layout) if layout else None
    evidence.verify_report(ROOT, only=tuple(only or ()), layout=given, as_json=json)


@verb(help=help_for("dry_run", "json"))
def score(_: Context, dry_run: bool = False, json: bool = False) -> None:
    """Score the proposals of reports/proposals/ from committed records, and write what follows."""
    print(evidence.score(ROOT, dry_run=dry_run, as_json=json), end="")


@verb(
    positional=["image"],
    help=help_for(
        "dry_run", "json",
        image="a built image of target full, as the engine knows it",
        repository="instead of the image's own name and its legacy names",
        write="give the image these tags in the engine",
    ),
)  # fmt: skip
def tags(
    _: Context, image: str, repository: str = "", write: bool = False, dry_run: bool = False,
    json: bool = False,
) -> None:  # fmt: skip
    """Name the releases of a built image by the versions that it gives when it runs."""
    text = verbs.tags(ROOT, image, repository=repository or None, write=write, dry_run=dry_run, as_json=json)
    print(text, end="")


@verb(
    help=help_for(
        "json",
        sarif="write the findings to this file as SARIF 2.1.0",
        only="one tool or rule set by name; repeatable",
    ),
    iterable=["only"],
)
def lint(_: Context, json: bool = False, sarif: str = "", only: list[str] | None = None) -> None:
    """Lint Dockerfiles, shell, workflows and Python."""
    target = Path(sarif) if sarif else None
    verbs.lint(ROOT, only=tuple(only or ()), sarif=target, as_json=json)


@verb(help=help_for("json"))
def doctor(_: Context, json: bool = False) -> None:
    """Look at this host: what is wrong, why, and what cures it."""
    print(verbs.doctor(ROOT, as_json=json), end="")


@verb(help=help_for("dry_run", variant="only the locks of one image, a key of images.toml"))
def lock(_: Context, variant: str = "", dry_run: bool = False) -> None:
    """Resolve requirements again and write every lock with hashes."""
    print(verbs.lock(ROOT, variant=variant or None, dry_run=dry_run), end="")


@verb(
    help=help_for(
        "json", variant="only one image, a key of images.toml; without it all, and the matrix is written",
        dry_run="print the questions to uv and stop",
        require_answers="fail where an index did not answer, as CI does",
    )
)  # fmt: skip
def compat(
    _: Context, variant: str = "", json: bool = False, dry_run: bool = False, require_answers: bool = False
) -> None:
    """Judge every declared combination of image, base, Python, CUDA line and TensorRT."""
    verbs.compat(
        ROOT, variant=variant or None, dry_run=dry_run, as_json=json, require_answers=require_answers
    )


@verb(
    help=help_for("dry_run", **{"set": "NAME=VALUE: the new value of a pin; repeatable"}),
    iterable=["set"],
)
def update_pins(_: Context, set: list[str] | None = None, dry_run: bool = False) -> None:
    """Change a version and its hash wherever it is pinned."""
    print(verbs.update_pins(ROOT, changes=tuple(set or ()), dry_run=dry_run), end="")


@verb()
def schema(_: Context) -> None:
    """Write images.schema.json, for editors, and reports/record.schema.json from the models."""
    print(verbs.write_schema(ROOT), end="")

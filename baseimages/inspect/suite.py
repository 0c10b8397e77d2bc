"""The suite inside the image: run the script, read its JUnit file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from defusedxml import ElementTree
from pydantic import BaseModel, ConfigDict

from baseimages.command import Runner
from baseimages.errors import SuiteError
from baseimages.records import Record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # the type only: parsing is defusedxml's

SUITE_DEADLINE_S = 1800.0


class CaseRecord(BaseModel):
    """One check."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    outcome: Literal["passed", "failed", "skipped"]
    detail: str = ""
    duration_s: float


class SuiteRecord(Record):
    """All checks of one run of the suite; `emulated` names the processor, where one was emulated."""

    image: str
    manifest_digest: str
    emulated: str = ""
    cases: tuple[CaseRecord, ...]

    def count(self, outcome: str) -> int:
        """How many checks ended so."""
        return sum(case.outcome == outcome for case in self.cases)


def run_suite(
    script: Path,
    image: str,
    manifest_digest: str,
    junit: Path,
    runner: Runner,
    *,
    own_env: Mapping[str, str] | None = None,
) -> SuiteRecord:
    """Run `script IMAGE --junit FILE`, its table shown as it comes; `own_env` is told to it alone.

    Raises SuiteError when the script ends without a readable result.
    """
    junit.unlink(missing_ok=True)
    done = runner.run(
        [str(script), image, "--junit", str(junit)],
        deadline_s=SUITE_DEADLINE_S,
        ok_codes=None,
        env={**os.environ, **(own_env or {})},
        on_stdout=_show,
        on_stderr=_show,
    )
    if not junit.exists():
        raise SuiteError(
            f"{script} ended with {done.returncode} and no result\n{done.stderr[-2000:]}",
            next_step="run it by hand; its last lines are above",
        )
    text = junit.read_text(encoding="utf-8")
    cases = parse_junit(text)
    return SuiteRecord(
        image=image, manifest_digest=manifest_digest, emulated=read_emulated(text), cases=cases
    )


def _show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def parse_junit(text: str) -> tuple[CaseRecord, ...]:
    """Cases of a JUnit document. Raises SuiteError when it is damaged or empty."""
    try:
        tree = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise SuiteError(f"the suite's JUnit file is damaged: {error}", next_step="run it again") from error
    cases = tuple(_case(node) for node in tree.iter("testcase"))
    if not cases:
        raise SuiteError("the suite ran no check", next_step="look at the image's architecture")
    return cases


def read_emulated(text: str) -> str:
    """The emulated processor that a JUnit document names; empty where the suite ran on a real one."""
    properties = ElementTree.fromstring(text).iter("property")
    return next((node.get("value", "") for node in properties if node.get("name") == "emulated"), "")


def _case(node: Element) -> CaseRecord:
    for outcome, tag in (("failed", "failure"), ("skipped", "skipped")):
        child = node.find(tag)
        if child is not None:
            detail = (child.get("message") or child.text or "").strip()
            return _made(node, outcome, detail)
    return _made(node, "passed", (node.findtext("system-out") or "").strip())


def _made(node: Element, outcome: str, detail: str) -> CaseRecord:
    return CaseRecord.model_validate(
        {
            "name": node.get("name", ""),
            "outcome": outcome,
            "detail": detail[:2000],
            "duration_s": float(node.get("time") or 0),
        }
    )

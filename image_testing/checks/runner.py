"""Runs the checks inside the image: a table for people, JUnit for machines; needs no package."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from outcomes import Skipped

try:
    import tomllib
except ImportError:  # Python 3.10, that of JetPack 6; every pip brings it along
    from pip._vendor import tomli as tomllib

HERE = Path(__file__).parent


class Suite:
    """Collects checks and their outcomes."""

    def __init__(self, name: str, emulated: str) -> None:
        self.root = ElementTree.Element("testsuite", name=name)
        self.emulated = emulated
        self.failures = 0
        if emulated:
            properties = ElementTree.SubElement(self.root, "properties")
            ElementTree.SubElement(properties, "property", name="emulated", value=emulated)

    def check(self, name: str, function: Callable[[], object]) -> None:
        began, outcome, detail = time.monotonic(), "passed", ""
        try:
            detail = str(function() or "")
        except Skipped as reason:
            outcome, detail = "skipped", str(reason)
        except BaseException as error:
            outcome = "failed"
            detail = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-3)}"
        self._keep(name, outcome, detail, time.monotonic() - began)

    def _keep(self, name: str, outcome: str, detail: str, duration_s: float) -> None:
        first = detail.splitlines()[0][:90] if detail else ""
        print(f"{outcome:<8}{duration_s:7.2f} s  {name}  {first}")
        case = ElementTree.SubElement(self.root, "testcase", name=name, time=f"{duration_s:.3f}")
        if outcome == "failed":
            self.failures += 1
            ElementTree.SubElement(case, "failure", message=detail)
            print(detail)
        elif outcome == "skipped":
            ElementTree.SubElement(case, "skipped", message=detail)
        elif detail:
            ElementTree.SubElement(case, "system-out").text = detail


def main(name: str) -> int:
    import core_checks

    promises = tomllib.loads((HERE / "promises.toml").read_text(encoding="utf-8"))
    labels = json.loads((HERE / "labels.json").read_text(encoding="utf-8")) or {}
    own = promises["images"][labels["org.opencontainers.image.title"]]
    suite = Suite(name, os.environ.get("BASEIMAGES_EMULATED", ""))
    core_checks.add_checks(suite, promises["core"], own, labels)
    is_jetson = "io.baseimages.jetpack" in labels
    if is_jetson:
        import jetson_checks

        jetson_checks.add_core_checks(suite, labels)
    if labels["io.baseimages.target"] == "full":
        import full_checks

        full_checks.add_checks(suite, promises["full"], own, labels)
        if "io.baseimages.cuda" in labels:
            import gpu_checks

            gpu_checks.add_checks(suite, own, labels)
        if is_jetson:
            jetson_checks.add_checks(suite, labels)
    ElementTree.ElementTree(suite.root).write(HERE / "junit.xml", encoding="unicode")
    return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Lint: the field's linters and our Dockerfile contract, one form of finding.

Enters: the checkout's files as git lists them. Leaves: a `LintReport`, for people, as JSON or SARIF.
"""

from baseimages.lint.finding import Finding, LintReport
from baseimages.lint.render import render_findings, render_json, render_sarif
from baseimages.lint.rules import RULES, check_dockerfile
from baseimages.lint.run import run_lint

__all__ = [
    "RULES",
    "Finding",
    "LintReport",
    "check_dockerfile",
    "render_findings",
    "render_json",
    "render_sarif",
    "run_lint",
]

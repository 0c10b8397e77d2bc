"""Judges one combination from its answers, the rules and the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from baseimages.compat.answer import Answer, Interview
from baseimages.compat.combination import Combination, find_block
from baseimages.compat.evidence import Evidence
from baseimages.compat.finding import Finding
from baseimages.compat.question import Indexes, list_parts
from baseimages.compat.record import Row, Size, Verdict
from baseimages.compat.rules import Facts, check_rules
from baseimages.compat.wheels import check_answer, choose_wheel
from baseimages.declare.compatibility import Blocked, Compatibility
from baseimages.declare.locks import parse_versions


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What is the same for all combinations."""

    root: Path
    knowledge: Compatibility
    indexes: Indexes
    evidence: tuple[Evidence, ...]
    interview: Interview
    today: date

    def judge(self, combination: Combination) -> Row:
        """The row of a combination; asks uv unless it is blocked."""
        if block := find_block(combination, self.knowledge.blocked):
            return _blocked(combination, block)
        questions = list_parts(self.root, combination, self.knowledge, self.indexes)
        answers = [self.interview.ask(question) for question in questions]
        findings = [item for answer in answers for item in check_answer(answer, combination)]
        findings += check_rules(self._facts(combination, answers))
        proof = next((item for item in self.evidence if item.proves(combination)), None)
        return _answered(combination, answers, tuple(findings), proof)

    def _facts(self, combination: Combination, answers: list[Answer]) -> Facts:
        """Versions from the locks, then from uv, then from the archive of the base."""
        versions: dict[str, str] = {}
        for answer in answers:
            for block in answer.question.lock_blocks().values():
                versions |= parse_versions(block)
        versions |= {package.name: package.version for answer in answers for package in answer.packages}
        versions |= self.knowledge.archived(combination.variant, combination.base)
        uploaded_at = {
            package.name: wheel.uploaded_at
            for answer in answers
            for package in answer.packages
            for wheel in package.wheels
            if wheel.uploaded_at
        }
        return Facts(
            combination=combination,
            versions=versions,
            uploaded_at=uploaded_at,
            knowledge=self.knowledge,
            today=self.today,
        )


def _blocked(combination: Combination, block: Blocked) -> Row:
    told = {"since": block.since, "review": block.review, "link": block.link}
    return _row(combination, verdict=Verdict.BLOCKED, reason=block.why, **told)


def _answered(
    combination: Combination, answers: list[Answer], findings: tuple[Finding, ...], proof: Evidence | None
) -> Row:
    if findings:
        reason = f"{len(findings)} findings, listed below" if len(findings) > 1 else "1 finding, listed below"
        return _row(combination, verdict=Verdict.BROKEN, reason=reason, findings=findings)
    silent = sorted({answer.unreachable for answer in answers if answer.unreachable})
    if proof and proof.same_locks is not False:
        return _validated(combination, answers, proof, silent)
    if silent:
        reason = f"index not reachable: {', '.join(silent)}; what the others serve resolves"
        return _row(combination, verdict=Verdict.NOT_CHECKED, reason=reason)
    reason = "every wheel is there, fits and is the locked one; this combination was not built and tested"
    if proof:
        reason = f"every wheel is there; revision {proof.revision[:12]} was tested with other locks"
    return _row(combination, verdict=Verdict.RESOLVES, reason=reason, size=measure(combination, answers))


def _validated(
    combination: Combination, answers: list[Answer], proof: Evidence, silent: Iterable[str]
) -> Row:
    told = [f"built, and {proof.checks} checks passed inside it"]
    told += [f"not resolved again, index not reachable: {why}" for why in silent]
    told += ["its locks were not compared: git does not know that revision here"] * (proof.same_locks is None)
    return _row(
        combination,
        verdict=Verdict.VALIDATED,
        reason="; ".join(told),
        revision=proof.revision,
        digest=proof.digest,
        size=None if silent else measure(combination, answers),
    )


def measure(combination: Combination, answers: Iterable[Answer]) -> Size:
    """Number and bytes of the wheels that an installer would take."""
    wheels = [
        wheel
        for answer in answers
        for package in answer.packages
        if (wheel := choose_wheel(package, combination, combination.glibc))
    ]
    known = [wheel.size_bytes for wheel in wheels if wheel.size_bytes is not None]
    return Size(wheels=len(wheels), size_bytes=sum(known), without_size=len(wheels) - len(known))


def _row(combination: Combination, **told: Any) -> Row:
    return Row(
        variant=combination.variant,
        image_name=combination.image.name,
        base=combination.base,
        python=combination.python,
        cuda=combination.cuda,
        tensorrt=combination.tensorrt,
        is_default=combination.is_default,
        **told,
    )

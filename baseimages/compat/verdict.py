"""Judges one combination from its answers, the rules and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from baseimages.compat.answer import Answer, Interview
from baseimages.compat.combination import Combination, find_block
from baseimages.compat.evidence import Evidence
from baseimages.compat.finding import Finding, count_of
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
        notes = (*_archive_note(combination, self.knowledge), *_age_note(answers))
        notes += (f"not built: {combination.not_built.rstrip('.')}",) if combination.not_built else ()
        return _answered(combination, answers, tuple(findings), proof, notes)

    def _facts(self, combination: Combination, answers: list[Answer]) -> Facts:
        """Versions from the locks, then from uv, then from the archive of the base."""
        versions: dict[str, str] = {}
        for answer in answers:
            for block in answer.question.lock_blocks().values():
                versions |= parse_versions(block)
        versions |= {package.name: package.version for answer in answers for package in answer.packages}
        versions |= self.knowledge.archived(combination.variant, combination.base, combination.torch)
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
    combination: Combination,
    answers: list[Answer],
    findings: tuple[Finding, ...],
    proof: Evidence | None,
    notes: tuple[str, ...],
) -> Row:
    if findings:
        reason = f"{count_of(len(findings), 'finding')}, listed below"
        return _row(combination, verdict=Verdict.BROKEN, reason=reason, findings=findings)
    silent = sorted({answer.silence for answer in answers if answer.silence})
    if proof and proof.same_locks:
        return _validated(combination, answers, proof, silent, notes)
    if silent:
        told = f"not known: {', '.join(silent)}; no fault in what the other indexes serve"
        return _row(combination, verdict=Verdict.NOT_CHECKED, reason="; ".join((told, *notes)))
    reason = "; ".join((_resolved(proof), *notes))
    return _row(combination, verdict=Verdict.RESOLVES, reason=reason, size=measure(combination, answers))


def _resolved(proof: Evidence | None) -> str:
    if proof is None:
        return "every wheel is there, fits and is the locked one; no committed record of a tested image"
    if proof.same_locks is None:
        return f"every wheel is there; git cannot compare the locks tested at revision {proof.revision[:12]}"
    return f"every wheel is there; revision {proof.revision[:12]} was tested with other locks"


def _validated(
    combination: Combination,
    answers: list[Answer],
    proof: Evidence,
    silent: Iterable[str],
    notes: tuple[str, ...],
) -> Row:
    told = [*_proven(proof), *(f"not resolved again: {why}" for why in silent), *notes]
    return _row(
        combination,
        verdict=Verdict.VALIDATED,
        reason="; ".join(told),
        revision=proof.revision,
        digest=proof.digest,
        size=None if silent else measure(combination, answers),
    )


def _proven(proof: Evidence) -> Iterator[str]:
    """What was tested, and how that differs from what a reader would take it for."""
    skipped = f", {proof.skipped} skipped" if proof.skipped else ""
    base = " on a base bootstrapped from the archive" if proof.is_bootstrapped else ""
    emulated = f", emulated as {proof.emulated}" if proof.emulated else ""
    yield f"built{base}, {count_of(proof.passed, 'check')} passed inside it{emulated}{skipped}"
    if proof.left_out:
        yield f"built with {', '.join(proof.left_out)}"
    if not proof.same_recipe:
        yield "the recipe has changed since" if proof.same_recipe is False else "the recipe was not compared"


def _archive_note(combination: Combination, knowledge: Compatibility) -> Iterator[str]:
    packages = knowledge.archived(combination.variant, combination.base, combination.torch)
    if packages:
        told = ", ".join(f"{name} {version}" for name, version in packages.items())
        yield f"{told} from the archive of {combination.base}, not from an index"


def _age_note(answers: Iterable[Answer]) -> Iterator[str]:
    found = [package for answer in answers for package in answer.packages if package.name == "cryptography"]
    if any(not any(wheel.uploaded_at for wheel in package.wheels) for package in found):
        yield "age of cryptography not told by the index"


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
        torch=combination.torch,
        is_default=combination.is_default,
        **told,
    )

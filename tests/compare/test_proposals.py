"""Scoring of proposals: gates are no numbers, and what nobody measured is not 0."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from baseimages.build import BuildRecord
from baseimages.compare import (
    Decision,
    GateOutcome,
    Proposal,
    ProposalRecord,
    Recipe,
    Rubric,
    Subject,
    Verdict,
    read_recipe,
    refuse_wrong_decisions,
    score_proposal,
)
from baseimages.declare import History
from baseimages.errors import ProposalError
from baseimages.inspect import ElfRecord, ScanRecord
from baseimages.measure import PairRecord
from baseimages.measure.pairs_record import judge_scenario
from baseimages.measure.scenario import COLD
from baseimages.report import ImageReport
from tests.compare.sides import make_contract, make_side
from tests.conftest import ROOT, FakeRunner
from tests.report.conftest import DIGEST, REVISION, build, report, scan
from tests.report.test_pairs import pair
from tests.report.test_pairs import record as record_pairs

__all__ = ["build", "report"]
RUBRIC = Rubric.model_validate(tomllib.loads((ROOT / "reports/proposals/rubric.toml").read_text()))
SIDE = {"report": "image/cccccccccccc", "target": "core", "base": "debian-13"}
TEXT = {
    "title": "Do it", "claim": "It is better.", "reason": "It is.", "decided": date(2026, 1, 2),
    "decision": "kept", "baseline": SIDE, "candidate": SIDE,
}  # fmt: skip


@pytest.fixture
def subject(report: ImageReport) -> Subject:
    """A tested and measured image of which neither contract nor vulnerabilities are known."""
    (part,) = report.targets
    assert part.benchmark
    rebuilt = part.benchmark.model_copy(update={"rebuilt_digest": DIGEST})
    side = make_side(
        build=part.build, layers=part.layers, suite=part.suite, scan=part.scan, elf=programs(),
        benchmark=rebuilt, contract=None, abilities=None,
    )  # fmt: skip
    return Subject(
        side=side, budget_bytes=None, recipe=Recipe(lines=100, locked={"torch": "2", "numpy": "1"})
    )


def change(subject: Subject, **changes: Any) -> Subject:
    """The subject with other records of its image."""
    return replace(subject, side=replace(subject.side, **changes))


def programs(**changes: Any) -> ElfRecord:
    facts = {
        "manifest_digest": DIGEST, "architecture": "amd64", "files": 4, "right_machine": 4, "needed": 0,
        "found": 0, "by_sibling": 0, "absent": 0, "glibc": "2.41", "glibc_needed": "2.38",
        "extensions": None, "findings": [], "allowed": [],
    }  # fmt: skip
    return ElfRecord.model_validate(facts | changes)


def scanned(**counts: int) -> ScanRecord:
    """A scan with vulnerabilities, each with an id of its own by severity."""
    findings = [
        {"kind": "vulnerability", "id": f"CVE-{name}-{n}", "severity": name, "where": "x", "title": "t"}
        for name, count in counts.items()
        for n in range(count)
    ]
    document = scan()
    document["kinds"]["vulnerability"] = {"status": "scanned", "by_severity": counts}
    return ScanRecord.model_validate(document | {"findings": findings})


def resize(subject: Subject, factor: float) -> Subject:
    index = subject.side.layers
    assert index
    layers = [
        layer.model_copy(update={"compressed_bytes": round(layer.compressed_bytes * factor)})
        for layer in index.layers
    ]
    return change(subject, layers=index.model_copy(update={"layers": tuple(layers)}))


def judge(baseline: Subject, candidate: Subject, **changes: Any) -> ProposalRecord:
    proposal = Proposal.model_validate(TEXT | changes)
    return score_proposal("it", proposal, RUBRIC, baseline, candidate)


def points(record: ProposalRecord, name: str) -> tuple[float, float]:
    (axis,) = [axis for axis in record.axes if axis.name == name]
    return axis.low, axis.high


def gate(record: ProposalRecord, name: str) -> tuple[GateOutcome, str]:
    (result,) = [gate for gate in record.gates if gate.name == name]
    return result.outcome, result.detail


@pytest.mark.parametrize(
    ("factor", "earned"), [(1.0, 0.0), (0.95, 0.5), (0.9, 1.0), (0.1, 1.0), (1.05, -0.5), (6.0, -1.0)]
)
def test_a_size_earns_points_by_its_share_and_no_more_than_one(
    factor: float, earned: float, subject: Subject
) -> None:
    record = judge(subject, resize(subject, factor))
    assert points(record, "size") == (pytest.approx(earned), pytest.approx(earned))


def test_an_axis_without_evidence_takes_all_that_it_can_take_and_is_never_zero(subject: Subject) -> None:
    record = judge(subject, resize(subject, 0.9))
    assert points(record, "security") == (-1.0, 1.0)
    assert points(record, "build_time") == (-1.0, 1.0)
    assert [axis.name for axis in record.open_axes] == ["compatibility", "build_time", "security"]
    # By the weights 3, 3, 2, 3, 1: size earns 3, maintenance 0, the others from -8 to 5.
    assert (record.low, record.high) == (pytest.approx(-5 / 12, abs=1e-4), pytest.approx(8 / 12, abs=1e-4))
    assert record.verdict == "incomplete"


def test_single_runs_are_told_raw_and_carry_no_points(subject: Subject) -> None:
    (axis,) = [axis for axis in judge(subject, subject).axes if axis.name == "build_time"]
    assert (axis.baseline, axis.note) == ("100.0 s", Verdict.SINGLE_RUNS)


@pytest.mark.parametrize(
    ("pairs", "earned"),
    [
        ([pair(100.0, 50.0)] * 6, (1.0, 1.0)),
        ([pair(100.0, 97.0 + n) for n in range(7)], (-0.2, 0.2)),
        ([pair(100.0, 50.0)] * 5, (-1.0, 1.0)),
    ],
)
def test_interleaved_pairs_earn_the_points_of_their_interval(
    pairs: list[PairRecord], earned: tuple[float, float], subject: Subject
) -> None:
    session = record_pairs(judge_scenario(COLD, [pair(100.0, 101.0)] * 6, pairs, ""), baseline="cpu")
    record = judge(subject, change(subject, pairs=(session,)))
    assert points(record, "build_time") == (pytest.approx(earned[0]), pytest.approx(earned[1]))


def test_pairs_against_another_baseline_say_nothing(subject: Subject) -> None:
    session = record_pairs(
        judge_scenario(COLD, [pair(100.0, 101.0)] * 6, [pair(100.0, 50.0)] * 6, ""), baseline="cpu"
    )
    other = change(subject, build=subject.side.build.model_copy(update={"revision": "d" * 40}))
    record = judge(other, change(subject, pairs=(session,)))
    assert points(record, "build_time") == (-1.0, 1.0)


def test_a_score_that_is_surely_on_one_side_is_told_so_though_axes_are_open(subject: Subject) -> None:
    worse = replace(
        change(resize(subject, 2), scan=scanned(HIGH=20)), recipe=Recipe(lines=200, locked={"numpy": "1"})
    )
    record = judge(change(subject, scan=scanned()), worse, decision="rejected")
    assert record.high == pytest.approx((-3 - 3 + 2 - 3 - 1) / 12, abs=1e-4)
    assert record.verdict == "negative"


@pytest.mark.parametrize(
    ("locked", "least"),
    [
        ({"torch": "2", "numpy": "1"}, 0.0),
        ({"torch": "2", "numpy": "1", "new": "1"}, 0.0),
        ({"torch": "3", "numpy": "1"}, -0.5),
        ({"torch": "2"}, -1.0),
    ],
)
def test_the_risk_is_at_least_what_the_locks_show_and_may_be_more(
    locked: dict[str, str], least: float, subject: Subject
) -> None:
    record = judge(subject, replace(subject, recipe=Recipe(lines=100, locked=locked)))
    assert points(record, "compatibility") == (-1.0, least)


def test_without_the_revisions_neither_risk_nor_maintenance_is_known(subject: Subject) -> None:
    record = judge(subject, replace(subject, recipe=None))
    assert points(record, "compatibility") == (-1.0, 0.0)
    assert points(record, "maintenance") == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "risk"),
    [({}, 0.0), ({"labels": {"created": "2026-02-02"}}, 0.0), ({"ports": ["80/tcp", "81/tcp"]}, -0.5),
     ({"programs": ["bash"]}, -1.0)],
)  # fmt: skip
def test_where_both_contracts_were_read_they_decide_the_risk(
    changes: dict[str, Any], risk: float, subject: Subject
) -> None:
    old = change(subject, contract=make_contract())
    new = replace(change(old, contract=make_contract(**changes)), recipe=Recipe(lines=100, locked={}))
    assert points(judge(old, new), "compatibility") == (risk, risk)


def test_vulnerabilities_of_both_sides_decide_the_axis_and_critical_new_ones_the_gate(
    subject: Subject,
) -> None:
    old = change(subject, scan=scanned(HIGH=5, LOW=50))
    record = judge(old, change(subject, scan=scanned(LOW=99)))
    assert points(record, "security") == (0.5, 0.5)
    assert gate(record, "findings")[0] == GateOutcome.PASSED
    outcome, detail = gate(judge(old, change(subject, scan=scanned(CRITICAL=1))), "findings")
    assert (outcome, detail) == (GateOutcome.FAILED, "new: vulnerability CVE-CRITICAL-0 x")


def test_one_fixed_and_one_introduced_weigh_each_other_up_and_are_both_told(subject: Subject) -> None:
    old, new = scanned(HIGH=1), scanned(CRITICAL=1)
    record = judge(change(subject, scan=old), change(subject, scan=new))
    (axis,) = [axis for axis in record.axes if axis.name == "security"]
    assert (axis.low, axis.high, axis.baseline, axis.candidate) == (0.0, 0.0, "1 fixed", "1 introduced")
    assert gate(record, "findings")[0] == GateOutcome.FAILED


def test_scans_of_other_tools_or_databases_are_not_compared(subject: Subject) -> None:
    other = scanned(HIGH=1).model_copy(update={"trivy": "trivy 1, database of 2026-01-01"})
    record = judge(change(subject, scan=scanned(HIGH=9)), change(subject, scan=other))
    assert points(record, "security") == (-1.0, 1.0)
    assert gate(record, "findings")[0] == GateOutcome.OPEN


@pytest.mark.parametrize("name", ["base", "platform", "target"])
def test_sizes_of_unlike_images_are_not_compared(name: str, subject: Subject) -> None:
    build = subject.side.build
    base = build.base.model_copy(update={"family": "x"})
    others: dict[str, Any] = {"platform": "linux/arm64", "target": "full", "base": base}
    other = build.model_copy(update={name: others[name]})
    record = judge(subject, change(subject, build=other))
    (axis,) = [axis for axis in record.axes if axis.name == "size"]
    assert (axis.low, axis.high, axis.note.startswith(f"not comparable: {name}s ")) == (-1.0, 1.0, True)


def test_what_was_not_measured_leaves_its_gate_open(subject: Subject) -> None:
    bare = change(subject, suite=None, scan=None, elf=None, layers=None, benchmark=None)
    record = judge(subject, bare, gates=["reproducible"])
    assert {result.outcome for result in record.gates} == {GateOutcome.OPEN}
    assert len(record.gates) == 5
    refuse_wrong_decisions([record])


def test_a_gate_on_request_is_asked_only_of_who_names_it(subject: Subject) -> None:
    assert "reproducible" not in [result.name for result in judge(subject, subject).gates]
    named = judge(subject, subject, gates=["reproducible"])
    assert gate(named, "reproducible")[0] == GateOutcome.PASSED


@pytest.mark.parametrize("harm", ["tests", "findings", "programs", "budget", "reproducible"])
def test_a_failed_gate_rejects_whatever_the_score(harm: str, subject: Subject) -> None:
    light = resize(subject, 0.1)
    suite, benchmark = light.side.suite, light.side.benchmark
    assert suite
    assert benchmark
    failing = suite.cases[0].model_copy(update={"outcome": "failed"})
    secret = {"kind": "secret", "id": "key", "severity": "HIGH", "where": "etc/x", "title": "t"}
    finding = {"path": "/a", "rule": "needed", "detail": "lib is missing"}
    broken = {
        "tests": change(light, suite=suite.model_copy(update={"cases": (failing,)})),
        "findings": change(light, scan=ScanRecord.model_validate(scan() | {"findings": [secret]})),
        "programs": change(light, elf=programs(findings=[finding])),
        "budget": replace(light, budget_bytes=1),
        "reproducible": change(light, benchmark=benchmark.model_copy(update={"rebuilt_digest": "sha256:0"})),
    }
    record = judge(subject, broken[harm], gates=["reproducible"])
    assert record.verdict == f"fails {harm}"
    assert points(record, "size") == (1.0, 1.0)
    with pytest.raises(ProposalError, match=f"it: kept, and gate {harm} fails: "):
        refuse_wrong_decisions([record])


@pytest.mark.parametrize("decision", [Decision.REJECTED, Decision.UNDECIDED])
def test_only_what_was_kept_is_refused(decision: Decision, subject: Subject) -> None:
    refuse_wrong_decisions([judge(subject, replace(subject, budget_bytes=1), decision=decision)])


def test_what_is_negative_at_best_cannot_be_kept(subject: Subject) -> None:
    worse = replace(change(resize(subject, 2), scan=scanned(HIGH=20)), recipe=Recipe(lines=200, locked={}))
    with pytest.raises(ProposalError, match=r"its score is -0\.67 at best"):
        refuse_wrong_decisions([judge(change(subject, scan=scanned()), worse)])


def test_a_check_that_passed_and_is_gone_fails_the_gate_unless_it_only_has_another_name(
    subject: Subject,
) -> None:
    suite = subject.side.suite
    assert suite
    renamed = suite.cases[0].model_copy(update={"name": "a, and more"})
    other = change(subject, suite=suite.model_copy(update={"cases": (renamed,)}))
    assert gate(judge(subject, other), "tests") == (GateOutcome.FAILED, "lost: a")
    record = judge(subject, other, renamed_checks={"a": "a, and more"})
    assert gate(record, "tests")[0] == GateOutcome.PASSED
    assert gate(judge(subject, other, renamed_checks={"a": "b"}), "tests")[0] == GateOutcome.FAILED


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "perhaps"},
        {"baseline": SIDE | {"report": "../../etc/passwd"}},
        {"title": "a\x1b[31m"},
        {"gates": ["beauty"]},
        {"score": 1},
    ],
)
def test_a_table_that_is_no_proposal_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Proposal.model_validate(TEXT | changes)


DOCKERFILE = """\
# a comment
ARG BASE_FAMILY=none
FROM scratch AS os

RUN --mount=type=bind,source=image/requirements.txt,target=/r \\
    --mount=type=bind,source=scripts/a.sh,target=/a true
FROM scratch AS core
COPY --from=os / /
COPY scripts/b.sh /b
FROM core AS full
COPY scripts/none-of-core.sh /c
"""


def test_the_recipe_is_what_the_stages_of_the_target_read_at_the_revision(
    build: BuildRecord, runner: FakeRunner
) -> None:
    git = ("git", "--no-optional-locks", "-C", str(ROOT))
    texts = {
        "image/Dockerfile": DOCKERFILE,
        "image/requirements.txt": "torch==2.0 \\\n    --hash=sha256:0\nnumpy==1\n",
        "scripts/a.sh": "#!/bin/sh\n\n# why\ntrue\nfalse\n",
        "scripts/b.sh": "x\n",
    }
    for path, text in texts.items():
        runner.script(*git, "show", f"{REVISION}:{path}", stdout=text)
    runner.script(
        *git, "ls-tree", "-r", "-z", "--name-only", REVISION, "--", *sorted(texts), stdout="\0".join(texts)
    )
    recipe = read_recipe(History(root=ROOT, runner=runner), build)
    assert recipe == Recipe(lines=9 + 2 + 1, locked={"torch": "2.0", "numpy": "1"})


def test_a_revision_that_git_does_not_have_has_no_recipe(build: BuildRecord, runner: FakeRunner) -> None:
    runner.script("git", returncode=128)
    assert read_recipe(History(root=ROOT, runner=runner), build) is None

"""`invoke build` of an image whose base cannot be had: as far as that goes, and it says how far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import tasks
from baseimages import selection, verbs, without_base
from baseimages.build import BaseFacts, BuildRecord, Engine, WithoutBaseRecord
from baseimages.errors import BaseFamilyError, LintError, UsageError
from baseimages.lint import Finding, LintReport
from baseimages.plan import BaseImage, BuildPlan
from baseimages.records import WorkFolder, load_record, write_record
from baseimages.report.markdown import render_report
from baseimages.report.record import collect_report
from baseimages.selection import Selection
from tests.conftest import ROOT
from tests.tasks.conftest import call, refusal, store_build

ENGINE = Engine(
    command=("docker",),
    builder="default",
    server_version="28",
    buildx_version="0.29",
    architecture="x86_64",
)
STAND_IN = BaseImage(
    family="jetpack-6",
    reference="baseimages/debian-13:0123",
    digest="sha256:" + "c" * 64,
    origin="stand-in",
    reason="stand-in, for build stages only: debian-13: made from the archive",
    build_reference="baseimages/debian-13:0123",
)
REFUSED = "no base image can be had: jetpack-6: its registry cannot be found by name"
TEGRA = "base_edge_node_arm64_tegra"


@pytest.fixture
def plans(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[BuildPlan]:
    """What is built in a checkout that reaches no registry; the linters find nothing."""
    for name in (TEGRA, "base_edge_node_amd64_cpu"):
        (checkout / name).mkdir()
        (checkout / name / "Dockerfile").write_bytes((ROOT / name / "Dockerfile").read_bytes())
    built: list[BuildPlan] = []

    def run_build(plan: BuildPlan, _: Engine, __: Any, work: WorkFolder, ___: Console) -> BuildRecord:
        built.append(plan)
        told = {"image_name": TEGRA, "target": plan.target, "tags": plan.tags}
        record = store_build(checkout, "full").model_copy(update=told | {"base": BaseFacts.of(plan.base)})
        write_record(work.path / WorkFolder.BUILD, record)
        return record

    def refuse(*_: object) -> BaseImage:
        raise BaseFamilyError(REFUSED, next_step="reach a registry")

    monkeypatch.setattr(verbs, "find_engine", lambda _: ENGINE)
    monkeypatch.setattr(verbs, "choose_base", refuse)
    monkeypatch.setattr(without_base, "choose_stand_in", lambda *_: STAND_IN)
    monkeypatch.setattr(selection, "leave_out_unreachable", lambda *_: ())
    monkeypatch.setattr(selection, "run_build", run_build)
    use_lint(monkeypatch)
    return built


def use_lint(monkeypatch: pytest.MonkeyPatch, *findings: Finding, skipped: str = "") -> None:
    """What the linters find; with `skipped` BuildKit's check is not run for that reason."""

    def run(_: Path, __: object, *, only: tuple[str, ...]) -> LintReport:
        if skipped and only == ("build-check",):
            return LintReport(findings=(), ran=(), skipped=(("build-check", skipped),))
        return LintReport(findings=findings, ran=only, skipped=())

    monkeypatch.setattr(without_base, "run_lint", run)


def stored(checkout: Path) -> WithoutBaseRecord:
    (path,) = checkout.rglob(WorkFolder.WITHOUT_BASE)
    return load_record(path, WithoutBaseRecord, made_by="test")


def test_what_needs_no_base_is_built_and_the_end_says_what_was_not_run(
    plans: list[BuildPlan], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tasks.build, variant="tegra")
    (plan,) = plans
    assert (plan.target, dict(plan.build_args)["BUILD_IMAGE"]) == ("parts", STAND_IN.build_reference)
    outcomes = {stretch.name: stretch.outcome for stretch in stored(checkout).stretches}
    assert outcomes == {
        "planned": "done",
        "linted": "done",
        "checked": "done",
        "built: parts": "done",
        "built: core, full": "not run",
        "tests on a device": "manual",
    }
    told = capsys.readouterr().out
    assert all(name in told for name in outcomes)
    assert "its registry cannot be found by name" in " ".join(told.replace("│", " ").split())


def test_the_plan_of_what_ships_is_made_on_the_real_base(plans: list[BuildPlan], checkout: Path) -> None:
    call(tasks.build, variant="tegra")
    assert "target full on dustynv/l4t-pytorch:r36.4.0@sha256:" in stored(checkout).stretches[0].detail


def test_json_is_the_record_that_is_stored(
    plans: list[BuildPlan], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tasks.build, variant="tegra", json=True)
    assert json.loads(capsys.readouterr().out) == stored(checkout).model_dump(mode="json")


@pytest.mark.parametrize("words", [{"variant": "tegra", "target": "full"}, {"variant": "cpu"}])
def test_a_target_that_ships_is_never_replaced_by_parts(
    words: dict[str, str], plans: list[BuildPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.build, **words)
    assert (code, REFUSED in said) == (BaseFamilyError.exit_code, True)
    assert plans == []


def test_a_base_that_nothing_is_built_on_is_refused_with_its_reason_and_builds_no_parts(
    plans: list[BuildPlan], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    for verb in (tasks.plan, tasks.build):
        words = {"dry_run": True} if verb is tasks.build else {}
        code, said = refusal(capsys, verb, variant="tegra", base="jetpack-7", **words)
        assert (code, "nothing is built on jetpack-7: No tag of l4t-pytorch" in said) == (2, True)
    assert plans == []


def test_a_finding_in_the_dockerfile_stops_the_way_before_anything_is_built(
    plans: list[BuildPlan], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_lint(monkeypatch, Finding(file=f"{TEGRA}/Dockerfile", line=3, code="X", message="wrong", tool="x"))
    code, said = refusal(capsys, tasks.build, variant="tegra")
    assert (code, f"{TEGRA}/Dockerfile:3: wrong" in said) == (LintError.exit_code, True)
    assert plans == []


def test_a_finding_in_another_images_dockerfile_is_none_of_this_build(
    plans: list[BuildPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_lint(monkeypatch, Finding(file="other/Dockerfile", line=3, code="X", message="wrong", tool="x"))
    call(tasks.build, variant="tegra")
    assert len(plans) == 1


def test_a_check_that_was_not_run_is_not_called_done(
    plans: list[BuildPlan], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_lint(monkeypatch, skipped="no container engine answers")
    call(tasks.build, variant="tegra")
    found = {stretch.name: (stretch.outcome, stretch.detail) for stretch in stored(checkout).stretches}
    assert found["checked"] == ("not run", "no container engine answers")


def test_without_a_builder_nothing_is_recorded(
    plans: list[BuildPlan],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> BaseImage:
        raise BaseFamilyError("no builder either", next_step="reach a registry")

    monkeypatch.setattr(without_base, "choose_stand_in", refuse)
    code, said = refusal(capsys, tasks.build, variant="tegra")
    assert (code, "no builder either" in said) == (BaseFamilyError.exit_code, True)
    assert list(checkout.rglob(WorkFolder.WITHOUT_BASE)) == []


def test_an_image_that_declares_nothing_for_that_case_is_not_built_without_its_base(checkout: Path) -> None:
    chosen = Selection(root=checkout, variant="cpu", target=None, base="auto")
    inputs = selection.BuildInputs()
    with pytest.raises(UsageError, match="is not built without its base"):
        without_base.build_without_base(chosen, inputs, REFUSED, ENGINE, verbs.ProcessRunner(), Console())


def test_the_report_says_first_what_was_and_what_was_not_run(plans: list[BuildPlan], checkout: Path) -> None:
    call(tasks.build, variant="tegra")
    image = Selection(root=checkout, variant="tegra", target=None, base="auto").image
    report = collect_report(checkout, image, "tegra")
    (part,) = report.targets
    assert part.build.target == "parts"
    text = render_report(report)
    assert "| built: core, full | not run | no base image can be had: jetpack-6:" in text
    assert "| tests on a device | manual | image\\_testing/test-tegra.sh IMAGE |" in text
    assert text.index("### What was and what was not run") < text.index("### What it stands on")
    assert ", stand-in |" in text

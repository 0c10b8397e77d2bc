"""The section about pairs: verdicts in words, raw points, what was left out, and nothing that escapes."""

from __future__ import annotations

from pathlib import Path

from baseimages.build import BaseFacts, EngineFacts, HostFacts
from baseimages.declare import load_family
from baseimages.measure import ArmRecord, PairRecord, PairsRecord, RunRecord
from baseimages.measure.pairs_record import InputFacts, PrivateEngineFacts, judge_scenario
from baseimages.measure.scenario import COLD, NO_OP
from baseimages.records import WorkFolder, write_record
from baseimages.report.markdown import render_report
from baseimages.report.pairs import render_pairs
from baseimages.report.record import ImageReport, collect_report, load_reports
from tests.conftest import ROOT
from tests.report.conftest import DIGEST


def run(duration_s: float | None) -> RunRecord:
    return RunRecord(
        scenario="no-op", duration_s=duration_s, cpu_s=None, valid=duration_s is not None,
        note="it | failed", started_at="2026-01-02T03:04:05Z",
    )  # fmt: skip


def pair(baseline: float | None, candidate: float | None) -> PairRecord:
    return PairRecord(first="candidate", baseline=run(baseline), candidate=run(candidate))


def arm(variant: str) -> ArmRecord:
    base = BaseFacts(family="debian-13", reference="base:1", digest=DIGEST, origin="registry", reason="held")
    inputs = InputFacts(base=base, platform="linux/amd64", target="core", lock_sha256="", sources={})
    return ArmRecord(variant=variant, image_name="image", revision="c" * 40, inputs=inputs)


def record(*scenarios: object, baseline: str | None = "baseline-cpu") -> PairsRecord:
    engine = EngineFacts(server_version="28", buildx_version="0.29", architecture="x86_64")
    return PairsRecord.model_validate(
        {
            "manifest_digest": DIGEST,
            "baseline": arm(baseline) if baseline else None,
            "candidate": arm("cpu"),
            "host": HostFacts(cpu="a CPU", cores=2, memory_bytes=None, kernel="6", system="Debian"),
            "engine": PrivateEngineFacts(kind="dockerd", engine=engine, settings='{"gc": false}'),
            "seed": 7, "started_at": "2026-01-02T03:04:05Z", "duration_s": 100.0, "budget_s": 1200.0,
            "disk_budget_bytes": None, "disk_bytes": 10**9, "scenarios": scenarios,
        }
    )  # fmt: skip


CLAIM = judge_scenario(NO_OP, [pair(1.0, 1.01)] * 6, [pair(1.0, 0.5 + n / 100) for n in range(6)], "")
FEW = judge_scenario(COLD, [], [pair(100.0, 20.0), pair(90.0, None)], "1 of 2 pairs | run")


def row_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_a_claim_has_medians_ratio_interval_noise_and_verdict() -> None:
    row = row_of(render_pairs(record(CLAIM)), "no-op")
    for word in ("| 6 |", "1.00 s", "0.53 s", "0.525", "0.500 to 0.550", "1.0%", "faster:"):
        assert word in row


def test_few_pairs_claim_nothing_and_still_show_their_points() -> None:
    text = render_pairs(record(FEW))
    assert "no claim: 1 valid pairs, a claim needs 6" in row_of(text, "cold")
    assert r"100 20\*; 90 not measured\* (invalid)" in text
    assert r"| cold | 1 | 1 of 2 pairs \| run |" in text


def test_what_no_run_told_is_not_measured_and_never_zero() -> None:
    text = render_pairs(record(CLAIM))
    processor = text[text.index("Processor time") :]
    assert "not measured" in row_of(processor, "no-op")
    assert " 0.00 s" not in processor


def test_an_image_against_itself_is_said_to_be_that() -> None:
    assert "cpu against itself" in render_pairs(record(CLAIM, baseline=None))


def test_hostile_names_stay_in_their_cells() -> None:
    text = render_pairs(record(CLAIM, baseline="a|b\n# c"))
    assert "\n# c" not in text


def test_a_report_with_pairs_does_not_call_every_number_a_single_run(report: ImageReport) -> None:
    assert "Every number is a single run" in render_report(report)
    part = report.targets[0].model_copy(update={"pairs": (record(CLAIM),)})
    text = render_report(report.model_copy(update={"targets": (part,)}))
    assert "Every number outside the sections about pairs is a single run" in text
    assert "### Interleaved pairs: cpu against baseline-cpu" in text


def test_pairs_of_the_built_image_are_collected_and_of_another_left_out(
    tmp_path: Path, report: ImageReport
) -> None:
    image = load_family(ROOT / "images.toml").image("cpu")
    work = WorkFolder(root=tmp_path, image_name=image.name, base="debian-13", target="core")
    write_record(work.path / WorkFolder.BUILD, report.targets[0].build)
    own, others = record(CLAIM), record(FEW).model_copy(update={"manifest_digest": "sha256:" + "0" * 64})
    write_record(work.pairs("baseline-cpu"), own)
    write_record(work.pairs("gpu"), others)
    assert collect_report(tmp_path, image, "cpu").targets[0].pairs == (own,)


def test_committed_reports_from_before_there_were_pairs_still_load() -> None:
    assert any(not part.pairs for each in load_reports(ROOT) for part in each.targets)


def test_a_session_whose_arms_ran_apart_says_so_instead_of_an_order() -> None:
    apart = record(CLAIM).model_copy(update={"apart": True})
    assert "one arm after the other" in render_pairs(apart)
    assert "seed 7" not in render_pairs(apart)
    assert "order within the pairs from seed 7" in render_pairs(record(CLAIM))

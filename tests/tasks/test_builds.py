"""Which build a verb reads, and what it makes of its records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from baseimages import verbs
from baseimages.errors import LockedError, RecordError, ScanError, SuiteError
from baseimages.inspect import AbilitiesRecord, ElfRecord, ScanRecord, SuiteRecord
from baseimages.records import WorkFolder, checkout_lock, load_record, write_record
from baseimages.selection import list_built
from tests.conftest import ROOT
from tests.inspect.elves import X86_64, make_elf, make_image
from tests.tasks.conftest import COMMIT, DIGEST, GitRunner, call, hold_images, refusal, store_build

ABILITIES = AbilitiesRecord(manifest_digest=DIGEST, imports=("ssl",))


def test_without_a_target_the_latest_build_is_read(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "full", started_at="2026-01-01")
    store_build(checkout, "core", base="ubuntu-24.04", started_at="2026-01-03")
    store_build(checkout, "core", started_at="2026-01-02")
    call(tasks.verify, dry_run=True)
    assert "core-ubuntu-24.04" in capsys.readouterr().out


def test_a_named_target_and_base_are_read_though_a_later_build_exists(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "full", started_at="2026-01-01")
    store_build(checkout, "core", started_at="2026-01-02")
    call(tasks.verify, target="full", base="debian-13", dry_run=True)
    assert "full-debian-13" in capsys.readouterr().out


def test_a_build_of_another_target_is_none_of_the_one_asked_for(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    code, said = refusal(capsys, tasks.scan, target="full")
    assert code == RecordError.exit_code
    assert "run `invoke build --variant cpu --target full`" in said


def test_a_damaged_record_is_named_with_the_command_that_makes_it_anew(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    (path,) = checkout.rglob(WorkFolder.BUILD)
    path.write_text("{}")
    code, said = refusal(capsys, tasks.scan, variant="cpu")
    assert code == RecordError.exit_code
    assert str(path) in said
    assert "remove it and run `invoke build" in said


@pytest.mark.parametrize(("needed", "refused"), [((), False), (("libx.so",), True)])
def test_a_scan_stores_what_it_found_before_it_refuses_a_program(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    needed: tuple[str, ...],
    refused: bool,
) -> None:
    build = store_build(checkout, "core")
    work = WorkFolder(root=checkout, image_name=build.image_name, base="debian-13", target="core")
    files = {"usr/bin/a": make_elf(*needed, machine=X86_64)}
    layout = make_image(work.layout, files, architecture="amd64")
    found = {"manifest_digest": layout.manifest_digest, "trivy": "trivy 0", "kinds": {}, "findings": ()}
    found["sbom"] = {"tool": "syft 1", "components": {"deb": 1}, "files": ()}
    monkeypatch.setattr(verbs, "run_scan", lambda *_: ScanRecord.model_validate(found))
    if refused:
        code, said = refusal(capsys, tasks.scan, variant="cpu")
        assert (code, "/usr/bin/a: needed: libx.so is missing" in said) == (ScanError.exit_code, True)
    else:
        call(tasks.scan, variant="cpu")
        assert "1, 1 of them for amd64" in capsys.readouterr().out
    stored = load_record(work.path / WorkFolder.ELF, ElfRecord, made_by="x")
    assert (stored.manifest_digest, len(stored.findings)) == (layout.manifest_digest, refused)
    assert (work.path / WorkFolder.SCAN).exists()


def test_a_benchmark_of_another_revision_is_refused_and_measures_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = store_build(checkout, "core")
    dockerfile = Path(record.image_name) / "Dockerfile"
    (checkout / dockerfile.parent).mkdir()
    (checkout / dockerfile).write_bytes((ROOT / dockerfile).read_bytes())
    monkeypatch.setattr(GitRunner, "commit", "b" * 40)
    code, said = refusal(capsys, tasks.benchmark)
    assert code == RecordError.exit_code
    assert f"was built from {COMMIT}" in said
    assert "invoke build --variant cpu --target core" in said


def use_suite(monkeypatch: pytest.MonkeyPatch, *outcomes: str) -> list[str]:
    """What the suite inside the image finds; gives what is loaded for it."""
    cases = [{"name": f"case {n}", "outcome": word, "duration_s": 1.0} for n, word in enumerate(outcomes)]
    record = SuiteRecord.model_validate({"image": "x:1", "manifest_digest": DIGEST, "cases": cases})
    monkeypatch.setattr(verbs, "run_suite", lambda *_: record)
    monkeypatch.setattr(verbs, "ask_abilities", lambda *_: ABILITIES)
    return hold_images(monkeypatch, verbs)


def test_a_failed_check_in_the_image_is_the_suites_exit_code_and_its_record_is_kept(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    use_suite(monkeypatch, "passed", "failed")
    code, said = refusal(capsys, tasks.verify)
    assert code == SuiteError.exit_code
    assert "1 of 2 checks failed in base_edge_node_amd64_cpu:core-debian-13" in said
    assert list(checkout.rglob(WorkFolder.SUITE))
    assert list(checkout.rglob(WorkFolder.ABILITIES)), "what a failing image can do is compared too"


def test_a_skipped_check_is_not_counted_as_passed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    loaded = use_suite(monkeypatch, "passed", "skipped")
    call(tasks.verify)
    assert len(loaded) == 1, "an engine may have lost it, or never had it"
    assert capsys.readouterr().out == "1 checks passed\nabilities: ; 1 modules import, 0 do not\n"


def test_an_image_for_another_machine_is_not_asked_what_it_can_do(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = store_build(checkout, "core").model_copy(update={"platform": "linux/arm64"})
    write_record(next(checkout.rglob(WorkFolder.BUILD)), built)
    use_suite(monkeypatch, "passed")
    call(tasks.verify)
    assert "abilities: not asked: the engine is for x86_64" in capsys.readouterr().out


def test_json_of_a_verb_is_the_record_that_it_stores(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    use_suite(monkeypatch, "passed")
    call(tasks.verify, json=True)
    (stored,) = checkout.rglob(WorkFolder.SUITE)
    assert capsys.readouterr().out == stored.read_text()


def test_a_second_run_in_the_same_checkout_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    with checkout_lock(checkout):
        code, said = refusal(capsys, tasks.verify)
    assert code == LockedError.exit_code
    assert "in use by process" in said


@pytest.mark.parametrize("verb", [tasks.scan, tasks.benchmark, tasks.report])
def test_without_a_variant_what_is_built_is_read_and_nothing_is_said_of_the_rest(
    verb: Callable[..., None], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, dry_run=True)
    assert (code, "nox -s build-cpu" in said) == (17, True)
    store_build(checkout, "core")
    call(verb, dry_run=True)
    assert "base_edge_node_amd64_cpu" in capsys.readouterr().out
    assert list_built(checkout) == ("cpu",)


def test_a_baseline_is_planned_and_compared_by_its_word(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    call(tasks.benchmark, variant="cpu", target="core", against=["baseline-cpu"], dry_run=True)
    assert "core of: baseline-cpu, cpu\n" in capsys.readouterr().out
    monkeypatch.setattr(tasks, "ROOT", ROOT)
    call(tasks.plan, variant="baseline-cpu", target="core", base="debian-13")
    planned = capsys.readouterr().out
    assert "stages      python-builder ffmpeg-builder core\n" in planned
    assert "baseline_edge_node_amd64_cpu:core-debian-13\n" in planned

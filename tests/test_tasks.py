"""Verbs as a person types them: refusals with their exit code, no traceback, nothing started."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke import Collection, Config, MockContext, Program, Task

import tasks
from baseimages import verbs
from baseimages.build import BaseFacts, BuildRecord, EngineFacts, HostFacts
from baseimages.command import Completed
from baseimages.declare import load_family
from baseimages.errors import BuildError, LintError, LockedError, RecordError, SuiteError, UsageError
from baseimages.host import Check
from baseimages.inspect import SuiteRecord
from baseimages.lint import Finding, LintReport
from baseimages.records import WorkFolder, checkout_lock, write_record
from tests.conftest import ROOT, FakeRunner

COMMIT = "a" * 40
DIGEST = "sha256:" + "d" * 64


class GitRunner:
    """Answers git; anything else is an unforeseen program."""

    commit = COMMIT

    def run(self, argv: list[str], **_: Any) -> Completed:
        assert argv[0] == "git", f"not scripted: {argv}"
        stdout = f"{self.commit} 1767323045\n" if "log" in argv else ""
        return Completed(argv=tuple(argv), returncode=0, stdout=stdout, stderr="", duration_s=0.0)


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", GitRunner)


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    """A verb takes SIGTERM for itself; a test gives it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which nothing was built."""
    (tmp_path / "images.toml").write_bytes((ROOT / "images.toml").read_bytes())
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    return tmp_path


def store_build(
    root: Path, target: str, *, base: str = "debian-13", started_at: str = "2026-01-02"
) -> BuildRecord:
    """A build as it is found later."""
    image = load_family(root / "images.toml").image("cpu")
    record = BuildRecord(
        variant="cpu", image_name=image.name, target=target, platform="linux/amd64",
        base=BaseFacts(family=base, reference="x:1", digest=DIGEST, origin="registry", reason="held"),
        revision=COMMIT, dirty=False, source_digest=DIGEST, manifest_digest=DIGEST,
        tags=(f"{image.name}:{target}-{base}",), build_args={},
        engine=EngineFacts(server_version="28", buildx_version="0.29", architecture="x86_64"),
        host=HostFacts(cpu="a CPU", cores=2, memory_bytes=None, kernel="6", system="Debian"),
        started_at=started_at, duration_s=1.0, export_duration_s=1.0, load_duration_s=1.0,
        cold=True, cold_reason="the build cache held no record", base_present=True, steps=(),
        progress_sha256="0" * 64,
    )  # fmt: skip
    work = WorkFolder(root=root, image_name=image.name, base=base, target=target)
    write_record(work.path / WorkFolder.BUILD, record)
    return record


def list_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def call(verb: Callable[..., None], **words: Any) -> None:
    verb(MockContext(Config()), **words)


def refusal(
    capsys: pytest.CaptureFixture[str], verb: Callable[..., None], **words: Any
) -> tuple[object, str]:
    """Exit code and message of a verb that refuses."""
    with pytest.raises(SystemExit) as caught:
        call(verb, **words)
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", [tasks.plan, tasks.build, tasks.verify, tasks.scan, tasks.benchmark, tasks.report]
)
def test_an_unknown_variant_is_refused_with_the_nearest(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, variant="cpuu")
    assert code == 2
    assert said.splitlines() == [
        "error: unknown variant 'cpuu'",
        "Next: did you mean cpu? Otherwise use one of: cpu, gpu",
    ]


@pytest.mark.parametrize(
    ("words", "nearest"), [({"target": "cor"}, "core"), ({"base": "debian-31"}, "debian-13")]
)
def test_an_unknown_target_or_base_is_refused_with_the_nearest(
    words: dict[str, str], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.plan, **words)
    assert (code, f"did you mean {nearest}?" in said) == (2, True)


@pytest.mark.parametrize("name", ["-v/:/h", "cpu\nRUN x", "../cpu", "cpu;id", "\x1b[31mcpu"])
@pytest.mark.parametrize("word", ["variant", "target", "base"])
def test_a_hostile_name_is_refused_and_shown_inert(
    word: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.build, **{word: name, "dry_run": True})
    assert code == 2
    assert "\x1b" not in said
    assert "\nRUN" not in said


@pytest.mark.parametrize("word", ["variant", "base"])
def test_an_empty_word_is_refused_where_it_stands_for_no_default(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, tasks.build, **{word: "", "dry_run": True})[0] == 2


class NoRunner:
    """Starts nothing, not even git."""

    def run(self, argv: list[str], **_: Any) -> Completed:
        raise AssertionError(f"started before the words were checked: {argv}")


@pytest.mark.parametrize("name", ["-v/:/h", "cpu\nRUN x"])
@pytest.mark.parametrize(
    "verb", [tasks.plan, tasks.build, tasks.verify, tasks.scan, tasks.benchmark, tasks.report]
)
def test_a_hostile_variant_is_refused_before_any_program_starts(
    verb: Callable[..., None],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", NoRunner)
    assert refusal(capsys, verb, variant=name)[0] == 2


@pytest.mark.parametrize("words", [{"target": "-v/:/h"}, {"base": "-v/:/h"}])
@pytest.mark.parametrize("verb", [tasks.verify, tasks.scan, tasks.benchmark])
def test_a_hostile_target_or_base_is_refused_before_a_build_is_read(
    verb: Callable[..., None],
    words: dict[str, str],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", NoRunner)
    assert refusal(capsys, verb, variant="cpu", **words)[0] == 2
    assert sorted(path.name for path in checkout.iterdir()) == ["images.toml"]


@pytest.mark.parametrize("verb", [tasks.verify, tasks.scan, tasks.benchmark, tasks.report])
def test_without_a_build_the_command_that_makes_one_is_told(
    verb: Callable[..., None], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, variant="cpu")
    assert code == RecordError.exit_code
    assert "invoke build --variant cpu" in said


def test_an_error_of_the_package_is_one_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise BuildError("it did not build", next_step="mend it")

    monkeypatch.setattr(verbs, "build", fail)
    code, said = refusal(capsys, tasks.build)
    assert (code, said) == (BuildError.exit_code, "error: it did not build\nNext: mend it\n")


def test_ctrl_c_is_130_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "scan", interrupt)
    code, said = refusal(capsys, tasks.scan, variant="cpu")
    assert code == 130
    assert said.startswith("interrupted:")


def test_the_plan_as_json_needs_no_engine_and_holds_a_bake_file(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, variant="cpu", target="core", json=True)
    plan = json.loads(capsys.readouterr().out)
    assert plan["revision"]["commit"] == COMMIT
    (target,) = plan["bake"]["target"].values()
    assert target["target"] == "core"
    assert target["args"]["BASE_FAMILY"] == "ubuntu-24.04"


def test_a_dry_run_prints_the_plan_that_plan_prints(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, target="core", base="debian-13")
    planned = capsys.readouterr().out
    call(tasks.build, target="core", base="debian-13", dry_run=True)
    assert capsys.readouterr().out == planned


def test_a_build_argument_of_a_person_reaches_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    call(tasks.plan, build_arg=["WITH_NGROK=0"], json=True)
    (target,) = json.loads(capsys.readouterr().out)["bake"]["target"].values()
    assert target["args"]["WITH_NGROK"] == "0"


@pytest.mark.parametrize("name", [name for name in vars(tasks) if isinstance(vars(tasks)[name], Task)])
def test_a_verb_and_each_of_its_options_are_explained(name: str) -> None:
    verb = getattr(tasks, name)
    assert verb.__doc__
    assert [option.name for option in verb.get_arguments() if not option.help] == []


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        (tasks.verify, "would run "),
        (tasks.scan, "would scan "),
        (tasks.benchmark, "would measure "),
        (tasks.report, "would write reports/base_edge_node_amd64_cpu/" + COMMIT[:12]),
    ],
)
def test_a_dry_run_tells_what_would_be_done_and_leaves_no_file(
    verb: Callable[..., None],
    told: str,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_build(checkout, "core")
    before = list_files(checkout)
    monkeypatch.setattr(verbs, "ProcessRunner", NoRunner)
    call(verb, dry_run=True)
    assert capsys.readouterr().out.startswith(told)
    assert list_files(checkout) == before


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


def use_suite(monkeypatch: pytest.MonkeyPatch, *outcomes: str) -> None:
    """What the suite inside the image finds."""
    cases = [{"name": f"case {n}", "outcome": word, "duration_s": 1.0} for n, word in enumerate(outcomes)]
    record = SuiteRecord.model_validate({"image": "x:1", "manifest_digest": DIGEST, "cases": cases})
    monkeypatch.setattr(verbs, "run_suite", lambda *_: record)


def test_a_failed_check_in_the_image_is_the_suites_exit_code_and_its_record_is_kept(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    use_suite(monkeypatch, "passed", "failed")
    code, said = refusal(capsys, tasks.verify)
    assert code == SuiteError.exit_code
    assert "1 of 2 checks failed in base_edge_node_amd64_cpu:core-debian-13" in said
    assert list(checkout.rglob(WorkFolder.SUITE))


def test_a_skipped_check_is_not_counted_as_passed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_build(checkout, "core")
    use_suite(monkeypatch, "passed", "skipped")
    call(tasks.verify)
    assert capsys.readouterr().out == "1 checks passed\n"


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


def use_findings(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    """What the linters find."""
    report = LintReport(findings=findings, ran=("ruff",), skipped=())
    monkeypatch.setattr(verbs, "run_lint", lambda *_, **__: report)


FINDING = Finding(file="a.py", line=1, code="F401", message="unused", tool="ruff")


def test_a_clean_lint_ends_well(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_findings(monkeypatch)
    call(tasks.lint)
    assert capsys.readouterr().out == "0 findings by ruff\n"


def test_a_finding_is_the_lints_exit_code_and_json_is_still_json(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_findings(monkeypatch, FINDING)
    with pytest.raises(SystemExit) as caught:
        call(tasks.lint, json=True)
    told = capsys.readouterr()
    assert caught.value.code == LintError.exit_code
    assert json.loads(told.out)["findings"][0]["code"] == "F401"
    assert told.err.startswith("error: 1 findings\nNext: ")


def test_findings_are_written_as_sarif_though_the_lint_fails(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_findings(monkeypatch, FINDING)
    refusal(capsys, tasks.lint, sarif=str(checkout / "lint.sarif"))
    (run,) = json.loads((checkout / "lint.sarif").read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["F401"]


def test_an_unknown_linter_is_a_word_that_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, tasks.lint, only=["rufff"])
    assert (code, "did you mean ruff?" in said) == (UsageError.exit_code, True)


def test_the_doctor_answers_as_json_and_ends_well_though_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check = Check(name="engine", status="problem", cause="none", cure="./bootstrap.sh")
    monkeypatch.setattr(verbs, "run_doctor", lambda *_: (check,))
    call(tasks.doctor, json=True)
    assert json.loads(capsys.readouterr().out)["checks"][0]["cure"] == "./bootstrap.sh"


def test_the_schema_is_written_as_it_is_committed(checkout: Path) -> None:
    call(tasks.schema)
    assert (checkout / "images.schema.json").read_bytes() == (ROOT / "images.schema.json").read_bytes()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_of_the_locks_stays_one_on_its_way(
    dry_run: bool, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verbs, "run_locks", lambda *_, dry_run: f"dry: {dry_run}\n")
    call(tasks.lock, dry_run=dry_run)
    assert capsys.readouterr().out == f"dry: {dry_run}\n"


def test_debug_shows_the_traceback_of_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="invoke"), pytest.raises(UsageError):
        call(tasks.plan, variant="cpuu")


def test_a_terminated_verb_ends_with_143(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "scan", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as caught:
        call(tasks.scan, variant="cpu")
    assert caught.value.code == 143


def test_what_a_person_types_reaches_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: list[object] = []

    def apply(_: Path, pins: tuple[str, ...], *, dry_run: bool) -> str:
        changes.extend([*pins, dry_run])
        return ""

    monkeypatch.setattr(verbs, "apply_changes", apply)
    typed = ["invoke", "update-pins", "--set", "A_VERSION=1", "--set", "A_SHA256=2", "--dry-run"]
    Program(namespace=Collection.from_module(tasks)).run(typed, exit=False)
    assert changes == ["A_VERSION=1", "A_SHA256=2", True]


def test_the_menu_has_every_verb_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Program(namespace=Collection.from_module(tasks)).run(["invoke", "--list"], exit=False)
    menu = capsys.readouterr().out
    names = [item.name.replace("_", "-") for item in vars(tasks).values() if isinstance(item, Task)]
    for name in names:
        assert f"  {name} " in menu


@pytest.mark.parametrize("verb", [tasks.scan, tasks.benchmark, tasks.report])
def test_without_a_variant_what_is_built_is_read_and_nothing_is_said_of_the_rest(
    verb: Callable[..., None], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, verb, dry_run=True)
    assert (code, "nox -s build-cpu" in said) == (17, True)
    store_build(checkout, "core")
    call(verb, dry_run=True)
    assert "base_edge_node_amd64_cpu" in capsys.readouterr().out
    assert verbs.list_built(checkout) == ("cpu",)


def test_a_dry_run_of_tags_prints_the_commands_and_tags_nothing(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {
        "org.opencontainers.image.title": "base_edge_node_amd64_cpu",
        "org.opencontainers.image.revision": "0" * 40,
        "org.opencontainers.image.created": "2026-11-24T00:00:00Z",
        "io.baseimages.target": "full",
        "io.baseimages.base-family": "ubuntu-24.04",
    }
    versions = {"python": "3.13.5", "torch": "2.10.0", "onnx": "1.23.2", "transformers": "5.23.0"}
    runner.script("docker", "image", "inspect", stdout=json.dumps(labels))
    runner.script("docker", "run", stdout=json.dumps(versions))
    monkeypatch.setattr(verbs, "ProcessRunner", lambda: runner)
    call(tasks.tags, image="x:1", write=True, dry_run=True)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "would run docker tag x:1 base_edge_node_amd64_cpu:py3.13-th2.10-ox1.23-tr5.23"
    runner.script("docker", "tag")
    call(tasks.tags, image="x:1", write=True)
    assert [call[:2] for call in runner.calls].count(("docker", "tag")) == len(told) == 3


@pytest.mark.process
@pytest.mark.parametrize("image", ["base_edge_node_amd64_cpu", "base_edge_node_amd64_gpu"])
def test_retag_and_push_hands_its_words_on_and_says_that_it_does_not_push(image: str, tmp_path: Path) -> None:
    (tmp_path / image).mkdir()
    script = tmp_path / image / "retag_and_push.sh"
    script.write_bytes((ROOT / image / "retag_and_push.sh").read_bytes())
    (tmp_path / "bootstrap.sh").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    for path in (script, tmp_path / "bootstrap.sh"):
        path.chmod(0o755)
    done = subprocess.run(
        [str(script), "x:1", "--dry-run", "--repository", "a/b"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout == "invoke|tags|--write|x:1|--dry-run|--repository|a/b|"
    assert done.stderr == "not pushed: publishing is not part of this release\n"


@pytest.fixture
def whole_checkout(checkout: Path) -> Path:
    """A checkout with what the matrix reads, beside images.toml."""
    (checkout / "compatibility.toml").write_bytes((ROOT / "compatibility.toml").read_bytes())
    for path in ROOT.glob("base_edge_node_*/requirements*"):
        copy = checkout / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return checkout


def test_a_dry_run_of_compat_prints_each_question_once_and_writes_nothing(
    whole_checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list_files(whole_checkout)
    call(tasks.compat, dry_run=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(" -m uv pip compile " in line for line in lines)
    assert len(lines) == len(set(lines))
    assert list_files(whole_checkout) == before


def test_compat_refuses_an_unknown_image(whole_checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refusal(capsys, tasks.compat, variant="cpuu")
    assert (code, "did you mean cpu?" in said) == (2, True)


class SilentIndexes(GitRunner):
    """uv that reaches no index."""

    def run(self, argv: list[str], **options: Any) -> Completed:
        if "uv" not in argv:
            return super().run(argv, **options)
        stderr = "error: Failed to fetch: `x`"
        return Completed(argv=tuple(argv), returncode=2, stdout="", stderr=stderr, duration_s=0.0)


def test_compat_writes_the_matrix_of_all_images_and_of_one_image_only_tells(
    whole_checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "ProcessRunner", SilentIndexes)
    call(tasks.compat, variant="cpu")
    assert "nothing written" in capsys.readouterr().out
    assert not (whole_checkout / "reports").exists()
    call(tasks.compat)
    assert f"report: {whole_checkout / 'reports' / 'compatibility.md'}" in capsys.readouterr().out
    call(tasks.compat, json=True)
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["verdict"] for row in rows} == {"not checked", "blocked"}

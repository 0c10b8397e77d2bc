"""A plan is executed as it stands; what is left after a failure can be trusted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build import (
    ProvenanceRecord,
    Solve,
    load_build,
    look_before,
    run_solve,
    solve_argv,
    store_solve,
)
from baseimages.build.buildx import PROGRESS, export_argv
from baseimages.build.store import is_intact
from baseimages.errors import RecordError
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder, load_record, sha256_of
from tests.build.conftest import (
    BUILDX,
    ENGINE,
    EXPORT,
    INSPECT,
    SOURCE_DIGEST,
    Build,
    FakeDocker,
    read_metadata,
    read_stream,
    said,
    stored,
)


def of_kind(words: list[str], option: str) -> list[str]:
    return [word.removeprefix(option) for word in words if word.startswith(option)]


def test_the_command_line_has_exactly_the_plans_build_arguments(plan: BuildPlan) -> None:
    words = solve_argv(plan, ENGINE, Path("m.json"))
    assert of_kind(words, "--build-arg=") == [f"{name}={value}" for name, value in plan.build_args]


def test_the_command_line_has_exactly_the_plans_labels_tags_and_secrets(plan: BuildPlan) -> None:
    words = solve_argv(plan, ENGINE, Path("m.json"))
    assert of_kind(words, "--label=") == ["org.example.title=it's a title"]
    assert of_kind(words, "--tag=") == list(plan.tags)
    assert of_kind(words, "--secret=") == [f"id=ca,src={plan.root / 'ca.pem'}"]


def test_no_word_of_a_plan_is_read_by_a_shell(plan: BuildPlan) -> None:
    words = solve_argv(plan, ENGINE, Path("m.json"))
    assert "--build-arg=GREETING=two words; $(rm -rf /) && `id`" in words
    assert not {"sh", "bash", "-c"} & set(words)


def test_nothing_but_the_plan_decides_what_is_built(plan: BuildPlan) -> None:
    words = solve_argv(plan, ENGINE, Path("m.json"))
    known = ("--build-arg=", "--label=", "--tag=", "--secret=")
    assert [word for word in words if not word.startswith(known)] == [
        *BUILDX,
        "build",
        "--progress=rawjson",
        "--metadata-file=m.json",
        "--provenance=false",
        "--platform=linux/amd64",
        "--target=core",
        f"--file={plan.root / 'image_one/Dockerfile'}",
        "--output=type=image,store=false",
        str(plan.root),
    ]


def test_the_options_of_a_private_engine_reach_its_builds(plan: BuildPlan) -> None:
    engine = dataclasses.replace(ENGINE, build_options=("--network=host",))
    assert "--network=host" in solve_argv(plan, engine, Path("m.json"))


def test_solve_and_export_differ_in_their_output_alone(plan: BuildPlan) -> None:
    metadata = Path("m.json")
    solve = set(solve_argv(plan, ENGINE, metadata))
    export = set(export_argv(plan, ENGINE, metadata, Path("layout")))
    assert solve ^ export == {
        "--output=type=image,store=false",
        "--output=type=oci,tar=false,dest=layout,rewrite-timestamp=true",
    }


def test_a_build_solves_then_exports_then_loads(build: Build, docker: FakeDocker) -> None:
    build()
    kinds = {"store=false": "solve", "type=oci": "export", "docker load": "load"}
    order = [kind for call in docker.runner.calls for mark, kind in kinds.items() if mark in " ".join(call)]
    assert order == ["solve", "export", "load"]


def test_a_build_stores_the_record_that_it_returns(build: Build, work: WorkFolder) -> None:
    record = build()
    assert stored(work) == record
    assert record.source_digest == SOURCE_DIGEST
    assert is_intact(work.layout, record.manifest_digest)


def test_a_record_counts_a_linked_copy_once(build: Build) -> None:
    steps = [step for step in build().steps if "scripts/entrypoint.sh" in step.name]
    assert [(step.name, step.is_instruction) for step in steps] == [
        ("[core 2/3] COPY --link scripts/entrypoint.sh /entrypoint", True)
    ]


def test_a_record_names_the_progress_it_was_read_from(build: Build, work: WorkFolder) -> None:
    record = build()
    assert (work.path / PROGRESS).read_text(encoding="utf-8") == read_stream("no-op")
    assert record.progress_sha256 == sha256_of(work.path / PROGRESS)


def test_a_build_into_an_empty_cache_is_cold(build: Build) -> None:
    assert build().cold


def test_the_cache_and_the_base_are_looked_at_before_the_build(build: Build, docker: FakeDocker) -> None:
    build()
    calls = [" ".join(call) for call in docker.runner.calls]
    first_build = next(number for number, call in enumerate(calls) if "--progress=rawjson" in call)
    assert "du --verbose" in calls[0]
    assert "tiny:1@sha256" in calls[1]
    assert first_build == 2


def test_a_base_that_has_to_be_pulled_shows_in_the_record(build: Build, docker: FakeDocker) -> None:
    assert not build().base_present


def test_a_base_that_the_engine_holds_shows_in_the_record(
    build: Build, docker: FakeDocker, plan: BuildPlan
) -> None:
    docker.runner.script(*INSPECT, plan.base.build_argument, stdout=plan.base.digest)
    assert build().base_present


def test_an_unchanged_image_keeps_its_record(build: Build, docker: FakeDocker, work: WorkFolder) -> None:
    build()
    before = (work.path / WorkFolder.BUILD).read_bytes()
    docker.runner.script(*BUILDX, "du", stdout="ID: 1\n")
    record = build()
    assert (work.path / WorkFolder.BUILD).read_bytes() == before
    assert record.cold


def test_an_unchanged_image_is_not_exported_again(build: Build, docker: FakeDocker, console: Console) -> None:
    build()
    build()
    assert len(docker.calls(EXPORT)) == 1
    assert "unchanged since the build of" in said(console)


def test_an_unchanged_image_keeps_the_progress_of_its_record(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    record = build()
    docker.script_solve("edit")
    build()
    assert sha256_of(work.path / PROGRESS) == record.progress_sha256


def test_another_image_gets_another_record(build: Build, docker: FakeDocker) -> None:
    first = build()
    docker.source, docker.content = "sha256:" + "6" * 64, b"another layer"
    second = build()
    assert second.manifest_digest != first.manifest_digest
    assert len(docker.calls(EXPORT)) == 2


def test_blobs_of_the_former_image_do_not_stay(build: Build, docker: FakeDocker, work: WorkFolder) -> None:
    build()
    docker.source, docker.content = "sha256:" + "6" * 64, b"another layer"
    build()
    assert len(list((work.layout / "blobs" / "sha256").iterdir())) == 3


def test_the_same_image_under_other_tags_is_exported_under_them(build: Build, docker: FakeDocker) -> None:
    build()
    assert build(tags=("image_one:renamed",)).tags == ("image_one:renamed",)
    assert len(docker.calls(EXPORT)) == 2


@pytest.mark.parametrize("broken", ["layout", "record"])
def test_what_is_damaged_is_built_anew(
    build: Build, docker: FakeDocker, work: WorkFolder, broken: str
) -> None:
    record = build()
    path = work.layout / "index.json" if broken == "layout" else work.path / WorkFolder.BUILD
    path.write_text("{", encoding="utf-8")
    assert build().manifest_digest == record.manifest_digest
    assert len(docker.calls(EXPORT)) == 2
    assert is_intact(work.layout, stored(work).manifest_digest)


def test_a_build_asks_for_all_provenance_without_losing_the_environment(
    build: Build, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org")
    build()
    envs = dict(zip(docker.runner.calls, docker.runner.envs, strict=True))
    env = next(env for call, env in envs.items() if "build" in call)
    assert env is not None
    assert env["BUILDX_METADATA_PROVENANCE"] == "max"
    assert env["HTTPS_PROXY"] == "http://proxy.example.org"


def test_a_build_keeps_the_provenance_of_the_image_that_is_exported(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    docker.told = read_metadata()
    docker.script_solve("metadata")
    record = build()
    kept = load_record(work.path / WorkFolder.PROVENANCE, ProvenanceRecord, made_by="invoke build")
    assert kept.manifest_digest == record.manifest_digest != docker.source
    assert (len(kept.layers), kept.lines[0].places) == (9, ("base 1/2 FROM",))


def test_another_image_does_not_keep_the_provenance_of_the_former(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    docker.told = read_metadata()
    build()
    docker.told, docker.source, docker.content = {}, "sha256:" + "6" * 64, b"another layer"
    build()
    assert not (work.path / WorkFolder.PROVENANCE).exists()


def test_an_unchanged_image_of_a_former_version_gets_its_provenance(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    record = build()
    assert not (work.path / WorkFolder.PROVENANCE).exists()
    docker.told = read_metadata()
    assert build() == record
    kept = load_record(work.path / WorkFolder.PROVENANCE, ProvenanceRecord, made_by="invoke build")
    assert kept.manifest_digest == record.manifest_digest


def test_an_image_that_the_engine_holds_is_not_loaded_again(
    build: Build, docker: FakeDocker, plan: BuildPlan
) -> None:
    digest = build().manifest_digest
    docker.runner.script(*INSPECT, *plan.tags, stdout=f"{digest}\n{digest}\n")
    build()
    assert len(docker.calls("docker load")) == 1


def test_what_is_solved_for_nobodys_engine_is_a_layout_that_an_engine_loads_later(
    docker: FakeDocker, plan: BuildPlan, work: WorkFolder, console: Console
) -> None:
    folder = work.path / "solve"
    outcome = run_solve(plan, ENGINE, docker.runner, folder, console)
    before = look_before(plan, ENGINE, docker.runner)
    solve = Solve(plan=plan, engine=ENGINE, before=before, outcome=outcome, folder=folder)
    record = store_solve(solve, None, docker.runner, work, console)
    assert stored(work) == record
    assert record.load_duration_s is None
    assert is_intact(work.layout, record.manifest_digest)
    assert docker.calls("docker load") == []
    for held in ("", f"{record.manifest_digest}\n" * 2):
        docker.runner.script(*INSPECT, *plan.tags, stdout=held)
        load_build(work, record, ENGINE, docker.runner, console)
    assert len(docker.calls("docker load")) == 1
    (work.layout / "index.json").unlink()
    load_build(work, record, ENGINE, docker.runner, console)
    docker.runner.script(*INSPECT, *plan.tags)
    with pytest.raises(RecordError, match="its layout is not whole"):
        load_build(work, record, ENGINE, docker.runner, console)


def test_an_image_that_lost_one_of_its_tags_is_loaded_again(
    build: Build, docker: FakeDocker, plan: BuildPlan
) -> None:
    digest = build().manifest_digest
    docker.runner.script(*INSPECT, *plan.tags, stdout=f"{digest}\n", returncode=1)
    build()
    assert len(docker.calls("docker load")) == 2


def test_a_stored_record_holds_no_path_of_this_machine(build: Build, work: WorkFolder) -> None:
    build()
    assert str(work.root) not in json.dumps(stored(work).model_dump())

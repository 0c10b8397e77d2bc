"""A build that fails says why and leaves what was there before it usable."""

from __future__ import annotations

import itertools

import pytest
from rich.console import Console

from baseimages.build import run_build
from baseimages.build.buildx import PROGRESS
from baseimages.build.store import is_intact
from baseimages.errors import BuildError, CommandError, DeadlineError
from baseimages.plan import BuildPlan
from baseimages.records import WorkFolder, sha256_of
from tests.build.conftest import ENGINE, EXPORT, SOURCE_DIGEST, Build, FakeDocker, read_stream, stored


def test_a_failing_step_is_a_build_error_with_its_log_and_the_dockerfile(
    build: Build, docker: FakeDocker
) -> None:
    docker.script_solve("failed", returncode=1, action=None)
    with pytest.raises(BuildError, match="image_one did not build") as caught:
        build()
    assert "[broken 1/1] RUN sleep 1" in caught.value.message
    assert "first line\nthe cause: no such thing" in caught.value.message
    assert "image_one/Dockerfile" in caught.value.next_step


def test_a_failed_build_does_not_blame_the_step_that_was_canceled(build: Build, docker: FakeDocker) -> None:
    docker.script_solve("failed", returncode=1, action=None)
    with pytest.raises(BuildError) as caught:
        build()
    assert "[slow" not in caught.value.message


def test_a_failed_build_leaves_no_record(build: Build, docker: FakeDocker, work: WorkFolder) -> None:
    docker.script_solve("failed", returncode=1, action=None)
    with pytest.raises(BuildError):
        build()
    assert not (work.path / WorkFolder.BUILD).exists()
    assert not docker.calls(EXPORT)


def test_a_failed_build_leaves_the_former_image_usable(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    record = build()
    docker.script_solve("failed", returncode=1, action=None)
    with pytest.raises(BuildError):
        build()
    assert stored(work) == record
    assert is_intact(work.layout, record.manifest_digest)
    assert sha256_of(work.path / PROGRESS) == record.progress_sha256


def test_the_progress_of_a_failed_build_can_be_read_afterwards(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    docker.script_solve("failed", returncode=1, action=None)
    with pytest.raises(BuildError):
        build()
    assert (work.path / "solve" / PROGRESS).read_text(encoding="utf-8") == read_stream("failed")


def test_a_build_that_never_began_says_what_buildx_said(build: Build, docker: FakeDocker) -> None:
    docker.script_solve(stderr="ERROR: failed to read dockerfile: no such file\n", returncode=1, action=None)
    with pytest.raises(BuildError, match="failed to read dockerfile"):
        build()


class TellingRunner:
    """Tells the first lines of a stream, then is stopped."""

    def __init__(self, docker: FakeDocker, lines: list[str]) -> None:
        self._docker, self._lines = docker, lines

    def run(self, argv: list[str], **options: object) -> object:
        listener = options.get("on_stderr")
        if listener is None:
            return self._docker.runner.run(argv, **options)
        for line in self._lines:
            listener(line)
        raise DeadlineError("docker said nothing for 1200 s", next_step="x")


def test_a_deadline_names_the_steps_that_ran(
    plan: BuildPlan, docker: FakeDocker, work: WorkFolder, console: Console
) -> None:
    told = itertools.takewhile(lambda line: '"error"' not in line, read_stream("failed").splitlines())
    with pytest.raises(
        DeadlineError, match=r"running: \[broken 1/1\] RUN sleep 1; .*; \[slow 1/1\]"
    ) as caught:
        run_build(plan, ENGINE, TellingRunner(docker, list(told)), work, console)
    assert "[internal]" not in caught.value.message
    assert "finished steps are cached" in caught.value.next_step


def test_a_deadline_before_any_step_says_so(
    plan: BuildPlan, docker: FakeDocker, work: WorkFolder, console: Console
) -> None:
    with pytest.raises(DeadlineError, match="running: no step"):
        run_build(plan, ENGINE, TellingRunner(docker, []), work, console)


def test_an_interrupted_export_leaves_no_index(build: Build, docker: FakeDocker, work: WorkFolder) -> None:
    build()
    docker.source = "sha256:" + "6" * 64
    docker.script_export(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        build()
    assert not (work.layout / "index.json").exists()


def test_after_an_interrupted_export_the_former_record_is_not_believed(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    first = build()
    export = docker.export
    docker.source = "sha256:" + "6" * 64
    docker.script_export(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        build()
    docker.source = SOURCE_DIGEST
    docker.script_export(action=export)
    assert build().manifest_digest == first.manifest_digest
    assert is_intact(work.layout, first.manifest_digest)


def test_an_engine_that_refuses_the_image_leaves_no_record(
    build: Build, docker: FakeDocker, work: WorkFolder
) -> None:
    docker.runner.script("docker", "load", returncode=1, stderr="no space left on device")
    with pytest.raises(CommandError, match="no space left"):
        build()
    assert not (work.path / WorkFolder.BUILD).exists()

"""Ring 2: the verbs on a tiny image, with the engine that is there."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from baseimages.errors import DriftError
from baseimages.inspect import open_layout
from tests.engine.conftest import DOCKERFILE, Checkout, docker, wait_until

pytestmark = pytest.mark.engine


def layer_tars(layout: Path) -> Iterator[bytes]:
    for layer in open_layout(layout).layers:
        yield gzip.decompress(layer.path.read_bytes())


def test_a_build_lands_in_the_engine_under_its_tags_with_the_recorded_digest(checkout: Checkout) -> None:
    record = checkout.build()
    assert len(record["tags"]) == 2
    for tag in record["tags"]:
        assert docker("image", "inspect", "--format", "{{.Id}}", tag) == record["manifest_digest"]
    assert open_layout(checkout.work / "layout").manifest_digest == record["manifest_digest"]


def test_a_build_tells_the_line_of_every_layer_and_of_every_step(checkout: Checkout) -> None:
    record = checkout.build()
    told = json.loads((checkout.work / "provenance.json").read_text())
    assert told["manifest_digest"] == record["manifest_digest"]
    lines = DOCKERFILE.splitlines()
    made = [lines[number - 1].split()[0] for number in told["layers"]]
    assert made == ["FROM", "RUN", "RUN", "COPY"]
    assert len(made) == len(open_layout(checkout.work / "layout").layers)
    placed = {place for line in told["lines"] for place in line["places"]}
    assert {"base 2/2 RUN", "one 1/2 RUN", "one 2/2 COPY"} <= placed


def test_an_unchanged_image_without_provenance_gets_it_and_keeps_its_record(checkout: Checkout) -> None:
    first = checkout.build()
    path = checkout.work / "provenance.json"
    before = json.loads(path.read_text())
    path.unlink()
    assert checkout.build() == first
    assert json.loads(path.read_text())["layers"] == before["layers"]


def test_the_same_build_again_changes_nothing_and_keeps_its_record(checkout: Checkout) -> None:
    first = checkout.build()
    stamp = (checkout.work / "layout" / "index.json").stat().st_mtime_ns
    assert checkout.build() == first
    assert (checkout.work / "layout" / "index.json").stat().st_mtime_ns == stamp


def test_an_image_that_was_removed_from_the_engine_is_loaded_again(checkout: Checkout) -> None:
    record = checkout.build()
    for tag in record["tags"]:
        docker("image", "rm", "--force", tag)
    checkout.build()
    assert docker("image", "inspect", "--format", "{{.Id}}", record["tags"][0]) == record["manifest_digest"]


def test_two_cold_builds_of_one_commit_give_the_same_layers(checkout: Checkout) -> None:
    digests = []
    for number in range(2):
        # Another first line of the step is a cache miss of everything that is built.
        marked = DOCKERFILE.replace("RUN mkdir", f"RUN : {number}; mkdir").replace(
            "RUN rm", f"RUN : {number}; rm"
        )
        checkout.write(f"{checkout.name}/Dockerfile", marked)
        checkout.commit()
        checkout.build()
        layers = open_layout(checkout.work / "layout").layers
        digests.append([layer.digest for layer in layers])
    assert digests[0] == digests[1]
    assert len(digests[0]) == 4


def test_an_edited_entrypoint_changes_one_layer_only(checkout: Checkout) -> None:
    checkout.build()
    before = [layer.digest for layer in open_layout(checkout.work / "layout").layers]
    checkout.write("scripts/entrypoint.sh", '#!/bin/sh\n# edited\nexec "$@"\n')
    checkout.commit()
    checkout.build()
    after = [layer.digest for layer in open_layout(checkout.work / "layout").layers]
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_the_certificate_bundle_is_seen_by_the_build_and_never_in_a_layer(checkout: Checkout) -> None:
    secret = "-----BEGIN CERTIFICATE-----\nonly-in-the-secret-mount\n-----END CERTIFICATE-----\n"
    bundle = checkout.root.parent / "ca.pem"
    bundle.write_text(secret)
    step = "RUN --mount=type=secret,id=ca,required cat /run/secrets/ca > /dev/null\nRUN rm /data"
    checkout.write(f"{checkout.name}/Dockerfile", DOCKERFILE.replace("RUN rm /data", step))
    checkout.commit()
    checkout.build("--ca-bundle", str(bundle))
    content = b"".join(layer_tars(checkout.work / "layout"))
    content += b"".join(p.read_bytes() for p in (checkout.work / "layout" / "blobs" / "sha256").iterdir())
    assert b"only-in-the-secret-mount" not in content


def test_a_failing_step_is_one_message_with_its_output_and_an_exit_code(checkout: Checkout) -> None:
    broken = DOCKERFILE.replace("RUN rm /data/first", "RUN echo the cause >&2; exit 3")
    checkout.write(f"{checkout.name}/Dockerfile", broken)
    done = checkout.invoke("build", "--variant", "tiny")
    assert done.returncode == 12
    assert "the cause" in done.stderr
    assert f"{checkout.name}/Dockerfile" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """URL of a file on loopback."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_text("content\n")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/file"
        server.shutdown()


@pytest.mark.parametrize("is_right", [True, False])
def test_a_download_with_another_checksum_stops_the_build(
    checkout: Checkout, served: str, is_right: bool
) -> None:
    checksum = hashlib.sha256(b"content\n" if is_right else b"other\n").hexdigest()
    checkout.write(
        f"{checkout.name}/Dockerfile", f"{DOCKERFILE}ADD --checksum=sha256:{checksum} {served} /file\n"
    )
    done = checkout.invoke("build", "--variant", "tiny")
    assert done.returncode == (0 if is_right else 12), done.stderr
    if not is_right:
        assert "digest mismatch" in done.stderr
        assert checksum in done.stderr


def test_ctrl_c_ends_a_build_with_130_and_leaves_nothing_running(
    checkout: Checkout, interrupt: Callable[[subprocess.Popen[str]], None]
) -> None:
    nap = "86399.25"
    slow = DOCKERFILE.replace("RUN rm /data/first", f"RUN sleep {nap}; rm /data/first")
    checkout.write(f"{checkout.name}/Dockerfile", slow)
    process = checkout.start("build", "--variant", "tiny", start_new_session=True)
    assert wait_until(lambda: is_running(f"sleep {nap}"), limit_s=60)
    interrupt(process)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert wait_until(lambda: not is_running(f"sleep {nap}"), limit_s=30)
    assert not is_running(str(checkout.root))


def is_running(words: str) -> bool:
    """Whether a process has these words in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line:
            return True
    return False


def test_the_second_run_in_one_checkout_is_told_who_holds_the_lock(checkout: Checkout) -> None:
    slow = DOCKERFILE.replace("RUN rm /data/first", "RUN sleep 20; rm /data/first")
    checkout.write(f"{checkout.name}/Dockerfile", slow)
    first = checkout.start("build", "--variant", "tiny", start_new_session=True)
    assert wait_until(lambda: is_running("sleep 20"), limit_s=60)
    second = checkout.invoke("build", "--variant", "tiny")
    first.terminate()
    first.communicate(timeout=60)
    assert second.returncode == 10
    assert str(first.pid) in second.stderr


@pytest.mark.parametrize("words", [(), ("--in-place",)], ids=["in a private engine", "in place"])
def test_a_benchmark_measures_what_its_scenarios_say(checkout: Checkout, words: tuple[str, ...]) -> None:
    checkout.build()
    done = checkout.invoke("benchmark", "--variant", "tiny", "--json", *words)
    assert done.returncode == 0, done.stderr
    runs = {run["scenario"]: run for run in json.loads(done.stdout)["runs"]}
    assert (runs["no-op"]["valid"], runs["no-op"]["misses"]) == (True, 0), runs["no-op"]
    assert (runs["edit"]["valid"], runs["edit"]["misses"]) == (True, 1), runs["edit"]
    assert runs["edit"]["hits"] == runs["no-op"]["hits"] - 1
    index = json.loads((checkout.work / "layers.json").read_text())
    assert [layer["owner"] == "base" for layer in index["layers"]] == [True, False, False, False]
    done = checkout.invoke("report", "--variant", "tiny")
    assert done.returncode == 0, done.stderr
    text = Path(done.stdout.strip().splitlines()[-1].removeprefix("report: ")).read_text()
    _, ledger = text.split("### The ledger")
    assert "| one: COPY --link scripts/entrypoint.sh /entrypoint.sh |" in ledger
    assert "not attributed" not in ledger


def test_a_cold_run_in_a_private_engine_hits_nothing_leaves_nothing_and_gives_the_same_image(
    checkout: Checkout,
) -> None:
    record = checkout.build()
    done = checkout.invoke("benchmark", "--variant", "tiny", "--json", "--rebuild")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    cold = result["runs"][0]
    if cold["duration_s"] is None:
        pytest.skip(f"ring 2: {cold['note']}")
    assert (cold["valid"], cold["hits"]) == (True, 0), cold
    assert result["rebuilt_digest"] == record["manifest_digest"]
    assert not is_running(str(checkout.root))
    assert str(checkout.root) not in Path("/proc/mounts").read_text()
    assert_no_bridges_of_the_dead()


def assert_no_bridges_of_the_dead() -> None:
    names = [path.name for path in Path("/sys/class/net").glob("bench*")]
    pids = [name.removeprefix("bench").partition("-")[0] for name in names]
    assert [pid for pid in pids if not Path("/proc", pid).exists()] == []


def test_what_a_killed_benchmark_leaves_is_removed_by_the_next_one(checkout: Checkout) -> None:
    checkout.build()
    killed = checkout.start("benchmark", "--variant", "tiny", "--rebuild")
    engine = f"--data-root={checkout.root}"
    if not wait_until(lambda: is_running(engine) or killed.poll() is not None, limit_s=60):
        pytest.fail("neither a private engine nor the end of the benchmark was seen")
    if killed.poll() is not None:
        pytest.skip("ring 2: no private engine can run here")
    killed.kill()
    killed.communicate(timeout=60)
    done = checkout.invoke("benchmark", "--variant", "tiny")
    assert done.returncode == 0, done.stderr
    assert not is_running(engine)
    assert str(checkout.root) not in Path("/proc/mounts").read_text()
    assert list(checkout.root.glob(".work/**/benchmark-*")) == []
    assert list(Path("/sys/class/net").glob(f"bench{killed.pid}-*")) == []


def test_an_edit_costs_a_device_only_the_layer_that_it_changes(checkout: Checkout) -> None:
    built = checkout.build()
    words = ("updates", "--variant", "tiny", "--edit", "edit-entrypoint", "--json")
    done = checkout.invoke(*words)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    (edit,) = record["edits"]
    for compression in ("gzip", "zstd"):
        assert edit[compression]["layers_fetched"] == 1
        assert 0 < edit[compression]["fetched_bytes"] < record[f"{compression}_bytes"] / 10
    assert record["gzip_bytes"] != record["zstd_bytes"]
    # Exact, so a second look tells the same; and the image that the engine holds is the built one.
    assert json.loads(checkout.invoke(*words).stdout) == record
    assert docker("image", "inspect", "--format", "{{.Id}}", built["tags"][0]) == built["manifest_digest"]
    assert not list(checkout.work.glob("updates-*"))


def test_an_update_that_edits_nothing_is_refused_with_the_nearest_name(checkout: Checkout) -> None:
    checkout.build()
    for word in ("edit-entrypont", "no-op"):
        done = checkout.invoke("updates", "--variant", "tiny", "--edit", word)
        assert done.returncode == 2
        assert "edit-" in done.stderr


def test_the_report_of_a_tiny_image_is_rendered_from_its_records_and_verifies(checkout: Checkout) -> None:
    checkout.build()
    done = checkout.invoke("benchmark", "--variant", "tiny")
    assert done.returncode == 0, done.stderr
    done = checkout.invoke("report", "--variant", "tiny")
    assert done.returncode == 0, done.stderr
    report = Path(done.stdout.strip().splitlines()[-1].removeprefix("report: "))
    assert "not scanned" in report.read_text()
    done = checkout.invoke("verify-report", "--json")
    assert done.returncode == 0, done.stderr
    outcomes = {c["what"]: c["outcome"] for c in json.loads(done.stdout)["reports"][0]["checks"]}
    for what in ("files", "rendering", "revision", "one on tiny: inputs", "one on tiny: blobs, layers"):
        assert outcomes[what] == "verified", what
    report.write_text("edited\n")
    assert checkout.invoke("verify-report").returncode == DriftError.exit_code


def test_the_printed_bake_file_is_one_that_buildx_accepts(checkout: Checkout, tmp_path: Path) -> None:
    done = checkout.invoke("plan", "--variant", "tiny", "--json")
    assert done.returncode == 0, done.stderr
    bake = tmp_path / "bake.json"
    bake.write_text(json.dumps(json.loads(done.stdout)["bake"]))
    printed = json.loads(docker("buildx", "bake", "--print", "--file", str(bake)))
    (target,) = printed["target"].values()
    assert target["target"] == "one"
    assert target["args"]["BASE_FAMILY"] == "tiny"

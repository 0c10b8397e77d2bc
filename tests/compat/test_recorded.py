"""Verdicts from real answers of uv, recorded."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from baseimages.compat import list_questions
from baseimages.compat.answer import ask_uv
from baseimages.compat.combination import list_combinations
from baseimages.compat.question import INDEXES, Question, uv_environment
from baseimages.compat.record import Verdict
from baseimages.declare import Family, Image, load_family
from baseimages.errors import CompatibilityError, DeadlineError, DeclarationError, RecordError, UsageError
from tests.compat.conftest import Checkout, recorded
from tests.conftest import ROOT, FakeRunner

UV = (sys.executable, "-m", "uv", "pip", "compile")
CUDA = """
pythons = ["3.13"]
tensorrt = ["none", "10.14.1.48.post1"]
[images.one.cuda."12.8"]
driver_min = "570.26"
compute_capabilities = ["7.5"]
"""
KNOWN = """
[[trios]]
torch = "2.9.1"
torchvision = "0.24.1"
torchaudio = "2.9.1"
[cuda.12]
driver_min = "525"
compute_capability_min = "5.0"
onnxruntime_gpu = "<1.27"
[tensorrt."10.14.1.48.post1"]
cuda_major = "12"
wheels = { tensorrt-cu12-libs = "nvidia" }
"""


NO_SOLUTION = "error: No solution found when resolving dependencies\n  cause: Because a was not found"


def question(folder: Path) -> Question:
    return Question(
        folder=folder, asked=("numpy",), locks=(), python="3.13",
        platform="x86_64-manylinux_2_39", index=INDEXES.pypi,
    )  # fmt: skip


@pytest.fixture
def cuda(checkout: Checkout, runner: FakeRunner) -> Checkout:
    """An image with a CUDA line, whose locks hold what uv resolved, and two answers of uv."""
    checkout.declare(CUDA, KNOWN)
    checkout.ask_for("torch", part="cuda-12.8")
    checkout.lock_answer("cuda", part="cuda-12.8")
    (checkout.folder / "requirements-tensorrt.txt").write_text("")
    runner.script(*UV, stdout=recorded("cuda", "toml"))
    runner.script(*UV, "-", stderr=recorded("unreachable", "txt"), returncode=2)
    return checkout


def test_a_combination_whose_locked_wheels_are_all_there_resolves(cuda: Checkout, runner: FakeRunner) -> None:
    row = cuda.judge(runner).rows[0]
    assert (row.verdict, row.findings, row.is_default) == (Verdict.RESOLVES, (), True)
    assert row.size is not None
    sizes = [int(size) for size in re.findall(r"size = (\d+)", recorded("cuda", "toml"))]
    assert (row.size.wheels, row.size.size_bytes) == (len(sizes), sum(sizes))
    assert row.size.without_size == 0


def test_where_an_index_is_silent_the_row_says_so_and_is_not_counted_as_resolved(
    cuda: Checkout, runner: FakeRunner
) -> None:
    row = cuda.judge(runner).rows[1]
    assert row.verdict is Verdict.NOT_CHECKED
    assert "https://pypi.nvidia.com was not reachable" in row.reason
    assert row.size is None


def test_combinations_share_their_questions(cuda: Checkout, runner: FakeRunner) -> None:
    report = cuda.judge(runner)
    assert len(report.rows) == 2
    assert len(runner.calls) == len(report.questions) == 2


def test_a_row_gets_the_same_bytes_from_the_same_answers(cuda: Checkout, runner: FakeRunner) -> None:
    assert cuda.judge(runner) == cuda.judge(FakeRunner(_answers=runner._answers))


def test_uv_installs_downloads_and_builds_nothing(cuda: Checkout, runner: FakeRunner) -> None:
    cuda.judge(runner)
    for call in runner.calls:
        assert call[:5] == UV
        assert {"--no-config", "--no-python-downloads"} <= set(call)
        assert "--index" not in call
        assert call[call.index("--only-binary") + 1] == ":all:"


def test_a_tensorrt_of_which_nothing_is_known_is_refused(cuda: Checkout) -> None:
    cuda.declare(CUDA, KNOWN.partition("[tensorrt")[0])
    with pytest.raises(DeclarationError, match=r"TensorRT 10\.14.*knows nothing"):
        list_questions(cuda.root, load_family(cuda.root / "images.toml"))


def test_a_tensorrt_of_another_cuda_is_a_finding(cuda: Checkout, runner: FakeRunner) -> None:
    cuda.declare(CUDA, KNOWN.replace('cuda_major = "12"', 'cuda_major = "13"'))
    row = cuda.judge(runner).rows[1]
    assert row.verdict is Verdict.BROKEN
    assert [finding.code for finding in row.findings] == ["CM109"]


def test_the_torchaudio_that_a_resolver_picks_by_itself_stops_the_run(
    cuda: Checkout, runner: FakeRunner
) -> None:
    cuda.lock_answer("torchaudio-trap", part="cuda-12.8")
    runner.script(*UV, stdout=recorded("torchaudio-trap", "toml"))
    with pytest.raises(CompatibilityError, match=r"CM101 .*torch 2\.9\.1.*torchaudio 2\.11\.0") as caught:
        cuda.judge(runner)
    assert "torchaudio==2.9.1" in caught.value.next_step


@pytest.mark.parametrize(
    ("name", "package", "version"),
    [
        ("no-abi", "numpy", "1.26.4"),
        ("no-platform", "openvino", "2026.4.1"),
        ("no-wheel", "tensorrt-cu12", "10.14.1.48.post1"),
        ("no-version", "torch", "2.9.9"),
    ],
)
def test_a_refusal_for_want_of_a_wheel_names_it(
    name: str, package: str, version: str, tmp_path: Path, runner: FakeRunner
) -> None:
    runner.script(*UV, stderr=recorded(name, "txt"), returncode=1)
    missing = ask_uv(question(tmp_path), runner, {}).missing
    assert missing is not None
    assert (missing.package, missing.version) == (package, version)


def test_the_nearest_version_with_a_wheel_is_told(checkout: Checkout, runner: FakeRunner) -> None:
    checkout.ask_for("numpy")
    checkout.lock([("numpy", "1.26.4", "0" * 64)])
    runner.script(*UV, stderr=recorded("no-abi", "txt"), returncode=1)
    below, above = recorded("nearest-below", "txt"), recorded("nearest-above", "toml")

    def answer_above(_: tuple[str, ...]) -> None:
        runner.script(*UV, "-", stdout=above)

    runner.script(*UV, "-", stderr=below, returncode=1, action=answer_above)
    with pytest.raises(CompatibilityError, match=r"CM001 numpy 1\.26\.4 has no wheel") as caught:
        checkout.judge(runner)
    assert caught.value.next_step.startswith("2.1.0 has one and resolves")
    alone = [call[call.index("--resolution") + 1] for call in runner.calls if "--resolution" in call]
    assert alone == ["highest", "lowest"]


def test_versions_that_exclude_each_other_are_told_in_uvs_words(
    checkout: Checkout, runner: FakeRunner
) -> None:
    runner.script(*UV, stderr=recorded("conflict", "txt"), returncode=1)
    with pytest.raises(CompatibilityError, match=r"CM009 .*openvino==2025\.1\.0 depends on numpy.*<2\.3"):
        checkout.judge(runner)


def test_a_yanked_pin_is_told_with_the_reason_of_its_owner(checkout: Checkout, runner: FakeRunner) -> None:
    checkout.lock_answer("yanked")
    runner.script(*UV, stdout=recorded("yanked", "toml"), stderr=recorded("yanked", "txt"))
    with pytest.raises(CompatibilityError, match=r"CM004 attrs 21\.1\.0 is yanked: Installable but not"):
        checkout.judge(runner)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            "error: Failed to fetch: x\n  cause: HTTP status client error (410 Gone) for url (x)",
            "answered 410 Gone",
        ),
        (
            "error: Request failed\n  cause: HTTP status server error (503 Service Unavailable)",
            "answered 503 Service Unavailable",
        ),
        (f"{NO_SOLUTION}\nhint: An index (x) returned a 403 Forbidden error", "answered 403 Forbidden"),
        (
            f"{NO_SOLUTION}\n\nhint: An index URL (x) could not be queried due to a lack of "
            "valid authentication credentials (401 Unauthorized)",
            "answered 401 Unauthorized",
        ),
        ("error: Received some unexpected JSON from `x`", "gave nothing that uv can read: Received some"),
    ],
)
def test_only_what_uv_concluded_is_a_verdict(
    told: str, reason: str, tmp_path: Path, runner: FakeRunner
) -> None:
    runner.script(*UV, stderr=told, returncode=2)
    answer = ask_uv(question(tmp_path), runner, {})
    assert answer.refusal == ""
    assert answer.silence.startswith(f"the package index {reason}")


def test_a_warning_about_another_download_is_no_silence(tmp_path: Path, runner: FakeRunner) -> None:
    warning = "warning: no Python\n  cause: client error (Connect)\n"
    runner.script(*UV, stderr=warning + recorded("no-version", "txt"), returncode=1)
    assert ask_uv(question(tmp_path), runner, {}).missing is not None


def test_an_index_that_failed_once_is_asked_for_the_next_package(
    checkout: Checkout, runner: FakeRunner
) -> None:
    checkout.declare('pythons = ["3.13", "3.12"]\n')
    runner.script(*UV, stderr="error: x\n  cause: HTTP status server error (503 x)", returncode=2)
    checkout.judge(runner)
    assert len(runner.calls) == 2


def test_a_program_that_does_not_end_is_an_index_that_does_not_answer(
    checkout: Checkout, runner: FakeRunner
) -> None:
    runner.script(*UV, error=DeadlineError("uv did not end", next_step=""))
    row = checkout.judge(runner).rows[0]
    assert row.verdict is Verdict.NOT_CHECKED
    assert "no answer within" in row.reason


@pytest.mark.parametrize("text", ["not TOML [", "packages = 3", "[[packages]]\nname = 'a'\n"])
def test_an_answer_of_another_form_is_refused(text: str, tmp_path: Path, runner: FakeRunner) -> None:
    runner.script(*UV, stdout=text)
    with pytest.raises(RecordError, match="no pylock"):
        ask_uv(question(tmp_path), runner, {})


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("manylinux_2_17_x86_64.manylinux2014", "manylinux_2_41", "CM003"),
        ("cp313-cp313", "cp312-cp312", "CM002"),
        ("x86_64", "aarch64", "CM002"),
        ("numpy-2.1.0-cp313", "numpy", "CM002"),
    ],
)
def test_a_wheel_for_a_newer_c_library_or_another_python_or_machine_does_not_fit(
    old: str, new: str, code: str, checkout: Checkout, runner: FakeRunner
) -> None:
    text = recorded("nearest-above", "toml")
    assert old in text
    runner.script(*UV, stdout=text.replace(old, new))
    with pytest.raises(CompatibilityError, match=f"{code} .*numpy-?"):
        checkout.judge(runner)


def test_no_setting_of_the_machine_chooses_an_index() -> None:
    env = uv_environment(
        {
            "PATH": "/bin",
            "UV_CACHE_DIR": "/c",
            "UV_INDEX": "x",
            "UV_EXTRA_INDEX_URL": "x",
            "UV_DEFAULT_INDEX": "x",
            "UV_INDEX_URL": "x",
            "UV_FIND_LINKS": "x",
        }
    )
    assert {"PATH", "UV_CACHE_DIR"} <= env.keys()
    assert not {"UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"} & env.keys()
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & env.keys()
    assert float(env["UV_HTTP_CONNECT_TIMEOUT"]) * (1 + int(env["UV_HTTP_RETRIES"])) <= 20


def test_torch_apart_is_asked_of_its_own_index_and_not_where_the_archive_has_it() -> None:
    questions = list_questions(ROOT, load_family(ROOT / "images.toml"), variant="cpu")
    torch = [q for q in questions if q.sources == ("requirements-torch.in",)]
    assert {q.index.name for q in torch} == {"torch"}
    assert all(q.argv[q.argv.index("--default-index") + 1] == q.index.url for q in torch)
    assert {q.platform for q in torch} == {"x86_64-manylinux_2_39"}
    assert all("--excludes" in q.words for q in questions if "requirements.in" in q.sources)


def test_a_missing_lock_is_refused_before_anything_is_asked(checkout: Checkout, runner: FakeRunner) -> None:
    (checkout.folder / "requirements-tiny.txt").unlink()
    with pytest.raises(DeclarationError, match=r"requirements-tiny\.txt is missing"):
        checkout.judge(runner)
    assert runner.calls == []


def test_an_unknown_variant_is_refused_with_the_nearest(checkout: Checkout, runner: FakeRunner) -> None:
    with pytest.raises(UsageError, match="did you mean one"):
        checkout.judge(runner, variant="onne")


def test_another_variant_is_left_out(checkout: Checkout, runner: FakeRunner) -> None:
    family = load_family(checkout.root / "images.toml")
    second = Image.model_validate(family.image("one").model_dump() | {"name": "image_two"})
    both = Family(bases=family.bases, images={"one": family.image("one"), "two": second})
    assert {c.variant for c in list_combinations(both)} == {"one", "two"}
    assert {q.folder.name for q in list_questions(checkout.root, both, variant="one")} == {"image_one"}

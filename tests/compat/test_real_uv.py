"""The real uv against an index on the loopback: what goes wrong with wheels, and what is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from baseimages.command import ProcessRunner
from baseimages.compat import CompatibilityReport, Indexes, answer
from baseimages.compat.question import Index
from baseimages.compat.record import Row, Verdict
from baseimages.errors import CompatibilityError
from tests.compat.conftest import Checkout
from tests.compat.stub_index import StubIndex, StubWheel, serve

pytestmark = pytest.mark.process
TRIO = """
[[trios]]
torch = "2.9.1"
torchvision = "0.24.1"
torchaudio = "2.9.1"
"""
A = StubWheel(name="a", version="1.0", needs=("b",), tag="cp313-cp313-manylinux_2_28_x86_64")
B = StubWheel(name="b", version="2.0")


def at(url: str) -> Indexes:
    """All indexes of the family at one address."""
    index = Index(name="stub", url=url, files=(url.removesuffix("simple") + "files/",))
    return Indexes(pypi=index, torch=index, nvidia=index)


def pin(*wheels: StubWheel) -> list[tuple[str, str, str]]:
    return [(wheel.name, wheel.version, wheel.sha256) for wheel in wheels]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a person, with a cache of its own."""
    return {**os.environ, "UV_CACHE_DIR": str(tmp_path_factory.mktemp("uv-cache"))}


def judge(checkout: Checkout, index: StubIndex | str, environ: dict[str, str]) -> CompatibilityReport:
    url = index if isinstance(index, str) else index.url
    return checkout.judge(ProcessRunner(), indexes=at(url), environ=environ)


def refusal(checkout: Checkout, index: StubIndex, environ: dict[str, str]) -> CompatibilityError:
    with pytest.raises(CompatibilityError) as caught:
        judge(checkout, index, environ)
    return caught.value


@pytest.fixture
def locked(checkout: Checkout) -> Checkout:
    """The image asks for a, which needs b; both are locked."""
    checkout.lock(pin(A, B))
    return checkout


def test_what_is_locked_and_there_resolves_and_no_wheel_is_fetched(
    locked: Checkout, environ: dict[str, str]
) -> None:
    with serve(A, B) as index:
        (row,) = judge(locked, index, environ).rows
    assert row.verdict is Verdict.RESOLVES
    assert row.size is not None
    assert (row.size.wheels, row.size.size_bytes) == (2, 2000)
    assert index.asked
    assert [path for path in index.asked if path.endswith(".whl")] == []


def test_a_newer_version_on_the_index_changes_nothing(locked: Checkout, environ: dict[str, str]) -> None:
    with serve(A, B, StubWheel(name="b", version="3.0")) as index:
        (row,) = judge(locked, index, environ).rows
    assert row.verdict is Verdict.RESOLVES


@pytest.mark.parametrize(
    ("others", "nearest"),
    [(("0.8", "0.9", "1.1", "1.2"), "0.9"), (("1.1", "1.2"), "1.1"), ((), None)],
)
def test_a_missing_wheel_is_told_with_the_nearest_version_that_has_one(
    others: tuple[str, ...], nearest: str | None, checkout: Checkout, environ: dict[str, str]
) -> None:
    old = StubWheel(name="a", version="1.0", tag="cp312-cp312-manylinux_2_28_x86_64")
    checkout.lock(pin(old))
    with serve(old, *(StubWheel(name="a", version=version) for version in others)) as index:
        error = refusal(checkout, index, environ)
    assert "CM001 a 1.0 has no wheel for Python 3.13 on tiny" in error.message
    assert error.next_step.startswith(f"{nearest} has one" if nearest else "no other version has one")


def test_a_nearest_version_that_the_rest_excludes_is_told_so(
    checkout: Checkout, environ: dict[str, str]
) -> None:
    old = StubWheel(name="b", version="2.0", tag="cp312-cp312-manylinux_2_28_x86_64")
    needy = StubWheel(name="a", version="1.0", needs=("b>=2",))
    checkout.ask_for("a", "b==2.0")
    checkout.lock(pin(needy, old))
    with serve(needy, old, StubWheel(name="b", version="1.0")) as index:
        assert refusal(checkout, index, environ).next_step.startswith("1.0 has one, and does not resolve")


def test_what_only_the_first_python_needs_is_no_fault_of_another(
    checkout: Checkout, environ: dict[str, str]
) -> None:
    needy = StubWheel(name="a", version="1.0", needs=("b; python_version > '3.12'",))
    checkout.declare('pythons = ["3.13", "3.12"]\n')
    checkout.lock(pin(needy, B))
    with serve(needy, B) as index:
        rows = judge(checkout, index, environ).rows
    assert [row.verdict for row in rows] == [Verdict.RESOLVES, Verdict.RESOLVES]


def test_a_wheel_for_a_newer_c_library_is_a_missing_one(checkout: Checkout, environ: dict[str, str]) -> None:
    new = StubWheel(name="a", version="1.0", tag="cp313-cp313-manylinux_2_40_x86_64")
    checkout.lock(pin(new))
    with serve(new) as index:
        assert "CM001 a 1.0" in refusal(checkout, index, environ).message


def test_what_is_missing_for_another_python_is_a_finding_and_stops_nothing(
    locked: Checkout, environ: dict[str, str]
) -> None:
    locked.declare('pythons = ["3.13", "3.12"]\n')
    with serve(A, B) as index:
        first, second = judge(locked, index, environ).rows
    assert (first.verdict, second.verdict) == (Verdict.RESOLVES, Verdict.BROKEN)
    assert [finding.code for finding in second.findings] == ["CM001"]


def test_a_yanked_pin_is_told(locked: Checkout, environ: dict[str, str]) -> None:
    with serve(A, StubWheel(name="b", version="2.0", yanked="leaks")) as index:
        assert "CM004 b 2.0 is yanked: leaks" in refusal(locked, index, environ).message


def test_a_file_whose_hash_the_lock_lacks_is_told(checkout: Checkout, environ: dict[str, str]) -> None:
    checkout.lock([*pin(A), ("b", "2.0", "0" * 64)])
    with serve(A, B) as index:
        assert (
            "CM005 the lock has no hash of b-2.0-py3-none-any.whl"
            in refusal(checkout, index, environ).message
        )


def test_what_the_lock_lacks_and_what_nothing_asks_for_is_told(
    checkout: Checkout, environ: dict[str, str]
) -> None:
    unused = StubWheel(name="c", version="1")
    checkout.lock(pin(A, unused))
    with serve(A, B, unused) as index:
        message = refusal(checkout, index, environ).message
    assert "CM007 b 2.0 is needed" in message
    assert "CM008 c 1 is in requirements.txt" in message


@pytest.mark.parametrize("name", ["UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_a_higher_version_on_an_index_of_the_user_is_not_taken(
    name: str, locked: Checkout, environ: dict[str, str]
) -> None:
    shadow = StubWheel(name="b", version="9.0")
    with serve(A, B) as index, serve(shadow) as other:
        (row,) = judge(locked, index, environ | {name: other.url}).rows
    assert row.verdict is Verdict.RESOLVES
    assert other.asked == []


def test_files_that_lie_elsewhere_than_the_index_says_are_told(
    locked: Checkout, environ: dict[str, str]
) -> None:
    with serve(A, B) as index:
        elsewhere = Index(name="stub", url=index.url, files=("https://files.example.org/",))
        indexes = Indexes(pypi=elsewhere, torch=elsewhere, nvidia=elsewhere)
        with pytest.raises(CompatibilityError, match=r"CM006 a-1\.0-cp313"):
            locked.judge(ProcessRunner(), indexes=indexes, environ=environ)


def test_a_torchaudio_that_names_no_torch_is_found_though_everything_resolves(
    checkout: Checkout, environ: dict[str, str]
) -> None:
    wheels = (
        StubWheel(name="torch", version="2.9.1"),
        StubWheel(name="torchvision", version="0.24.1", needs=("torch==2.9.1",)),
        StubWheel(name="torchaudio", version="2.11.0"),
        StubWheel(name="onnxruntime", version="1.31.1"),
    )
    checkout.declare(knowledge=TRIO)
    checkout.ask_for("torch==2.9.1", "torchvision", "torchaudio", "onnxruntime")
    checkout.lock(pin(*wheels))
    with serve(*wheels, StubWheel(name="torchaudio", version="2.9.1", needs=("torch==2.9.1",))) as index:
        error = refusal(checkout, index, environ)
    assert "CM101" in error.message
    assert "torchaudio 2.11.0" in error.message
    assert "torchaudio==2.9.1" in error.next_step


def test_two_onnx_runtimes_are_found_though_everything_resolves(
    checkout: Checkout, environ: dict[str, str]
) -> None:
    wheels = tuple(StubWheel(name=name, version="1.0") for name in ("onnxruntime", "onnxruntime-openvino"))
    checkout.ask_for("onnxruntime", "onnxruntime-openvino")
    checkout.lock(pin(*wheels))
    with serve(*wheels) as index:
        assert "CM104 onnxruntime and onnxruntime-openvino" in refusal(checkout, index, environ).message


@pytest.fixture
def silent() -> Iterator[str]:
    """An index that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def not_checked(row: Row, url: str) -> bool:
    return row.verdict is Verdict.NOT_CHECKED and row.reason.startswith(f"not known: {url}")


def test_an_index_that_refuses_is_not_checked_and_asked_once(
    locked: Checkout, environ: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
    locked.declare('pythons = ["3.13", "3.12"]\n')
    rows = judge(locked, url, environ).rows
    assert [not_checked(row, url) for row in rows] == [True, True]


def test_an_index_that_says_nothing_is_given_up(
    locked: Checkout, environ: dict[str, str], silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "DEADLINE_S", 1.0)
    (row,) = judge(locked, silent, environ).rows
    assert not_checked(row, silent)
    assert "no answer within 1 s" in row.reason

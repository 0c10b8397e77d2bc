"""Every byte has one owner: the package that claims it, a rule, or nobody by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from baseimages.inspect import LayerIndex, index_layers, open_layout
from baseimages.inspect import owners as owners_module
from baseimages.inspect.claims import find_claimant, is_list, read_claims
from baseimages.inspect.owners import owner_of
from tests.inspect.test_layout import make_layout

QUIET = Console(quiet=True)
SITE = "opt/python/lib/python3.13/site-packages"


@pytest.fixture(autouse=True)
def _list_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners_module, "LISTED_BYTES", 1)


def owned(root: Path, *layers: dict[str, bytes]) -> dict[tuple[str, str, str], int]:
    index = index_layers(open_layout(make_layout(root, layers)), QUIET)
    check_sums(index)
    return {(row.owner, row.kind, row.name): row.size_bytes for row in index.owned}


def check_sums(index: LayerIndex) -> None:
    for layer in index.layers:
        assert sum(layer.owners.values()) == layer.file_bytes
    assert sum(index.owners.values()) == sum(layer.file_bytes for layer in index.layers)
    by_owner = dict.fromkeys(index.owners, 0)
    for row in index.owned:
        by_owner[row.owner] += row.size_bytes
    assert by_owner == index.owners


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (f"{SITE}/torch/lib/libtorch_cpu.so", "torch"),
        ("usr/lib/x86_64-linux-gnu/libtorch_cpu.so.2.6", "torch"),
        (f"{SITE}/pip/__init__.py", "pip and uv"),
        ("usr/local/bin/uv", "pip and uv"),
        (f"{SITE}/transformers/__init__.py", "wheels"),
        ("usr/local/lib/python3.13/dist-packages/web3/main.py", "wheels"),
        ("opt/python/lib/libpython3.13.so.1.0", "python"),
        ("usr/lib/python3.13/ssl.py", "python"),
        ("usr/local/lib/libavcodec.so.61", "ffmpeg"),
        ("usr/local/bin/node", "node"),
        ("usr/bin/containerd-shim-runc-v2", "engine"),
        ("usr/local/bin/entrypoint.sh", "ours"),
        ("usr/bin/git", "system packages"),
        # where the legacy recipe has them
        ("usr/lib/python3/dist-packages/torch/_C.so", "torch"),
        ("usr/lib/python3/dist-packages/numpy/__init__.py", "system packages"),
        ("opt/python/bin/uv", "pip and uv"),
        ("usr/local/lib/libSvtAv1Enc.so.2", "ffmpeg"),
        ("usr/local/include/libavutil/avutil.h", "ffmpeg"),
        ("usr/lib/node_modules/npm/index.js", "node"),
        ("usr/include/node/node.h", "node"),
    ],
)
def test_a_path_has_its_owner(path: str, owner: str) -> None:
    assert owner_of(path, "RUN apt-get", is_base=False) == owner


def test_a_step_that_installs_the_engine_alone_is_the_engines() -> None:
    alone, all_in_one = "RUN apt-get install docker.io", "RUN apt-get install mosquitto docker.io"
    assert owner_of("usr/share/x", alone, is_base=False) == "engine"
    assert owner_of("usr/share/x", all_in_one, is_base=False) == "system packages"


def test_everything_in_the_lowest_layer_belongs_to_the_base() -> None:
    assert owner_of("usr/bin/git", "", is_base=True) == "base"


def test_a_package_owns_what_its_list_names_also_where_the_folder_moved_into_usr(tmp_path: Path) -> None:
    found = owned(
        tmp_path,
        {
            "var/lib/dpkg/info/libc6:amd64.list": b"/.\n/lib\n/lib/ld.so\n/usr/bin/ldd\n",
            "usr/lib/ld.so": b"1" * 100,
            "usr/bin/ldd": b"1" * 10,
            "etc/passwd": b"1" * 7,
            "top": b"1",
        },
        {"usr/bin/ldd": b"2" * 20, "var/lib/dpkg/info/libc6:amd64.postinst": b"1" * 3},
    )
    assert found == {
        ("base", "dpkg", "libc6"): 110 + len(b"/.\n/lib\n/lib/ld.so\n/usr/bin/ldd\n"),
        ("base", "base", "etc"): 7,
        ("base", "base", ""): 1,
        ("system packages", "dpkg", "libc6"): 23,
    }


def test_a_distribution_owns_what_its_record_names_and_what_python_compiled_of_it(tmp_path: Path) -> None:
    record = b'a_b/__init__.py,sha256=x,1\n../../../bin/a-b,,\n"a_b/odd,name.py",,\n\n/usr/share/a.txt,,\n'
    found = owned(
        tmp_path,
        {"base": b""},
        {
            f"{SITE}/A_b.c-1.0.dist-info/RECORD": record,
            f"{SITE}/a_b/__init__.py": b"1",
            f"{SITE}/a_b/odd,name.py": b"12",
            f"{SITE}/a_b/__pycache__/__init__.cpython-313.pyc": b"123",
            f"{SITE}/a_b/__pycache__/__init__.cpython-313.opt-1.pyc": b"1234",
            f"{SITE}/a_b/__pycache__/other.cpython-313.pyc": b"12345",
            "opt/python/bin/a-b": b"1" * 10,
            "usr/share/a.txt": b"1" * 20,
        },
    )
    assert found == {
        ("wheels", "python", "a-b-c"): 10,
        ("python", "python", "a-b-c"): 10,
        ("system packages", "python", "a-b-c"): 20,
        ("wheels", "rule", "wheels"): 5 + len(record),
    }


def test_a_lifted_package_owns_what_its_sums_name(tmp_path: Path) -> None:
    sums = b"0123456789abcdef0123456789abcdef  usr/lib/two  blanks\n"
    place = "var/lib/dpkg/status.d"
    layer = {f"{place}/gcc-14.md5sums": sums, f"{place}/gcc-14": b"12", "usr/lib/two  blanks": b"1"}
    found = owned(tmp_path, {"base": b""}, layer)
    assert found == {("system packages", "dpkg", "gcc-14"): 3 + len(sums)}


def test_of_two_claims_the_upper_layers_counts(tmp_path: Path) -> None:
    info = "var/lib/dpkg/info"
    found = owned(
        tmp_path,
        {f"{info}/a.list": b"/usr/x\n", "usr/x": b"123"},
        {f"{info}/b.list": b"/usr/x\n"},
    )
    assert found["base", "dpkg", "b"] == 3


def test_node_modules_are_told_by_package_and_the_rest_by_folder(tmp_path: Path) -> None:
    modules = "usr/local/lib/node_modules"
    layer = {
        f"{modules}/npm/a.js": b"1",
        f"{modules}/@scope/b/c.js": b"12",
        "usr/local/bin/ngrok": b"123",
        "srv/deep/er/file": b"1234",
    }
    assert owned(tmp_path, {"base": b""}, layer) == {
        ("node", "npm", "npm"): 1,
        ("node", "npm", "@scope/b"): 2,
        ("ngrok", "rule", "ngrok"): 3,
        ("system packages", "unowned", "srv/deep"): 4,
    }


def test_what_is_light_is_summed_by_owner_and_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners_module, "LISTED_BYTES", 10)
    layer = {"a/a/x": b"1" * 10, "b/b/x": b"12", "c/c/x": b"123"}
    index = index_layers(open_layout(make_layout(tmp_path, [{"base": b""}, layer])), QUIET)
    check_sums(index)
    assert [(row.name, row.files, row.size_bytes) for row in index.owned] == [
        ("a/a", 1, 10),
        ("", 2, 5),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "var/lib/dpkg/info/a.md5sums",
        "usr/share/a.list",
        "x-1.dist-info/RECORD",
        "srv/RECORD",
        "a.md5sums",
        f"{SITE}/setuptools/_vendor/x-1.dist-info/RECORD",
    ],
)
def test_what_only_resembles_a_list_claims_nothing(path: str) -> None:
    assert not is_list(path)
    assert list(read_claims(path, b"/usr/bin/a\n")) == []


def test_a_claim_cannot_leave_the_image() -> None:
    record = f"{SITE}/evil-1.dist-info/RECORD"
    assert {claim.path for claim in read_claims(record, b"../../../../../../../../etc/passwd,,\n/x,,\n")} == {
        "etc/passwd",
        "x",
    }
    assert find_claimant("etc/shadow", {"etc/passwd": ("python", "evil")}) is None

"""What a lifted torch takes along, read in trees of machines that this one cannot run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.image.conftest import load_script
from tests.inspect.elves import Symlink, make_elf

LIBRARIES = "/usr/lib/aarch64-linux-gnu"
PYTHON = "/usr/lib/python3/dist-packages"
Lift = Callable[[Mapping[str, "bytes | Symlink"]], Any]


@pytest.fixture(name="lift")
def load_lift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lift:
    """lift_packages.py for an arm64 tree with these files; its dpkg answers with the architecture."""
    monkeypatch.syspath_prepend(ROOT / "scripts" / "ml")
    module = load_script("ml/lift_packages")

    def lift(files: Mapping[str, bytes | Symlink]) -> Any:
        for name, content in files.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Symlink):
                path.symlink_to(content.target)
            else:
                path.write_bytes(content)
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "ask_packages", lambda *_: "arm64")
        return module

    return lift


def needed(module: Any, *roots: str) -> set[str]:
    return {str(path) for path in module.list_needed({Path(root) for root in roots})}


def test_libraries_are_followed_to_the_last_with_every_step_of_a_link(lift: Lift) -> None:
    module = lift(
        {
            f"{PYTHON}/torch/_C.so": make_elf("libtorch.so.2"),
            f"{LIBRARIES}/libtorch.so.2": Symlink("libtorch.so.2.6"),
            f"{LIBRARIES}/libtorch.so.2.6": make_elf("libgloo.so.0"),
            "/usr/lib/libgloo.so.0": make_elf("libtorch.so.2"),
            f"{LIBRARIES}/libother.so": make_elf(),
        }
    )
    assert needed(module, f"{PYTHON}/torch/_C.so") == {
        f"{PYTHON}/torch/_C.so",
        f"{LIBRARIES}/libtorch.so.2",
        f"{LIBRARIES}/libtorch.so.2.6",
        "/usr/lib/libgloo.so.0",
    }


def test_an_alternative_is_followed_inside_the_tree_and_not_on_this_machine(lift: Lift) -> None:
    blas, chosen = f"{LIBRARIES}/libblas.so.3", f"{LIBRARIES}/openblas-pthread/libblas.so.3"
    name = "/etc/alternatives/libblas.so.3-aarch64-linux-gnu"
    module = lift(
        {
            "/a.so": make_elf("libblas.so.3"),
            blas: Symlink(name),
            name: Symlink(chosen),
            chosen: make_elf(),
        }
    )
    assert needed(module, "/a.so") == {"/a.so", blas, name, chosen}
    assert [module.is_alternative(Path(path)) for path in (blas, name, chosen)] == [True, True, False]


def test_origin_is_where_a_library_was_opened_and_not_where_its_link_ends(lift: Lift) -> None:
    """As OpenBLAS is packed: its parts look for each other beside the link that opened them."""
    behind = f"{LIBRARIES}/openblas-pthread"
    files = {
        "/a.so": make_elf("libblas.so.3"),
        f"{LIBRARIES}/libblas.so.3": Symlink("openblas-pthread/libblas.so.3"),
        f"{behind}/libblas.so.3": make_elf("libopenblas.so.0", runpath="$ORIGIN"),
        f"{LIBRARIES}/libopenblas.so.0": Symlink("openblas-pthread/libopenblas.so.0"),
        f"{behind}/libopenblas.so.0": make_elf(),
    }
    assert needed(lift(files), "/a.so") == set(files)


@pytest.mark.parametrize("kind", ["rpath", "runpath"])
def test_a_library_is_looked_for_first_where_the_file_itself_says(kind: str, lift: Lift) -> None:
    module = lift(
        {
            "/opt/x/bin/a.so": make_elf("libb.so", **{kind: "/nowhere:$ORIGIN/../lib"}),
            "/opt/x/lib/libb.so": make_elf(),
            f"{LIBRARIES}/libb.so": make_elf(),
        }
    )
    assert needed(module, "/opt/x/bin/a.so") == {"/opt/x/bin/a.so", "/opt/x/lib/libb.so"}


def test_a_library_that_no_package_brings_stops_the_build_and_is_named(lift: Lift) -> None:
    module = lift(
        {"/a.so": make_elf("libgomp.so.1", "libb.so"), f"{LIBRARIES}/libb.so": make_elf("libc.so.6")}
    )
    with pytest.raises(SystemExit, match=r"no package brings libc\.so\.6, libgomp\.so\.1; add"):
        needed(module, "/a.so")


def test_a_library_that_lies_among_the_lifted_ones_need_not_be_found(lift: Lift) -> None:
    files = {
        f"{PYTHON}/torchaudio/_a.so": make_elf("libb.so"),
        f"{PYTHON}/torchaudio/lib/libb.so": make_elf(),
    }
    assert needed(lift(files), *files) == set(files)


def test_what_is_no_program_needs_nothing(lift: Lift) -> None:
    files = {
        "/usr/lib/libm.so": b"INPUT(libm.so.6)",
        "/a.so": b"",
        f"{PYTHON}/torch/test": Symlink("/usr/lib/libtorch-test"),
        "/usr/lib/libtorch-test/a.py": b"",
    }
    assert needed(lift(files), *files) == {*files, "/usr/lib/libtorch-test"}


def test_torch_takes_its_own_files_what_they_load_and_nothing_else(lift: Lift) -> None:
    own = {
        f"{PYTHON}/torch/_C.so": make_elf("libtorch_cpu.so.2", "libc.so.6"),
        f"{PYTHON}/torch/_C.pyi": b"",
        f"{PYTHON}/torchvision/video_reader.so": make_elf("libavcodec.so.61"),
        "/usr/share/doc/python3-torch/README": b"",
    }
    headers = {"/usr/include/aarch64-linux-gnu/sleef.h": b"", f"{LIBRARIES}/pkgconfig/sleef.pc": b""}
    libraries = {
        f"{LIBRARIES}/libtorch_cpu.so.2": make_elf("libonnx.so.1"),
        f"{LIBRARIES}/libtorch_global_deps.so.2": make_elf("libmpi.so.40"),
        f"{LIBRARIES}/libonnx.so.1": make_elf(),
        f"{LIBRARIES}/libmpi.so.40": make_elf(),
        f"{LIBRARIES}/libavcodec.so.61": make_elf(),
    }
    module = lift(own | libraries | headers | {f"{LIBRARIES}/libc.so.6": make_elf()})
    owner = dict.fromkeys(map(Path, own), "python3-torch") | dict.fromkeys(
        map(Path, libraries), "libtorch2.6"
    )
    owner |= dict.fromkeys(map(Path, headers), "libsleef-dev")
    chosen = {str(path) for path in module.choose_torch(owner)}
    del libraries[f"{LIBRARIES}/libavcodec.so.61"]
    assert chosen == {f"{PYTHON}/torch/_C.so", *libraries, "/usr/include/aarch64-linux-gnu/sleef.h"}


def test_the_record_lists_a_link_by_the_bytes_that_it_has_in_the_tree(lift: Lift, tmp_path: Path) -> None:
    library, headers = f"{LIBRARIES}/libtorch.so.2", "/usr/include/torch"
    module = lift(
        {
            library: b"bytes",
            f"{headers}/a.h": b"",
            f"{PYTHON}/torch/lib/libtorch.so": Symlink(f"../../../../aarch64-linux-gnu/{Path(library).name}"),
            f"{PYTHON}/torch/include": Symlink(headers),
        }
    )
    out, folder = tmp_path / "out", module.SITE / "torch"
    (out / module.SITE.relative_to("/") / "torch-2.dist-info").mkdir(parents=True)
    for path in (f"{PYTHON}/torch/lib/libtorch.so", f"{PYTHON}/torch/include"):
        module.copy_file(Path(path), out)
    module.enter_distributions(out)
    record = (out / module.SITE.relative_to("/") / "torch-2.dist-info" / "RECORD").read_text()
    rows = dict(line.split(",", 1) for line in record.splitlines())
    assert (out / folder.relative_to("/") / "lib/libtorch.so").readlink() == Path(library)
    assert rows["torch/lib/libtorch.so"].endswith(",5")
    assert "torch/include" not in rows


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", "x86_64"), ("arm64", "aarch64")])
def test_the_entered_distribution_is_for_the_machine_of_its_packages(
    architecture: str, machine: str, lift: Lift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = lift({})
    monkeypatch.setattr(module, "ask_packages", lambda *_: architecture)
    info = tmp_path / "out" / module.SITE.relative_to("/") / "torch-2.6.0+debian.dist-info"
    info.mkdir(parents=True)
    module.enter_distributions(tmp_path / "out")
    assert f"Tag: cp313-cp313-linux_{machine}\n" in (info / "WHEEL").read_text()

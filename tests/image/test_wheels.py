"""What happens to wheels and packages in a build: layers, pruning, links."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from baseimages.declare import Image, load_dockerfile, load_family
from baseimages.declare.locks import parse_versions
from tests.conftest import ROOT
from tests.image.conftest import load_script

FAMILY = load_family(ROOT / "images.toml")
IMAGES = pytest.mark.parametrize("image", FAMILY.images.values(), ids=FAMILY.images)


@pytest.mark.process
def test_wheels_for_another_python_are_split_where_they_lie(tmp_path: Path) -> None:
    """The builder's Python has a place of its own; SITE names that of the image's."""
    site = tmp_path / "opt/python/lib/python3.10/site-packages"
    add_distribution(site, "onnx", {"onnx/a.py": b"1"})
    (tmp_path / "lock").write_text("onnx==1 \\\n")
    words = [tmp_path / "out", ROOT / "base_edge_node_arm64_tegra" / "wheels.toml", tmp_path / "lock"]
    script = ROOT / "scripts" / "ml" / "split_wheels.py"
    subprocess.run(
        [sys.executable, "-B", script, *words], check=True, timeout=60, env={"SITE": str(site)}
    )  # fmt: skip
    tree = tmp_path / "out" / "inference" / site.relative_to("/")
    assert (tree / "onnx/a.py").read_bytes() == b"1"
    assert not (site / "onnx/a.py").exists()


@pytest.fixture(name="split")
def load_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """split_wheels.py, for distributions installed in a folder of the test."""
    module = load_script("ml/split_wheels")
    monkeypatch.setenv("CUDA", "12.8")
    monkeypatch.setattr(module, "SITE", tmp_path / "site")
    return module


def layout_of(split: Any, image: Image) -> Any:
    return split.Layout.load(ROOT / image.name / "wheels.toml")


def add_distribution(site: Path, name: str, files: dict[str, bytes]) -> None:
    """Install a distribution as an installer would leave it."""
    info = f"{name.replace('-', '_')}-1.dist-info"
    files = files | {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n".encode()}
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    rows = "".join(f"{path},sha256={zlib.crc32(content)},\n" for path, content in files.items())
    rows += f"{info}/RECORD,,\n"
    (site / info / "RECORD").write_text(rows)


@IMAGES
def test_every_distribution_that_has_a_layer_is_locked_somewhere(image: Image) -> None:
    layers = tomllib.loads((ROOT / image.name / "wheels.toml").read_text())["layers"]
    named = [name for names in layers.values() for name in names]
    locks = (ROOT / image.name).glob("requirements*.txt")
    locked = {re.sub(r"-cu\d+$", "", name) for lock in locks for name in parse_versions(lock.read_text())}
    assert sorted(set(named) - locked) == []
    assert len(named) == len(set(named))


@IMAGES
def test_every_layer_is_copied_into_the_image_once_and_no_other(image: Image) -> None:
    layers = tomllib.loads((ROOT / image.name / "wheels.toml").read_text())["layers"]
    stages = load_dockerfile(ROOT / image.dockerfile).stages
    expected = sorted({*layers, "rest"} | ({"cuda-path"} if image.cuda else set()))
    for stage in (stage for stage in stages if stage.name in {image.default_target, image.every_target[-1]}):
        lines = "\n".join(f"{' '.join(i.flags)} {i.text}" for i in stage.instructions if i.keyword == "COPY")
        copied = re.findall(r"^--link --from=(?:wheels|torch|bitsandbytes) /out/([\w-]+)/ /$", lines, re.M)
        assert sorted(copied) == expected, stage.name


def test_both_cuda_lines_use_the_same_layers(split: Any) -> None:
    layout = layout_of(split, FAMILY.image("gpu"))
    assert layout.layer("nvidia-cublas-cu12") == layout.layer("nvidia-cublas") == "cuda-blas"
    assert layout.layer("nvidia-cudnn-cu13") == "cuda-dnn"
    assert layout.layer("attrs") == "rest"


@pytest.mark.parametrize(
    ("name", "path", "cause"),
    [
        ("pandas", "pandas/tests/test_a.py", "tests"),
        ("eth-abi", "docs/index.rst", "documentation"),
        ("torch", "torch/docs/a.py", ""),
        ("torch", "torch/testing/_internal.py", ""),
        ("torch", "torch/include/ATen/ATen.h", ""),
        ("torch", "torch/bin/protoc", "programs of the build"),
        ("triton", "triton/backends/nvidia/include/cuda.h", ""),
        ("triton", "triton/backends/nvidia/lib/cupti/libcupti_static.a", "Triton's static"),
        ("nvidia-cublas-cu12", "nvidia/cublas/include/cublas.h", "headers"),
        ("nvidia-nvshmem-cu12", "nvidia/nvshmem/lib/libnvshmem_device.a", "static libraries"),
        ("nvidia-nvshmem-cu12", "nvidia/nvshmem/lib/libnvshmem_device.bc", ""),
        ("nvidia-cusolver-cu12", "nvidia/cusolver/lib/libcusolverMg.so.11", "libcusolverMg"),
        ("nvidia-cusolver-cu12", "nvidia/cusolver/lib/libcusolver.so.11", ""),
        ("nvidia-cuda-nvrtc-cu12", "nvidia/cuda_nvrtc/lib/libnvrtc.alt.so.12", "NVRTC's alternative"),
        ("nvidia-cuda-nvrtc-cu12", "nvidia/cuda_nvrtc/lib/libnvrtc.so.12", ""),
        ("bitsandbytes", "bitsandbytes/libbitsandbytes_cuda121.so", "bitsandbytes for other"),
        ("bitsandbytes", "bitsandbytes/libbitsandbytes_cuda128.so", ""),
        ("bitsandbytes", "bitsandbytes/libbitsandbytes_cuda130.so", "bitsandbytes for other"),
        ("bitsandbytes", "bitsandbytes/libbitsandbytes_cpu.so", ""),
        ("scikit-image", "skimage/__init__.pyi", ""),
        ("pandas", "pandas/__init__.pyi", "type stubs"),
    ],
)
def test_what_nobody_reads_is_pruned_and_what_is_read_stays(
    split: Any, name: str, path: str, cause: str
) -> None:
    found = layout_of(split, FAMILY.image("gpu")).cause_to_prune(name, split.SITE / path)
    assert found.startswith(cause) if cause else found == ""


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("torch/bin/torch_shm_manager", ""),
        ("torch/bin/test_api", "programs of torch's build and tests"),
        ("torch/bin/protoc-3.13.0.0", "programs of torch's build and tests"),
        ("torch/test/pow_test", "tests"),
        ("torch/lib/libtorchbind_test.so", "libraries that only torch's own tests load"),
        ("torch/lib/libtorch_cpu.so", ""),
        ("torch/lib/libarm_compute.so", ""),
        ("torch/include/ATen/ATen.h", ""),
    ],
)
def test_the_aarch64_wheel_of_torch_ships_without_its_tests(split: Any, path: str, cause: str) -> None:
    layout = split.Layout.load(ROOT / "base_edge_node_arm64_cpu" / "wheels.toml")
    assert layout.cause_to_prune("torch", split.SITE / path) == cause


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("onnxruntime/capi/libonnxruntime.so.1.24.1", "ONNX Runtime a second time"),
        ("onnxruntime/capi/libonnxruntime.so.1", "ONNX Runtime a second time"),
        ("onnxruntime/capi/libonnxruntime_providers_openvino.so", ""),
        ("onnxruntime/capi/libopenvino.so.2025.4.1", ""),
        ("onnxruntime/capi/libopenvino_intel_gpu_plugin.so", "plugins for devices"),
    ],
)
def test_onnx_runtime_ships_once(split: Any, path: str, cause: str) -> None:
    found = layout_of(split, FAMILY.image("cpu")).cause_to_prune("onnxruntime-openvino", split.SITE / path)
    assert found.startswith(cause) if cause else found == ""


@pytest.mark.parametrize(
    ("theirs", "refused"), [({"shared/a.py": b"2"}, True), ({"shared/a.py": b"1", "docs/x": b"2"}, False)]
)
def test_a_file_of_two_wheels_with_other_bytes_stops_the_build(
    theirs: dict[str, bytes], refused: bool, split: Any, tmp_path: Path
) -> None:
    add_distribution(split.SITE, "one", {"shared/a.py": b"1", "docs/x": b"1"})
    add_distribution(split.SITE, "two", theirs)
    (tmp_path / "lock").write_text("one==1\ntwo==1\n")
    layout = layout_of(split, FAMILY.image("gpu"))
    with pytest.raises(SystemExit, match=r"shared/a\.py \(one and two\)") if refused else nullcontext():
        split.main(tmp_path / "out", layout, [tmp_path / "lock"])


@pytest.mark.process
def test_shared_objects_lose_their_symbols_but_for_grafted_ones_and_those_of_cuda(
    split: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = tmp_path / "strip"
    strip.write_text('#!/bin/sh\ntest "$1" = --strip-unneeded && shift\nfor f; do printf 1 > "$f"; done\n')
    strip.chmod(0o755)
    files = {"one/a.so": b"123", "one.libs/b.so.1": b"123", "one/c.sources": b"123"}
    add_distribution(split.SITE, "one", files)
    add_distribution(split.SITE, "nvidia-cublas-cu12", {"blas/d.so": b"123"})
    (tmp_path / "lock").write_text("one==1\nnvidia-cublas-cu12==1\n")
    layout = layout_of(split, FAMILY.image("gpu"))
    monkeypatch.setenv("STRIP", str(strip))
    split.main(tmp_path / "out", layout, [tmp_path / "lock"])
    site = split.SITE.relative_to("/")
    assert (tmp_path / "out/cuda-blas" / site / "blas/d.so").read_bytes() == b"123"
    tree = tmp_path / "out" / "rest" / site
    assert [(tree / name).read_bytes() for name in files] == [b"1", b"123", b"123"]
    assert layout.pruned_bytes["symbols"] == 2
    record = next(tree.glob("*.dist-info/RECORD")).read_text()
    assert re.search(r"^one/a\.so,sha256=.*,1$", record, re.M), "RECORD tells what ships"


def test_symbols_of_no_layer_are_not_kept_silently(split: Any, tmp_path: Path) -> None:
    text = (ROOT / "base_edge_node_amd64_gpu/wheels.toml").read_text()
    (tmp_path / "wheels.toml").write_text(
        text.replace('"cuda-blas", "cuda-comm"', '"cuda-blass", "cuda-comm"', 1)
    )
    with pytest.raises(SystemExit, match="keep_symbols names no layer: cuda-blass"):
        split.Layout.load(tmp_path / "wheels.toml")


def test_metadata_is_parsed_once_for_a_distribution_and_not_for_each_of_its_files(
    split: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_distribution(split.SITE, "one", {f"one/{n}.py": b"1" for n in range(50)})
    (tmp_path / "lock").write_text("one==1\n")
    asked: list[str] = []
    name = split.Distribution.name
    monkeypatch.setattr(
        split.Distribution, "name", property(lambda dist: asked.append("") or name.fget(dist))
    )
    split.main(tmp_path / "out", layout_of(split, FAMILY.image("cpu")), [tmp_path / "lock"])
    assert len(asked) < 10


def test_a_distribution_moves_to_its_layer_with_a_true_record(split: Any, tmp_path: Path) -> None:
    same = b"\x7fELF" * 9
    files = {"onnx/a.py": b"1", "onnx/tests/t.py": b"22", "onnx/l.so": same, "onnx/l.so.1": same}
    add_distribution(split.SITE, "onnx", files)
    (tmp_path / "lock").write_text("onnx==1 \\\n")
    layout = layout_of(split, FAMILY.image("gpu"))
    split.main(tmp_path / "out", layout, [tmp_path / "lock"])
    tree = tmp_path / "out" / "inference" / split.SITE.relative_to("/")
    names = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    info = "onnx-1.dist-info"
    assert names == {"onnx/a.py", "onnx/l.so", "onnx/l.so.1", f"{info}/METADATA", f"{info}/RECORD"}
    assert (tree / "onnx/l.so").is_symlink()
    record = (tree / info / "RECORD").read_text()
    assert {line.partition(",")[0] for line in record.splitlines()} == names
    assert dict(layout.pruned_bytes) == {"tests": 2, "copies in one folder": len(same)}


def test_an_equal_file_of_two_wheels_ships_once_with_the_first_of_them(split: Any, tmp_path: Path) -> None:
    for name in ("onnx", "pandas"):
        add_distribution(split.SITE, name, {"shared/a.py": b"1", f"{name}/b.py": b"2"})
    (tmp_path / "lock").write_text("pandas==1\nonnx==1\n")
    split.main(tmp_path / "out", layout_of(split, FAMILY.image("cpu")), [tmp_path / "lock"])
    out, site = tmp_path / "out", split.SITE.relative_to("/")
    assert [path.relative_to(out).parts[0] for path in out.rglob("shared/a.py")] == ["inference"]
    assert "shared/a.py" in (out / "inference" / site / "onnx-1.dist-info/RECORD").read_text()
    assert "shared/a.py" not in (out / "data" / site / "pandas-1.dist-info/RECORD").read_text()


def test_a_locked_distribution_that_is_not_installed_stops_the_build(split: Any, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("absent==1 \\\n")
    with pytest.raises(SystemExit, match="locked but not installed: absent"):
        split.main(tmp_path / "out", layout_of(split, FAMILY.image("cpu")), [tmp_path / "lock"])


GCC = "/usr/libexec/gcc/x86_64-linux-gnu/14"
C_PROGRAMS = {Path("/usr/bin/gcc"), Path("/usr/bin/x86_64-linux-gnu-gcc-14"), Path(f"{GCC}/cc1")}
CPP_PROGRAMS = {Path("/usr/bin/g++"), Path(f"{GCC}/cc1plus"), Path(f"{GCC}/collect2")}
NOBODY_ASKED = {Path(f"{GCC}/lto1"), Path("/usr/bin/gcc-ar"), Path("/usr/bin/cpp"), Path("/usr/bin/gcov-14")}


def test_the_c_compiler_ships_where_it_is_asked_for_and_nothing_else_comes_along() -> None:
    lift = load_script("ml/lift_packages")
    owner = dict.fromkeys(C_PROGRAMS | CPP_PROGRAMS | NOBODY_ASKED, "gcc-14")
    assert lift.choose_compiler(owner) == CPP_PROGRAMS
    assert lift.choose_compilers(owner) == CPP_PROGRAMS | C_PROGRAMS


def add_library(root: Path, site: Path, name: str) -> None:
    path = root / site.relative_to("/") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_cuda_libraries_are_linked_to_their_places_in_the_image(tmp_path: Path) -> None:
    link = load_script("ml/link_cuda")
    add_library(tmp_path / "a", link.SITE, "nvidia/cublas/lib/libcublas.so.12")
    add_library(tmp_path / "b", link.SITE, "tensorrt_libs/libnvinfer.so.10")
    link.main(tmp_path / "out", [tmp_path / "a", tmp_path / "b"])
    links = {p.name: str(p.readlink()) for p in (tmp_path / "out" / link.PLACE).iterdir()}
    assert links == {
        "libcublas.so.12": f"{link.SITE}/nvidia/cublas/lib/libcublas.so.12",
        "libnvinfer.so.10": f"{link.SITE}/tensorrt_libs/libnvinfer.so.10",
    }


def test_a_second_cuda_stack_stops_the_build(tmp_path: Path) -> None:
    link = load_script("ml/link_cuda")
    add_library(tmp_path, link.SITE, "nvidia/cublas/lib/libcublas.so.12")
    add_library(tmp_path, link.SITE, "nvidia/other/lib/libcublas.so.12")
    with pytest.raises(SystemExit, match=r"libcublas.so.12 is there twice"):
        link.main(tmp_path / "out", [tmp_path])

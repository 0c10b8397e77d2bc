"""Checks of the GPU image: its CUDA stack anywhere, and what computes where there is a GPU."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sysconfig
import tempfile
from collections import defaultdict
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import core_checks
import full_checks
from outcomes import Skipped

SITE = Path(sysconfig.get_path("purelib"))
# The driver brings these when a container gets a GPU.
OF_THE_DRIVER = re.compile(r"libcuda\.so\.1|libnvidia-\S+|libnvcuvid\.so")
# Parts for clusters, loaded where their network cards and launchers are.
OF_A_CLUSTER = re.compile(r"libcufile_rdma\.so\.1|nvshmem_(bootstrap|transport)_\w+\.so\.3")
# A library of NVIDIA's by its file: stem and major version; auditwheel puts a hash between them.
OF_NVIDIA = re.compile(
    r"lib((?:cudart|cublas|cudnn|cufft|cupti|curand|cusolver|cusparse|nccl|nvJitLink|nvjpeg|nvrtc)[a-zA-Z_]*)"
    r"(?:[-.][0-9a-f]{8})?\.so\.(\d+).*"
)
# Triton's profiler brings its own libcupti, which nothing else loads.
PROFILER = SITE / "triton"
GROWTH_MAX_BYTES = 16 * 2**20
HAS_GPU = os.environ.get("BASEIMAGES_GPU") == "present"


def add_checks(suite: Any, own: dict[str, Any], labels: dict[str, str]) -> None:
    """What needs no GPU first, then what does."""
    line = labels["io.baseimages.cuda"]
    suite.check("torch is built for the CUDA line", lambda: check_cuda_of_torch(line))
    suite.check(
        "torch has kernels for the declared GPUs", lambda: check_kernels(own["compute_capabilities"][line])
    )
    suite.check("one CUDA stack, no library twice", check_one_stack)
    suite.check("one ONNX Runtime, and it offers CUDA", check_onnxruntime)
    suite.check("every CUDA library finds what it needs", lambda: check_needs(labels))
    suite.check("an old driver is refused early", lambda: check_requirement(line))
    suite.check("Triton's launcher, which is C, compiles", check_launcher)
    suite.check(
        "bitsandbytes has the library of the CUDA line", lambda: check_bitsandbytes_file(labels, line)
    )
    suite.check("TensorRT library and bindings are of one version", lambda: check_tensorrt(labels))
    for name, function in ON_GPU.items():
        suite.check(name, lambda function=function: on_gpu(function, labels))


def on_gpu(function: Callable[[dict[str, str]], str], labels: dict[str, str]) -> str:
    """Run a check that needs a GPU; where the suite was given none, skip it."""
    if not HAS_GPU:
        raise Skipped("no GPU was handed to the container")
    return function(labels)


def check_cuda_of_torch(line: str) -> str:
    import torch

    core_checks.same(line, torch.version.cuda)
    assert torch.cuda.is_available() == HAS_GPU, f"GPU handed over: {HAS_GPU}; torch says otherwise"
    return f"torch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}"


def check_kernels(declared: list[str]) -> str:
    import torch

    found = set(torch._C._cuda_getArchFlags().split())
    wanted = {f"sm_{capability.replace('.', '')}" for capability in declared}
    assert wanted <= found, f"declared {sorted(wanted)}, torch has {sorted(found)}"
    return " ".join(sorted(found))


def check_one_stack() -> str:
    majors, owners = defaultdict(set), defaultdict(set)
    for path in SITE.rglob("*.so*"):
        if (match := OF_NVIDIA.fullmatch(path.name)) and not path.is_relative_to(PROFILER):
            majors[match[1]].add(match[2])
            owners[match[1]].add(path.relative_to(SITE).parts[0])
    for dist in metadata.distributions():
        if match := re.fullmatch(r"(nvidia-.+?)(-cu(\d+))?", dist.name.lower().replace("_", "-")):
            majors[match[1]].add(match[3] or "")
    doubled = {name: sorted(found) for name, found in majors.items() if len(found) > 1}
    assert not doubled, f"in several versions: {doubled}"
    copies = [f"{stem} of {', '.join(sorted(found))}" for stem, found in owners.items() if len(found) > 1]
    return f"{len(majors)} names; one version, several files: {'; '.join(copies) or 'none'}"


def check_onnxruntime() -> str:
    import onnxruntime

    names = sorted(
        {name for dist in metadata.distributions() if (name := dist.name.lower()).startswith("onnxruntime")}
    )
    core_checks.same(["onnxruntime-gpu"], names)
    assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return str(onnxruntime.__version__)


def check_needs(labels: dict[str, str]) -> str:
    """Ask the loader what each library would not find; the driver's own may be missing."""
    folders = [SITE / "torch/lib", SITE / "onnxruntime/capi", SITE / "nvidia", SITE / "bitsandbytes"]
    files = sorted(path for folder in folders for path in folder.rglob("*.so*") if not path.is_symlink())
    without_tensorrt = labels["io.baseimages.tensorrt"] == "none"
    missing: dict[str, list[str]] = {}
    for path in files:
        if OF_A_CLUSTER.fullmatch(path.name) or (without_tensorrt and "tensorrt" in path.name):
            continue
        done = subprocess.run(["ldd", str(path)], capture_output=True, text=True, timeout=60, check=False)
        names = re.findall(r"(\S+) => not found", done.stdout)
        if lacking := [name for name in names if not OF_THE_DRIVER.fullmatch(name)]:
            missing[path.name] = lacking
    assert not missing, missing
    return f"{len(files)} libraries"


def check_requirement(line: str) -> str:
    core_checks.same(f"cuda>={line}", os.environ.get("NVIDIA_REQUIRE_CUDA"))
    return os.environ["NVIDIA_REQUIRE_CUDA"]


def check_launcher() -> str:
    """Triton compiles it with gcc or clang at the first use of a GPU; the driver's library is not needed."""
    source = SITE / "triton/backends/nvidia/driver.c"
    headers = (source.with_name("include"), sysconfig.get_path("include"))
    with tempfile.TemporaryDirectory() as folder:
        words = ["-shared", "-fPIC", *(f"-I{path}" for path in headers), "-o", f"{folder}/driver.so"]
        core_checks.run("gcc", *words, str(source))
    return core_checks.run("gcc", "-dumpfullversion").strip()


def check_bitsandbytes_file(labels: dict[str, str], line: str) -> str:
    if labels["io.baseimages.bitsandbytes"] == "0":
        raise Skipped("built with WITH_BITSANDBYTES=0")
    name = f"libbitsandbytes_cuda{line.replace('.', '')}.so"
    assert (SITE / "bitsandbytes" / name).exists(), f"{name} is missing"
    return f"bitsandbytes {full_checks.version_of('bitsandbytes')}"


def check_tensorrt(labels: dict[str, str]) -> str:
    declared = labels["io.baseimages.tensorrt"]
    if declared == "none":
        raise Skipped("built with TENSORRT=none")
    import tensorrt

    core_checks.same(declared, tensorrt.__version__)
    found = ask_library(str(next((SITE / "tensorrt_libs").glob("libnvinfer.so.*"))))
    core_checks.same([int(part) for part in declared.split(".")[:3]], found)
    return declared


def ask_library(file: str) -> list[int]:
    """The version that TensorRT's library gives of itself."""
    number = ctypes.CDLL(file).getInferLibVersion()
    return [number // 10000, number // 100 % 100, number % 100]


def check_driver(labels: dict[str, str]) -> str:
    """Ask the driver itself: a runtime that works by descriptions (CDI) heeds no NVIDIA_REQUIRE_CUDA."""
    number = ctypes.c_int()
    core_checks.same(0, ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number)))
    found = (number.value // 1000, number.value % 1000 // 10)
    line = labels["io.baseimages.cuda"]
    assert found >= tuple(int(part) for part in line.split(".")), f"CUDA {found}, the image is for {line}"
    return f"CUDA {found[0]}.{found[1]}"


def check_matmul(_: dict[str, str]) -> str:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    first, other = torch.rand(512, 512), torch.rand(512, 512)
    return worst_difference((first.cuda() @ other.cuda()).cpu(), first @ other, 1e-3)


def check_compiled(_: dict[str, str]) -> str:
    import torch

    model, sample = full_checks.small_model(), torch.randn(8, 16)
    expected = model(sample)
    found = torch.compile(model.cuda())(sample.cuda()).cpu()
    return worst_difference(found, expected, 1e-4)


def check_convolution(_: dict[str, str]) -> str:
    import torch

    torch.backends.cudnn.allow_tf32 = False
    sample, weight = torch.rand(2, 3, 32, 32), torch.rand(8, 3, 3, 3)
    found = torch.nn.functional.conv2d(sample.cuda(), weight.cuda()).cpu()
    told = worst_difference(found, torch.nn.functional.conv2d(sample, weight), 1e-3)
    return f"cuDNN {torch.backends.cudnn.version()}, {told}"


def worst_difference(found: Any, expected: Any, limit: float) -> str:
    worst = float((found - expected).abs().max())
    assert worst < limit, f"largest difference {worst}, allowed {limit}"
    return f"largest difference {worst:.1e}"


def export_model(path: str) -> tuple[Any, Any]:
    """Write the small model as ONNX; gives its input and output on the processor."""
    import torch

    model, sample = full_checks.small_model(), torch.randn(8, 16)
    torch.onnx.export(model, (sample,), path, input_names=["x"], output_names=["y"], dynamo=False)
    return sample, model(sample).detach()


def check_onnxruntime_cuda(_: dict[str, str]) -> str:
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        sample, expected = export_model(path)
        session = onnxruntime.InferenceSession(path, providers=["CUDAExecutionProvider"])
        # It falls back to the processor without an error when CUDA does not load.
        core_checks.same("CUDAExecutionProvider", session.get_providers()[0])
        found = session.run(None, {"x": sample.numpy()})[0]
    return worst_difference(torch.from_numpy(found), expected, 1e-3)


def check_bitsandbytes(labels: dict[str, str]) -> str:
    if labels["io.baseimages.bitsandbytes"] == "0":
        raise Skipped("built with WITH_BITSANDBYTES=0")
    import torch
    from bitsandbytes import functional

    weight = torch.randn(64, 64, device="cuda")
    packed, state = functional.quantize_4bit(weight, quant_type="nf4")
    error = float((functional.dequantize_4bit(packed, state) - weight).abs().mean())
    assert error < 0.2, f"mean error {error} of a 4 bit round trip"
    return f"mean error of a 4 bit round trip {error:.3f}"


def check_flash_attn(labels: dict[str, str]) -> str:
    if labels["io.baseimages.flash-attn"] == "0":
        raise Skipped("built with WITH_FLASH_ATTN=0")
    import torch

    if torch.cuda.get_device_capability() < (8, 0):
        raise Skipped("flash-attn 2 needs compute capability 8.0")
    from flash_attn import flash_attn_func

    query = torch.randn(1, 16, 2, 32, device="cuda", dtype=torch.float16)
    flat = query.transpose(1, 2)
    expected = torch.nn.functional.scaled_dot_product_attention(flat, flat, flat).transpose(1, 2)
    return worst_difference(flash_attn_func(query, query, query).float(), expected.float(), 1e-2)


def run_ffmpeg(*words: str, absent: str) -> None:
    """Run FFmpeg; skip where it says that GPU or driver lack the part (`absent`, a pattern)."""
    argv = ["ffmpeg", "-v", "error", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode and (told := re.search(absent, done.stderr)):
        raise Skipped(f"not offered here: {told[0]}")
    core_checks.same((0, ""), (done.returncode, done.stderr))


def check_encoder(_: dict[str, str]) -> str:
    """GPUs of data centres have no encoders; some drivers are installed without the library."""
    source = ("-f", "lavfi", "-i", "testsrc2=duration=1:size=320x240:rate=10")
    absent = r"Cannot load libnvidia-encode\S+|No capable devices found|unsupported device"
    run_ffmpeg(*source, "-c:v", "h264_nvenc", "-f", "null", "-", absent=absent)
    return "h264_nvenc"


def check_decoder(_: dict[str, str]) -> str:
    source = ("-f", "lavfi", "-i", "testsrc2=duration=1:size=320x240:rate=10")
    with tempfile.TemporaryDirectory() as folder:
        clip = str(Path(folder) / "a.mp4")
        core_checks.run("ffmpeg", "-v", "error", *source, "-c:v", "libx264", "-pix_fmt", "yuv420p", clip)
        absent = r"Cannot load libnvcuvid\S+"
        run_ffmpeg("-c:v", "h264_cuvid", "-i", clip, "-f", "null", "-", absent=absent)
    return "h264_cuvid"


def check_engine_build(labels: dict[str, str]) -> str:
    check_tensorrt(labels)
    import tensorrt

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_model(str(path))
        builder = tensorrt.Builder(tensorrt.Logger(tensorrt.Logger.WARNING))
        network = builder.create_network(0)
        parser = tensorrt.OnnxParser(network, tensorrt.Logger(tensorrt.Logger.WARNING))
        assert parser.parse(path.read_bytes()), parser.get_error(0)
        profile, config = builder.create_optimization_profile(), builder.create_builder_config()
        profile.set_shape("x", (8, 16), (8, 16), (8, 16))
        config.add_optimization_profile(profile)
        plan = builder.build_serialized_network(network, config)
    assert plan is not None, "no engine was built"
    return f"engine of {plan.nbytes} bytes"


def check_memory(_: dict[str, str]) -> str:
    """Use torch, cuDNN and the ONNX Runtime again and again: neither device nor process may grow."""
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        sample, _ = export_model(path)
        session = onnxruntime.InferenceSession(path, providers=["CUDAExecutionProvider"])
    picture = torch.rand(4, 3, 64, 64, device="cuda")
    weight = torch.rand(8, 3, 3, 3, device="cuda")

    def use(rounds: int) -> tuple[int, int]:
        for _ in range(rounds):
            torch.nn.functional.conv2d(picture, weight).sum().item()
            session.run(None, {"x": sample.numpy()})
        free, total = torch.cuda.mem_get_info()
        resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
        return total - free, resident_pages * os.sysconf("SC_PAGE_SIZE")

    before, after = use(50), use(500)
    grown = [later - sooner for sooner, later in zip(before, after, strict=True)]
    assert max(grown) < GROWTH_MAX_BYTES, f"device and process grew by {grown} bytes in 500 rounds"
    return f"device and process grew by {grown} bytes in 500 rounds"


ON_GPU: dict[str, Callable[[dict[str, str]], str]] = {
    "GPU: the driver is new enough for the CUDA line": check_driver,
    "GPU: torch multiplies as on the processor": check_matmul,
    "GPU: a compiled function agrees with the processor": check_compiled,
    "GPU: cuDNN convolves as the processor does": check_convolution,
    "GPU: ONNX Runtime on CUDA agrees with the processor": check_onnxruntime_cuda,
    "GPU: bitsandbytes quantises and back": check_bitsandbytes,
    "GPU: flash-attn agrees with torch": check_flash_attn,
    "GPU: FFmpeg encodes on it": check_encoder,
    "GPU: FFmpeg decodes on it": check_decoder,
    "GPU: TensorRT builds an engine": check_engine_build,
    "GPU: memory does not grow": check_memory,
}

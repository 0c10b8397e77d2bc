"""Checks of the target full: every import, agreement of the runtimes, compile, sign, resolve."""

from __future__ import annotations

import importlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import core_checks

# decord's wheel names another Python inside a file name that fits all: its metadata, not its code.
ALLOWED_IN_CHECK = ("decord",)


def add_checks(suite: Any, promises: dict[str, Any], own: dict[str, Any], labels: dict[str, str]) -> None:
    """The checks of every image with the stack; `own` is what this image promises beside it."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    absent_modules = own.get("without", ())
    for name in (name for name in promises["imports"] if name not in absent_modules):
        suite.check(f"import {name}", lambda name=name: version_of(name))
    cuda, part = labels.get("io.baseimages.cuda"), lock_part(labels)
    absent = ("bitsandbytes",) if labels.get("io.baseimages.bitsandbytes") == "0" else ()
    suite.check(
        "what is installed is what was locked",
        lambda: core_checks.check_locked("requirements.txt", f"requirements-{part}.txt", without=absent),
    )
    jetpack = labels.get("io.baseimages.jetpack")
    if not cuda and not jetpack:
        suite.check("torch version is the declared one", lambda: check_torch(part, own.get("torch", {})))
    suite.check("OpenVINO sends no telemetry", check_telemetry)
    suite.check("torch, ONNX Runtime and OpenVINO agree", check_agreement)
    suite.check("torch.compile compiles", check_compile)
    suite.check("transformers runs a small model", check_transformers)
    if "decord" not in absent_modules:
        suite.check("decord decodes a clip", check_decord)
    suite.check("web3 signs and recovers", check_web3)
    suite.check("BLAS is an optimised one", check_blas)
    if jetpack:
        import jetson_checks

        suite.check("pip check", jetson_checks.check_requirements)
    else:
        suite.check("uv pip check", check_packages)


def lock_part(labels: dict[str, str]) -> str:
    """The part of the image's locks that it was built from."""
    if cuda := labels.get("io.baseimages.cuda"):
        return f"cuda-{cuda}"
    family = labels["io.baseimages.base-family"]
    return f"{family}-archive" if labels.get("io.baseimages.torch-source") == "archive" else family


def version_of(name: str) -> str:
    module = importlib.import_module(name)
    return str(getattr(module, "__version__", ""))


def check_torch(part: str, declared: dict[str, str]) -> str:
    """The archive's torch is declared in promises.toml, the index's in its lock."""
    import torch

    expected = declared.get(part) or core_checks.read_lock("requirements-torch.txt")["torch"]
    assert torch.__version__.startswith(expected.partition("+")[0]), (torch.__version__, expected)
    return torch.__version__


def check_telemetry() -> str:
    from openvino_telemetry.utils.opt_in_checker import ConsentCheckResult, OptInChecker

    found = OptInChecker().check(enable_opt_in_dialog=False)
    assert found == ConsentCheckResult.DECLINED, found
    return "declined"


def small_model() -> Any:
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4), torch.nn.Softmax(dim=1)
    ).eval()


def check_agreement() -> str:
    import numpy
    import onnxruntime
    import openvino
    import torch

    model, sample = small_model(), torch.randn(8, 16)
    expected = model(sample).detach().numpy()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        torch.onnx.export(model, (sample,), path, input_names=["x"], output_names=["y"], dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        by_ort = session.run(None, {"x": sample.numpy()})[0]
        # On CPUs with bfloat16 OpenVINO would round by default, and honestly disagree.
        compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        by_openvino = next(iter(compiled([sample.numpy()]).values()))
    worst = max(float(numpy.abs(expected - other).max()) for other in (by_ort, by_openvino))
    assert worst < 1e-5, f"largest difference {worst}"
    return f"largest difference {worst:.1e}"


def check_compile() -> str:
    import torch

    model, sample = small_model(), torch.randn(8, 16)
    compiled = torch.compile(model)
    worst = float((compiled(sample) - model(sample)).detach().abs().max())
    assert worst < 1e-5, f"largest difference {worst}"
    return f"largest difference {worst:.1e}"


def check_transformers() -> str:
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    output = BertModel(config).eval()(torch.tensor([[1, 2, 3]])).last_hidden_state
    assert tuple(output.shape) == (1, 3, 32), output.shape
    return "BERT forward"


def check_decord() -> str:
    import decord

    with tempfile.TemporaryDirectory() as folder:
        clip = str(Path(folder) / "a.mp4")
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=1:size=64x64:rate=5",
             "-c:v", "libx264", "-pix_fmt", "yuv420p", clip],
            check=True, timeout=60,
        )  # fmt: skip
        frames = len(decord.VideoReader(clip))
    assert frames == 5, frames
    return f"{frames} frames"


def check_web3() -> str:
    from eth_account import Account
    from eth_account.messages import encode_defunct

    account, message = Account.create(), encode_defunct(text="edge")
    signature = Account.sign_message(message, account.key).signature
    assert Account.recover_message(message, signature=signature) == account.address
    return account.address[:10]


def check_blas() -> str:
    import time

    import numpy
    import torch

    first = torch.rand(1024, 1024)
    other = first.numpy()

    def seconds(multiply: Any) -> float:
        began = time.perf_counter()
        for _ in range(5):
            multiply()
        return time.perf_counter() - began

    ratio = seconds(lambda: first @ first) / max(seconds(lambda: numpy.dot(other, other)), 1e-9)
    # A reference BLAS is an order of magnitude behind; the two share one machine and one moment.
    assert ratio < 8, f"torch multiplies {ratio:.1f} times slower than numpy"
    return f"torch / numpy time {ratio:.2f}"


def check_packages() -> str:
    done = subprocess.run(
        ["uv", "pip", "check", "--system"], capture_output=True, text=True, timeout=120, check=False
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("The package")]
    unknown = [line for line in lines if not any(f"`{name}`" in line for name in ALLOWED_IN_CHECK)]
    assert not unknown, unknown
    assert done.returncode == 0 or lines, done.stderr
    return f"{len(lines)} allow-listed"

"""Checks of the Jetson image: what the base brings is still the base's, and the GPU computes."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import core_checks
import full_checks
import gpu_checks

OURS = Path("/opt/python")
# Compiled for the device, or against what is: a copy of ours would hide it.
OF_THE_BASE = ("torch", "torchvision", "numpy", "cv2")
# Every index but its own that pip would ask, from its files and its environment together.
ASK_PIP = """
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI
options, _ = create_command("download").parse_args([])
own = options.index_url == PyPI.simple_url
print(*([] if own else [options.index_url]), *options.extra_index_urls)
"""
PACKAGES = ("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "libnvinfer*")


def add_core_checks(suite: Any, labels: dict[str, str]) -> None:
    """What holds without the wheels."""
    suite.check("Python is the base's, in an environment of ours", check_environment)
    suite.check("no package brings another TensorRT", lambda: check_packages(labels))
    suite.check("pip asks the public index and no other", check_index)
    suite.check("uv leaves to the base what is the base's", check_excluded)


def add_checks(suite: Any, labels: dict[str, str]) -> None:
    """What the wheels and the base are together, then what computes."""
    for name in OF_THE_BASE:
        suite.check(f"{name} is the base's", lambda name=name: check_owner(name))
    suite.check("nothing of ours is of the base's kind", check_nothing_replaced)
    for name, function in ON_JETSON.items():
        suite.check(name, lambda function=function: gpu_checks.on_gpu(function, labels))


def check_environment() -> str:
    core_checks.same(("/usr", str(OURS)), (sys.base_prefix, sys.prefix))
    core_checks.same(str(OURS), os.environ.get("VIRTUAL_ENV"))
    return sys.version.split()[0]


def check_packages(labels: dict[str, str]) -> str:
    """The base has its TensorRT from a tarball; a package of another release would be a second one."""
    done = subprocess.run(PACKAGES, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.split() for line in done.stdout.splitlines()]
    found = dict(words for words in lines if len(words) == 2)
    declared = labels["io.baseimages.tensorrt"]
    other = {name: version for name, version in found.items() if not is_release(declared, version)}
    assert not other, f"the label says {declared}, dpkg has {other}"
    return f"{len(found)} packages libnvinfer*"


def is_release(declared: str, version: str) -> bool:
    """Whether a version is of the declared release: 10.4.0.26-1+cuda12.6 is of 10.4."""
    return re.match(rf"{re.escape(declared)}(\.|-|\+|$)", version) is not None


def check_index() -> str:
    asked = core_checks.run("python", "-c", ASK_PIP).split()
    assert not asked, f"pip asks {asked}"
    return "pip's own index alone"


def check_excluded() -> str:
    names = Path(os.environ["UV_EXCLUDE"]).read_text(encoding="utf-8").split()
    assert {"torch", "numpy", "tensorrt"} <= set(names), names
    return os.environ["UV_EXCLUDE"]


def check_owner(name: str) -> str:
    module = importlib.import_module(name)
    path = Path(str(module.__file__))
    assert not path.is_relative_to(OURS), f"{path} is none of the base's"
    return f"{getattr(module, '__version__', '')} at {path.parent}"


def check_nothing_replaced() -> str:
    site = Path(sysconfig.get_path("purelib"))
    assert site.is_relative_to(OURS), site
    names = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    pattern = r"torch.*|numpy|tensorrt.*|nvidia_(?!ml_py).*|opencv.*|triton|pycuda"
    taken = sorted(name for name in names if re.fullmatch(pattern, name))
    assert not taken, f"{taken} hide the base's"
    return f"{len(names)} distributions"


def check_tensorrt(labels: dict[str, str]) -> str:
    """Library and Python module are of the declared release; both load libraries of the device."""
    import tensorrt

    check_owner("tensorrt")
    number = ".".join(map(str, gpu_checks.ask_library("libnvinfer.so.10")))
    told = {"libnvinfer.so.10": number, "tensorrt": str(tensorrt.__version__)}
    declared = labels["io.baseimages.tensorrt"]
    other = {name: version for name, version in told.items() if not is_release(declared, version)}
    assert not other, f"the label says {declared}, found {other}"
    return number


def check_requirements() -> str:
    """Ask pip, which sees the base's packages, and judge what our locks brought."""
    done = subprocess.run(["pip", "check"], capture_output=True, text=True, timeout=120, check=False)
    locked = core_checks.read_lock("requirements.txt").keys()
    wrong = [line for line in done.stdout.splitlines() if line.partition(" ")[0] in locked]
    assert not wrong, wrong
    return f"{len(done.stdout.splitlines())} lines of pip check, none about ours"


def check_gpu(_: dict[str, str]) -> str:
    import torch

    assert torch.cuda.is_available(), "torch sees no GPU"
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}"


def check_engine(labels: dict[str, str]) -> str:
    """Build an engine from an exported model, with the base's TensorRT."""
    import tensorrt
    import torch

    model, sample = full_checks.small_model(), torch.randn(8, 16)
    logger = tensorrt.Logger(tensorrt.Logger.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(model, (sample,), str(path), input_names=["x"], output_names=["y"])
        builder = tensorrt.Builder(logger)
        network = builder.create_network(0)
        parser = tensorrt.OnnxParser(network, logger)
        assert parser.parse(path.read_bytes()), parser.get_error(0)
        plan = builder.build_serialized_network(network, builder.create_builder_config())
    assert plan is not None, "no engine was built"
    return f"engine of {plan.nbytes} bytes, TensorRT {labels['io.baseimages.tensorrt']}"


ON_JETSON: dict[str, Callable[[dict[str, str]], str]] = {
    "GPU: torch sees it": check_gpu,
    "GPU: torch multiplies as on the processor": gpu_checks.check_matmul,
    "GPU: cuDNN convolves as the processor does": gpu_checks.check_convolution,
    "GPU: TensorRT is the base's, library and module": check_tensorrt,
    "GPU: TensorRT builds an engine": check_engine,
}

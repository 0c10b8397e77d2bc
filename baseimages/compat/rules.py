"""Named rules on the versions that one combination gets: what a resolver cannot know.

Whether compiled wheels fit the C interface of NumPy is no rule: their metadata does not tell what
they were built with. The suites inside the images import them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from baseimages.compat.combination import NO_TENSORRT, Combination
from baseimages.compat.finding import Finding
from baseimages.declare.compatibility import Compatibility, CudaMajor

ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
# NVIDIA drops the suffix with CUDA 13; these follow the version of CUDA itself.
CUDA_VERSIONED = ("cuda-toolkit", "nvidia-cuda-runtime", "nvidia-cuda-nvrtc")
_CUDA_SUFFIX = re.compile(r"-cu(\d+)(?:-|$)")
_RUNTIME = re.compile(r"nvidia-cuda-runtime(-cu\d+)?")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rules look at: name -> version, and the day of a release where an index told it."""

    combination: Combination
    versions: Mapping[str, str]
    uploaded_at: Mapping[str, datetime]
    knowledge: Compatibility
    today: date

    @property
    def cuda_major(self) -> str | None:
        """Major of the CUDA line, None on a processor."""
        line = self.combination.cuda
        return line.partition(".")[0] if line else None

    @property
    def cuda(self) -> CudaMajor | None:
        """What is known of that major."""
        return self.knowledge.cuda.get(self.cuda_major or "")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check with a name; it gives package, message and next step of each violation."""

    code: str
    title: str
    check: Callable[[Facts], Iterator[tuple[str, str, str]]]


def check_rules(facts: Facts) -> Iterator[Finding]:
    """The findings of every rule."""
    for rule in RULES:
        for package, message, next_step in rule.check(facts):
            yield Finding(code=rule.code, package=package, message=message, next_step=next_step)


def _check_trio(facts: Facts) -> Iterator[tuple[str, str, str]]:
    names = ("torch", "torchvision", "torchaudio")
    found = {name: Version(facts.versions[name]).public for name in names if name in facts.versions}
    known = [trio.model_dump() for trio in facts.knowledge.trios]
    if "torch" in found and not any(found.items() <= trio.items() for trio in known):
        told = ", ".join(f"{name} {version}" for name, version in found.items())
        right = next((trio for trio in known if trio["torch"] == found["torch"]), None)
        asked = " ".join(f"{name}=={right[name]}" for name in names) if right else ""
        step = f"pin {asked}" if asked else "add the trio that its release notes name to compatibility.toml"
        yield "torchaudio", f"not built for each other: {told}", step


def _check_cuda_line(facts: Facts) -> Iterator[tuple[str, str, str]]:
    line = facts.combination.cuda
    for name, version in facts.versions.items():
        if line and _RUNTIME.fullmatch(name) and ".".join(version.split(".")[:2]) != line:
            yield name, f"CUDA line {line} gets {name} {version}", "pin a torch that was built for the line"


def _check_one_cuda(facts: Facts) -> Iterator[tuple[str, str, str]]:
    for name, version in facts.versions.items():
        suffix = _CUDA_SUFFIX.search(name)
        major = suffix[1] if suffix else version.partition(".")[0] if name in CUDA_VERSIONED else None
        if major not in (None, facts.cuda_major):
            wants = f"CUDA {facts.cuda_major}" if facts.cuda_major else "no CUDA"
            yield name, f"{name} {version} is for CUDA {major}, the image has {wants}", "see who asks for it"


def _check_one_onnx_runtime(facts: Facts) -> Iterator[tuple[str, str, str]]:
    found = [name for name in ONNX_RUNTIMES if name in facts.versions]
    if len(found) > 1:
        told = " and ".join(found)
        yield found[0], f"{told} install into one module and overwrite each other", "keep one of them"
    if not found and "torch" in facts.versions:
        yield "onnxruntime", "no ONNX Runtime is locked", "add one flavour to the .in file"


def _check_onnx_runtime_cuda(facts: Facts) -> Iterator[tuple[str, str, str]]:
    version = facts.versions.get("onnxruntime-gpu")
    if version and facts.cuda and version not in SpecifierSet(facts.cuda.onnxruntime_gpu):
        wants = facts.cuda.onnxruntime_gpu
        message = f"onnxruntime-gpu {version} is not built for CUDA {facts.cuda_major}"
        yield "onnxruntime-gpu", message, f"pin onnxruntime-gpu{wants}"


def _check_pairs(facts: Facts) -> Iterator[tuple[str, str, str]]:
    for pair in facts.knowledge.pairs:
        asks, other = facts.versions.get(pair.package), facts.versions.get(pair.needs)
        if asks and other and asks in SpecifierSet(pair.versions) and other not in SpecifierSet(pair.within):
            message = f"{pair.package} {asks} needs {pair.needs}{pair.within} and gets {other}"
            yield pair.package, message, f"see {pair.link}"


def _check_cryptography(facts: Facts) -> Iterator[tuple[str, str, str]]:
    limit = facts.knowledge.limits.cryptography_age_max_days
    day = facts.uploaded_at.get("cryptography")
    if day and (age := (facts.today - day.date()).days) > limit:
        message = f"cryptography {facts.versions['cryptography']} and its OpenSSL are {age} days old"
        yield "cryptography", message, f"take a newer one; {limit} days are the limit"


def _check_driver(facts: Facts) -> Iterator[tuple[str, str, str]]:
    line = facts.combination.cuda
    if not line:
        return
    if facts.cuda is None:
        message = f"nothing is known of CUDA {facts.cuda_major}"
        yield "cuda", message, f"add [cuda.{facts.cuda_major}] to compatibility.toml"
        return
    declared = facts.combination.image.cuda[line]
    if Version(declared.driver_min) < Version(facts.cuda.driver_min):
        message = f"driver_min {declared.driver_min} of line {line} is below {facts.cuda.driver_min}"
        yield "cuda", message, "mend it in images.toml"
    for capability in declared.compute_capabilities:
        if Version(capability) < Version(facts.cuda.compute_capability_min):
            message = f"CUDA {line} no longer compiles for compute capability {capability}"
            yield "cuda", message, "mend compute_capabilities in images.toml"


def _check_tensorrt(facts: Facts) -> Iterator[tuple[str, str, str]]:
    version = facts.combination.tensorrt
    if version in (None, NO_TENSORRT):
        return
    major = facts.knowledge.tensorrt[version].cuda_major
    if major != facts.cuda_major:
        message = f"TensorRT {version} is built for CUDA {major}, the line is {facts.combination.cuda}"
        yield "tensorrt", message, "block the combination, or declare the packages of its CUDA"


RULES = (
    Rule(code="CM101", title="torch, torchvision and torchaudio are built for each other", check=_check_trio),
    Rule(code="CM102", title="the CUDA runtime is that of the CUDA line", check=_check_cuda_line),
    Rule(code="CM103", title="one CUDA major, and none on a processor", check=_check_one_cuda),
    Rule(code="CM104", title="exactly one ONNX Runtime", check=_check_one_onnx_runtime),
    Rule(code="CM105", title="onnxruntime-gpu is built for the CUDA major", check=_check_onnx_runtime_cuda),
    Rule(code="CM106", title="declared ranges between packages hold", check=_check_pairs),
    Rule(code="CM107", title="cryptography's OpenSSL is not too old", check=_check_cryptography),
    Rule(code="CM108", title="driver and compute capabilities fit the CUDA major", check=_check_driver),
    Rule(code="CM109", title="TensorRT is built for the CUDA line", check=_check_tensorrt),
)

"""Named rules on the versions that one combination gets: what a resolver cannot know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from baseimages.compat.combination import NO_TENSORRT, Combination
from baseimages.compat.finding import Finding
from baseimages.declare.compatibility import Compatibility, CudaMajor

TRIO = ("torch", "torchvision", "torchaudio")
ONNX_GPU = "onnxruntime-gpu"
ONNX_RUNTIMES = ("onnxruntime", ONNX_GPU, "onnxruntime-openvino", "onnxruntime-directml")
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


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold: which package, what is wrong and what mends it."""

    package: str
    message: str
    next_step: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check with a name."""

    code: str
    title: str
    check: Callable[[Facts], Iterator[Violation]]


def check_rules(facts: Facts) -> Iterator[Finding]:
    """The findings of every rule."""
    for rule in RULES:
        for found in rule.check(facts):
            yield Finding(
                code=rule.code, package=found.package, message=found.message, next_step=found.next_step
            )


def _check_trio(facts: Facts) -> Iterator[Violation]:
    found = {name: facts.versions[name] for name in TRIO if name in facts.versions}
    known = [trio.model_dump() for trio in facts.knowledge.trios]
    public = {name: Version(version).public for name, version in found.items()}
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    if found and "torch" not in found:
        yield Violation("torch", f"torch is missing beside {told}", "add torch, or drop what needs it")
    elif found and not any(public.items() <= trio.items() for trio in known):
        right = next((trio for trio in known if trio["torch"] == public["torch"]), None)
        asked = " ".join(f"{name}=={right[name]}" for name in TRIO) if right else ""
        step = f"pin {asked}" if asked else "add the trio that its release notes name to compatibility.toml"
        yield Violation("torchaudio", f"not built for each other: {told}", step)
    elif len({Version(version).local for version in found.values()}) > 1:
        yield Violation(
            "torch", f"builds for different devices: {told}", "pin one local version, such as +cpu"
        )


def _check_cuda_line(facts: Facts) -> Iterator[Violation]:
    line, torch = facts.combination.cuda, facts.versions.get("torch")
    if not line:
        return
    runtimes = {name: version for name, version in facts.versions.items() if _RUNTIME.fullmatch(name)}
    for name, version in runtimes.items():
        if ".".join(version.split(".")[:2]) != line:
            message = f"CUDA line {line} gets {name} {version}"
            yield Violation(name, message, "pin a torch that was built for the line")
    if torch and Version(torch).local not in (None, f"cu{line.replace('.', '')}"):
        message = f"CUDA line {line} gets torch {torch}"
        yield Violation("torch", message, "pin a torch that was built for the line")
    elif torch and not runtimes:
        message = f"CUDA line {line} gets torch {torch} and no CUDA runtime"
        yield Violation("torch", message, "pin a torch that was built for the line")


def _check_one_cuda(facts: Facts) -> Iterator[Violation]:
    for name, version in facts.versions.items():
        suffix = _CUDA_SUFFIX.search(name)
        major = suffix[1] if suffix else version.partition(".")[0] if name in CUDA_VERSIONED else None
        if major not in (None, facts.cuda_major):
            wants = f"CUDA {facts.cuda_major}" if facts.cuda_major else "no CUDA"
            message = f"{name} {version} is for CUDA {major}, the image has {wants}"
            yield Violation(name, message, "see who asks for it")


def _check_one_onnx_runtime(facts: Facts) -> Iterator[Violation]:
    found = [name for name in ONNX_RUNTIMES if name in facts.versions]
    if len(found) > 1:
        told = " and ".join(found)
        message = f"{told} install into one module and overwrite each other"
        yield Violation(found[0], message, "keep one of them")
    if not found and "torch" in facts.versions:
        yield Violation("onnxruntime", "no ONNX Runtime is locked", "add one flavour to the .in file")


def _check_onnx_runtime_cuda(facts: Facts) -> Iterator[Violation]:
    found = [name for name in ONNX_RUNTIMES if name in facts.versions]
    version = facts.versions.get(ONNX_GPU)
    if facts.cuda_major is None and version:
        message = f"{ONNX_GPU} {version} wants CUDA, the image has none"
        yield Violation(ONNX_GPU, message, "take a flavour for a processor")
    elif facts.cuda_major and found and not version:
        message = f"CUDA {facts.cuda_major} gets {found[0]}, which does not use it"
        yield Violation(found[0], message, f"take {ONNX_GPU}")
    elif version and facts.cuda and version not in SpecifierSet(facts.cuda.onnxruntime_gpu):
        message = f"{ONNX_GPU} {version} is not built for CUDA {facts.cuda_major}"
        yield Violation(ONNX_GPU, message, f"pin {ONNX_GPU}{facts.cuda.onnxruntime_gpu}")


def _check_pairs(facts: Facts) -> Iterator[Violation]:
    for pair in facts.knowledge.pairs:
        asks, other = facts.versions.get(pair.package), facts.versions.get(pair.needs)
        if asks and other and asks in SpecifierSet(pair.versions) and other not in SpecifierSet(pair.within):
            message = f"{pair.package} {asks} needs {pair.needs}{pair.within} and gets {other}"
            yield Violation(pair.package, message, f"see {pair.link}")


def _check_cryptography(facts: Facts) -> Iterator[Violation]:
    limit = facts.knowledge.limits.cryptography_age_max_days
    day = facts.uploaded_at.get("cryptography")
    if day and (age := (facts.today - day.date()).days) > limit:
        message = f"cryptography {facts.versions['cryptography']} and its OpenSSL are {age} days old"
        yield Violation("cryptography", message, f"take a newer one; {limit} days are the limit")


def _check_driver(facts: Facts) -> Iterator[Violation]:
    line, known = facts.combination.cuda, facts.cuda
    if not line:
        return
    if known is None:
        message = f"nothing is known of CUDA {facts.cuda_major}"
        yield Violation("cuda", message, f"add [cuda.{facts.cuda_major}] to compatibility.toml")
        return
    declared = facts.combination.image.cuda[line]
    if Version(declared.driver_min) < Version(known.driver_min):
        message = f"driver_min {declared.driver_min} of line {line} is below {known.driver_min}"
        yield Violation("cuda", message, "mend it in images.toml")
    yield from _check_capabilities(line, declared.compute_capabilities, known)


def _check_capabilities(line: str, capabilities: Iterable[str], known: CudaMajor) -> Iterator[Violation]:
    step, newest = "mend compute_capabilities in images.toml", known.compute_capability_max.get(line)
    for capability in capabilities:
        if Version(capability) < Version(known.compute_capability_min):
            message = f"CUDA {line} no longer compiles for compute capability {capability}"
            yield Violation("cuda", message, step)
        if newest and Version(capability) > Version(newest):
            message = f"CUDA {line} does not compile yet for compute capability {capability}"
            yield Violation("cuda", message, step)


def _check_tensorrt(facts: Facts) -> Iterator[Violation]:
    version = facts.combination.tensorrt
    if version in (None, NO_TENSORRT):
        return
    major = facts.knowledge.tensorrt[version].cuda_major
    if major != facts.cuda_major:
        message = f"TensorRT {version} is built for CUDA {major}, the line is {facts.combination.cuda}"
        step = "block the combination, or declare the packages of its CUDA"
        yield Violation("tensorrt", message, step)


RULES = (
    Rule(
        code="CM101",
        title="torch, torchvision and torchaudio are built for each other and for one device",
        check=_check_trio,
    ),
    Rule(code="CM102", title="torch and the CUDA runtime are those of the CUDA line", check=_check_cuda_line),
    Rule(code="CM103", title="one CUDA major, and none on a processor", check=_check_one_cuda),
    Rule(code="CM104", title="exactly one ONNX Runtime", check=_check_one_onnx_runtime),
    Rule(
        code="CM105",
        title="the ONNX Runtime is built for the CUDA major, or for a processor",
        check=_check_onnx_runtime_cuda,
    ),
    Rule(code="CM106", title="declared ranges between packages hold", check=_check_pairs),
    Rule(code="CM107", title="cryptography's OpenSSL is not too old", check=_check_cryptography),
    Rule(code="CM108", title="driver and compute capabilities fit the CUDA line", check=_check_driver),
    Rule(code="CM109", title="TensorRT is built for the CUDA line", check=_check_tensorrt),
)

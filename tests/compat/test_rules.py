"""Each rule: what it finds, and that it is silent where all is well."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from baseimages.compat.combination import list_combinations
from baseimages.compat.rules import RULES, Facts, check_rules
from baseimages.compat.wheels import CODES
from baseimages.declare import load_family
from baseimages.declare.compatibility import load_compatibility
from tests.compat.conftest import TODAY, Checkout
from tests.conftest import ROOT

KNOWLEDGE = load_compatibility(ROOT / "compatibility.toml")
CUDA_12 = {
    "torch": "2.9.1", "torchvision": "0.24.1", "torchaudio": "2.9.1", "onnxruntime-gpu": "1.26.0",
    "nvidia-cuda-runtime-cu12": "12.8.90", "nvidia-cudnn-cu12": "9.10.2.21", "nvidia-ml-py": "13.615.71",
    "openvino": "2026.4.1", "numpy": "2.5.5", "tensorrt-cu12-bindings": "10.14.1.48.post1",
}  # fmt: skip
CUDA_13 = {
    "torch": "2.11.0", "torchvision": "0.26.0", "torchaudio": "2.11.0", "onnxruntime-gpu": "1.31.1",
    "cuda-toolkit": "13.0.2", "nvidia-cuda-runtime": "13.0.96", "nvidia-cublas": "13.1.0.3",
    "nvidia-cufft": "12.0.0.61", "nvidia-cudnn-cu13": "9.19.0.56",
}  # fmt: skip
CPU = {
    "torch": "2.10.0+cpu", "torchvision": "0.25.0+cpu", "torchaudio": "2.10.0+cpu",
    "onnxruntime-openvino": "1.24.1", "nvidia-ml-py": "13.615.71",
}  # fmt: skip


def facts(
    checkout: Checkout, versions: dict[str, str], *, line: str = "", tensorrt: str = "none",
    driver_min: str = "580.65.06", capability: str = "7.5", cryptography: str = "2026-11-01",
) -> Facts:  # fmt: skip
    keys = f'tensorrt = ["{tensorrt}"]\n[images.one.cuda."{line}"]\ndriver_min = "{driver_min}"\n'
    checkout.declare(f'{keys}compute_capabilities = ["{capability}"]\n' if line else "")
    (combination,) = list(list_combinations(load_family(checkout.root / "images.toml")))[:1]
    return Facts(
        combination=combination,
        versions=versions | {"cryptography": "48.0"},
        uploaded_at={"cryptography": datetime.fromisoformat(cryptography).replace(tzinfo=UTC)},
        knowledge=KNOWLEDGE,
        today=TODAY,
    )


def codes(of: Facts) -> list[str]:
    return [finding.code for finding in check_rules(of)]


@pytest.mark.parametrize(
    ("versions", "line"), [(CUDA_12, "12.8"), (CUDA_13, "13.0"), (CPU, ""), ({}, ""), ({"pip": "26"}, "")]
)
def test_a_coherent_set_has_no_finding(versions: dict[str, str], line: str, checkout: Checkout) -> None:
    assert codes(facts(checkout, versions, line=line)) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"torchaudio": "2.11.0"}, "CM101"),
        ({"torchvision": "0.25.0"}, "CM101"),
        ({"torch": "2.12.0"}, "CM101"),
        ({"nvidia-cuda-runtime-cu12": "12.6.77"}, "CM102"),
        ({"nvidia-cudnn-cu13": "9.19"}, "CM103"),
        ({"cuda-toolkit": "13.0.2"}, "CM103"),
        ({"tensorrt-cu13-bindings": "10.14"}, "CM103"),
        ({"onnxruntime": "1.31.1"}, "CM104"),
        ({"onnxruntime-gpu": "1.27.0"}, "CM105"),
        ({"openvino": "2025.1.0"}, "CM106"),
        ({"numpy": "1.26.4"}, "CM106"),
        ({"torch": "2.9.1+cu126", "torchvision": "0.24.1+cu126", "torchaudio": "2.9.1+cu126"}, "CM102"),
        ({"torch": "2.9.1+cpu", "torchvision": "0.24.1+cpu", "torchaudio": "2.9.1+cpu"}, "CM102"),
    ],
)
def test_one_wrong_version_on_cuda_12_is_one_finding(
    changed: dict[str, str], code: str, checkout: Checkout
) -> None:
    assert codes(facts(checkout, CUDA_12 | changed, line="12.8")) == [code]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"onnxruntime-gpu": "1.26.0"}, "CM105"),
        ({"nvidia-cuda-runtime": "13.2.86"}, "CM102"),
        ({"nvidia-cudnn-cu12": "9.10"}, "CM103"),
    ],
)
def test_one_wrong_version_on_cuda_13_is_one_finding(
    changed: dict[str, str], code: str, checkout: Checkout
) -> None:
    assert codes(facts(checkout, CUDA_13 | changed, line="13.0")) == [code]


@pytest.mark.parametrize(
    ("gone", "code"),
    [("torch", "CM101"), ("nvidia-cuda-runtime-cu12", "CM102"), ("onnxruntime-gpu", "CM104")],
)
def test_one_missing_package_on_cuda_12_is_one_finding(gone: str, code: str, checkout: Checkout) -> None:
    versions = {name: version for name, version in CUDA_12.items() if name != gone}
    assert set(codes(facts(checkout, versions, line="12.8"))) == {code}


@pytest.mark.parametrize(("changed", "line"), [(CPU, ""), (CUDA_12, "12.8")])
def test_an_onnx_runtime_for_the_other_device_is_a_finding(
    changed: dict[str, str], line: str, checkout: Checkout
) -> None:
    versions = {name: version for name, version in changed.items() if not name.startswith("onnx")}
    wrong = "onnxruntime-openvino" if line else "onnxruntime-gpu"
    assert codes(facts(checkout, versions | {wrong: "1.26.0"}, line=line)) == ["CM105"]


def test_a_trio_for_two_devices_is_a_finding(checkout: Checkout) -> None:
    assert codes(facts(checkout, CPU | {"torchvision": "0.25.0"})) == ["CM101"]


def test_a_processor_has_no_cuda(checkout: Checkout) -> None:
    assert codes(facts(checkout, CPU | {"nvidia-cudnn-cu12": "9.10"})) == ["CM103"]


def test_torch_without_an_onnx_runtime_is_a_finding(checkout: Checkout) -> None:
    versions = {name: version for name, version in CPU.items() if not name.startswith("onnx")}
    assert codes(facts(checkout, versions)) == ["CM104"]


@pytest.mark.parametrize(("day", "found"), [("2025-11-24", []), ("2025-11-23", ["CM107"])])
def test_an_openssl_beyond_the_limit_is_a_finding(day: str, found: list[str], checkout: Checkout) -> None:
    assert codes(facts(checkout, CPU, cryptography=day)) == found


@pytest.mark.parametrize("wrong", [{"driver_min": "570.26"}, {"capability": "7.0"}, {"capability": "12.2"}])
def test_a_driver_or_a_gpu_that_the_cuda_major_leaves_behind_is_a_finding(
    wrong: dict[str, str], checkout: Checkout
) -> None:
    assert codes(facts(checkout, CUDA_13, line="13.0", **wrong)) == ["CM108"]


def test_a_cuda_major_of_which_nothing_is_known_is_a_finding(checkout: Checkout) -> None:
    assert codes(facts(checkout, {}, line="14.0")) == ["CM108"]


def test_a_tensorrt_for_another_cuda_is_a_finding(checkout: Checkout) -> None:
    assert codes(facts(checkout, CUDA_13, line="13.0", tensorrt="10.14.1.48.post1")) == ["CM109"]
    assert codes(facts(checkout, CUDA_12, line="12.8", tensorrt="10.14.1.48.post1")) == []


def test_each_rule_has_a_code_of_its_own_and_says_what_mends_it(checkout: Checkout) -> None:
    all_codes = [*CODES, *(rule.code for rule in RULES)]
    assert len(all_codes) == len(set(all_codes))
    for finding in check_rules(facts(checkout, CUDA_12 | {"torchaudio": "2.11.0"}, line="12.8")):
        assert finding.next_step


def test_every_rule_is_proven_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.code for rule in RULES if f'"{rule.code}"' not in text] == []

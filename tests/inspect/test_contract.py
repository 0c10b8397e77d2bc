"""The contract of an image is what a container would offer, told without running one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.errors import ScanError
from baseimages.inspect import ContractRecord, read_contract, read_tree
from baseimages.inspect.contract import find_distributions
from tests.inspect.elves import X86_64, Content, Executable, HardLink, Symlink, make_elf, make_image

QUIET = Console(quiet=True)
LIB = "usr/lib/aarch64-linux-gnu"
SITE = "/opt/python/lib/python3.13/site-packages"


def read(
    root: Path, *layers: Mapping[str, Content], env: tuple[str, ...] = (), **settings: object
) -> ContractRecord:
    layout = make_image(root, *layers, env=env, **settings)
    return read_contract(layout, read_tree(layout, QUIET))


def test_what_a_container_is_started_with_is_promised(tmp_path: Path) -> None:
    contract = read(
        tmp_path, {"a": b""}, env=("PATH=/bin", "EMPTY=", "SUM=a=b"),
        User="app", WorkingDir="/work", Entrypoint=["tini", "--"], Cmd=["bash"],
        ExposedPorts={"8080/tcp": {}, "53/udp": {}}, Volumes={"/data": {}}, Labels={"b": "2", "a": "1"},
    )  # fmt: skip
    assert contract.environment == {"EMPTY": "", "PATH": "/bin", "SUM": "a=b"}
    assert (contract.user, contract.workdir) == ("app", "/work")
    assert (contract.entrypoint, contract.command) == (("tini", "--"), ("bash",))
    assert (contract.ports, contract.volumes) == (("53/udp", "8080/tcp"), ("/data",))
    assert list(contract.labels) == ["a", "b"]


def test_an_image_that_sets_nothing_promises_nothing(tmp_path: Path) -> None:
    contract = read(tmp_path, {"a": b""}, User=None, Entrypoint=None, Cmd=None, Labels=None, Volumes=None)
    assert (contract.user, contract.entrypoint, contract.command, contract.labels) == ("", (), (), {})


def test_programs_are_what_can_be_executed_in_a_folder_of_the_path(tmp_path: Path) -> None:
    layer = {
        "bin": Symlink("usr/bin"),
        "usr/bin/tool": Executable(),
        "usr/bin/hard": HardLink("usr/bin/tool"),
        "usr/bin/alias": Symlink("/etc/alternatives/alias"),
        "etc/alternatives/alias": Symlink("../../usr/bin/tool"),
        "usr/bin/dangling": Symlink("nowhere"),
        "usr/bin/notes.txt": b"",
        "usr/bin/folder/": b"",
        "opt/elsewhere/hidden": Executable(),
        "relative/here": Executable(),
    }
    contract = read(tmp_path, layer, env=("PATH=/bin::relative:/nowhere",))
    assert contract.programs == ("alias", "hard", "tool")


def test_a_program_that_a_later_layer_takes_away_is_not_promised(tmp_path: Path) -> None:
    contract = read(tmp_path, {"usr/bin/a": Executable(), "usr/bin/b": Executable()}, {"usr/bin/.wh.a": b""})
    assert contract.programs == ("b",)


def test_a_library_is_promised_by_the_soname_that_the_loader_finds(tmp_path: Path) -> None:
    layer = {
        f"{LIB}/libgood.so.1": Symlink("libgood.so.1.2"),
        f"{LIB}/libgood.so.1.2": make_elf(soname="libgood.so.1"),
        f"{LIB}/libunlinked.so.1.2": make_elf(soname="libunlinked.so.1"),
        f"{LIB}/libforeign.so.1": make_elf(soname="libforeign.so.1", machine=X86_64),
        f"{LIB}/plugin.so": make_elf(),
        "opt/lib/libenv.so.1": make_elf(soname="libenv.so.1"),
        "srv/libcached.so.1": make_elf(soname="libcached.so.1"),
        "srv/libuncached.so.1": make_elf(soname="libuncached.so.1"),
        "etc/ld.so.conf": "/srv\n",
        "etc/ld.so.cache": b"glibc-ld.so.cache1.1\0/srv/libcached.so.1\0",
        "opt/elsewhere/libprivate.so.1": make_elf(soname="libprivate.so.1"),
    }
    contract = read(tmp_path, layer, env=("LD_LIBRARY_PATH=/opt/lib",))
    assert contract.sonames == ("libcached.so.1", "libenv.so.1", "libgood.so.1")


def test_distributions_are_read_in_every_form_and_by_their_normalised_names() -> None:
    found = find_distributions(
        [
            f"{SITE}/PyYAML-6.0.2.dist-info/METADATA",
            f"{SITE}/ruamel.yaml-0.18.dist-info/METADATA",
            f"{SITE}/torch-2.6.0+cpu.dist-info/METADATA",
            f"{SITE}/torch-2.6.0+cpu.dist-info/RECORD",
            "/usr/lib/python3/dist-packages/torch-2.6.0a0.egg-info/PKG-INFO",
            "/usr/lib/python3/dist-packages/python_apt-3.0.0.egg-info",
            "/usr/lib/python3/dist-packages/foo_bar-1.0-py3.13.egg-info/PKG-INFO",
            f"{SITE}/setuptools/_vendor/wheel-0.45.dist-info/METADATA",
            "/srv/cache/other-1.0.dist-info/METADATA",
        ]
    )
    assert found == {
        "foo-bar": ("1.0",),
        "python-apt": ("3.0.0",),
        "pyyaml": ("6.0.2",),
        "ruamel-yaml": ("0.18",),
        "torch": ("2.6.0+cpu", "2.6.0a0"),
    }


def test_the_python_abi_is_what_its_own_extension_modules_name(tmp_path: Path) -> None:
    names = ("_ssl.cpython-313-aarch64-linux-gnu.so", "_json.cpython-313-aarch64-linux-gnu.so", "plain.so")
    layer = {f"usr/lib/python3.13/lib-dynload/{name}": b"" for name in names}
    layer[f"{SITE[1:]}/x.cpython-312-aarch64-linux-gnu.so"] = b""
    assert read(tmp_path, layer).python_abis == ("cpython-313-aarch64-linux-gnu",)


def test_an_architecture_that_nothing_is_known_about_is_refused(tmp_path: Path) -> None:
    layout = make_image(tmp_path, {"a": b""}, architecture="riscv64")
    with pytest.raises(ScanError, match="riscv64"):
        read_contract(layout, read_tree(layout, QUIET))

"""Whose each byte of an image is: one owner each, and all of them add up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from baseimages.errors import VerificationError
from baseimages.inspect import Inventory, take_inventory
from baseimages.inspect import inventory as module
from tests.inspect.elves import Content, HardLink, Symlink, make_image

QUIET = Console(quiet=True)
SITE = "usr/local/lib/python3.13/dist-packages"
STATUS = """\
Package: git
Status: install ok installed
Version: 1

Package: libold
Status: deinstall ok config-files
"""
BASE: dict[str, Content] = {
    "./lib": Symlink("usr/lib"),
    "./usr/lib/": b"",
    "./var/lib/dpkg/status": STATUS,
    "./var/lib/dpkg/info/git.list": "/.\n/lib\n/lib/git core\n/usr/bin\n/usr/bin/git\n/usr/bin/scm\n",
    "./var/lib/dpkg/info/libold:amd64.list": "/etc/old.conf\n",
    "./usr/lib/git core": b"g" * 30,
    "./usr/bin/git": b"G" * 100,
    "./usr/bin/scm": Symlink("git"),
    "./etc/old.conf": b"o" * 7,
    "./etc/gone": b"x" * 1000,
}
OURS: dict[str, Content] = {
    f"{SITE}/six.py": "import os\n",
    f"{SITE}/__pycache__/six.cpython-313.pyc": b"p" * 11,
    f"{SITE}/six-1.0.dist-info/METADATA": "Name: six\nVersion: 1.0\n",
    f"{SITE}/six-1.0.dist-info/RECORD": "six.py,,\nsix-1.0.dist-info/METADATA,,\n../../../bin/six,,\n",
    "usr/local/bin/six": b"#!" + b"s" * 20,
    "usr/local/bin/node": b"n" * 500,
    "opt/two": HardLink("usr/local/bin/node"),
    "etc/.wh.gone": b"",
    "usr/share/new\nline": b"l" * 3,
}
ENVIRONMENT = ("PATH=/usr/local/bin:/usr/bin",)


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    layout = make_image(tmp_path, BASE, OURS, architecture="amd64", env=ENVIRONMENT)
    return take_inventory(layout, [Requirement("Six")], QUIET)


def test_every_byte_that_a_container_sees_has_one_owner(inventory: Inventory) -> None:
    seen = {name: data for name, data in (BASE | OURS).items() if isinstance(data, (bytes, str))}
    del seen["./etc/gone"], seen["etc/.wh.gone"]
    assert inventory.size_bytes == sum(len(data) for data in seen.values())
    owners = Counter({file.owner: 0 for file in inventory.files})
    for file in inventory.files:
        owners[file.owner] += file.size_bytes
    own_list = BASE["./var/lib/dpkg/info/git.list"]
    assert isinstance(own_list, str)
    assert owners["deb:git"] == 130 + len(own_list)
    assert owners["part:node"] == 500
    assert owners["folder:/etc"] == 7
    assert owners["folder:/usr/share"] == 3
    assert owners.keys() <= inventory.packages.keys()


def test_bytecode_belongs_to_its_source_and_a_hard_link_counts_once(inventory: Inventory) -> None:
    owners = {name: file for file in inventory.files for name in file.names}
    assert owners[f"/{SITE}/__pycache__/six.cpython-313.pyc"].owner == "python:six"
    assert owners["/usr/local/bin/six"].owner == "python:six"
    assert owners["/opt/two"] is owners["/usr/local/bin/node"]


def test_packages_that_are_not_installed_own_nothing(inventory: Inventory) -> None:
    assert "deb:libold" not in inventory.packages
    assert inventory.packages["python:six"].asked_for


def test_commands_are_found_on_the_path_through_links(inventory: Inventory) -> None:
    assert inventory.commands == {
        "git": "deb:git", "scm": "deb:git", "six": "python:six", "node": "part:node"
    }  # fmt: skip
    assert inventory.modules() == {"six": {"python:six"}}


def test_a_package_that_links_to_a_file_of_another_shares_it(tmp_path: Path) -> None:
    status = STATUS + "\nPackage: scm\nStatus: install ok installed\n"
    more = {"./var/lib/dpkg/status": status, "./var/lib/dpkg/info/scm.list": "/usr/bin/scm\n"}
    inventory = take_inventory(make_image(tmp_path, BASE, more, architecture="amd64"), [], QUIET)
    (git,) = (file for file in inventory.files if "/usr/bin/git" in file.names)
    assert (git.owner, git.shared_by) == ("deb:git", {"deb:scm"})


def test_packages_of_which_files_were_lifted_own_them_and_are_not_asked_for(tmp_path: Path) -> None:
    lifted: dict[str, Content] = {
        "var/lib/dpkg/status.d/libtorch2.6": "Package: libtorch2.6\nStatus: install ok installed\n",
        "var/lib/dpkg/status.d/libtorch2.6.md5sums": "0" * 32 + "  usr/lib/libtorch.so\n",
        "usr/lib/libtorch.so": b"t" * 70,
    }
    inventory = take_inventory(make_image(tmp_path, BASE, lifted, architecture="amd64"), [], QUIET)
    (torch,) = (file for file in inventory.files if "/usr/lib/libtorch.so" in file.names)
    assert torch.owner == "deb:libtorch2.6"
    assert not inventory.packages["deb:libtorch2.6"].asked_for


def test_a_database_too_large_to_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_DATABASE_BYTES", 10)
    with pytest.raises(VerificationError, match="too large"):
        take_inventory(make_image(tmp_path, BASE, architecture="amd64"), [], QUIET)


def test_an_image_without_any_package_has_folders_only(tmp_path: Path) -> None:
    inventory = take_inventory(make_image(tmp_path, {"a/b/c": b"1"}, architecture="amd64"), [], QUIET)
    assert [(file.owner, file.size_bytes) for file in inventory.files] == [("folder:/a", 1)]


def test_what_a_distribution_vendors_is_its_own(tmp_path: Path) -> None:
    vendored = f"{SITE}/six/_vendor/other-0.9.dist-info"
    more: dict[str, Content] = OURS | {
        f"{vendored}/METADATA": "Name: other\nVersion: 0.9\n",
        f"{vendored}/RECORD": "../../six.py,,\n",
    }
    inventory = take_inventory(make_image(tmp_path, BASE, more, architecture="amd64"), [], QUIET)
    assert "python:other" not in inventory.packages
    (six,) = (file for file in inventory.files if f"/{SITE}/six.py" in file.names)
    assert (six.owner, six.shared_by) == ("python:six", frozenset())

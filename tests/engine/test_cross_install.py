"""A cross-installed arm64 tree against an emulated one, file by file, on a small package set."""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.build.bootstrap import make_base
from baseimages.build.engine import find_engine
from baseimages.command import ProcessRunner
from baseimages.declare import load_family
from baseimages.declare.image import Platform
from baseimages.inspect.equality import EqualityRecord, compare_trees, read_tar
from tests.conftest import ROOT

pytestmark = pytest.mark.engine
# An account, an alternative, certificates made by openssl, bytecode, a capability-free daemon.
PACKAGES = ("ca-certificates", "kmod", "mosquitto", "python3", "tzdata")
LIMIT_S = 900


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with cross.tar and emulated.tar."""
    if platform.machine() != "x86_64" or not shutil.which("mmdebstrap"):
        pytest.skip("ring 2: a cross build needs an amd64 host with mmdebstrap")
    console, runner = Console(file=io.StringIO()), ProcessRunner()
    bases = load_family(ROOT / "images.toml").bases
    recipe = bases["debian-13"].bootstrap
    assert recipe
    base = make_base("debian-13", recipe, Platform.AMD64, find_engine(runner), runner, console)
    folder = tmp_path_factory.mktemp("trees")
    mounts = [
        f"--volume={folder}:/out",
        f"--volume={ROOT / 'scripts'}:/mnt/scripts:ro",
        f"--volume={Path(__file__).parent / 'install_both_ways.sh'}:/mnt/install.sh:ro",
    ]
    words = ["docker", "run", "--rm", "--privileged", *mounts, base.reference, "bash", "/mnt/install.sh"]
    done = subprocess.run([*words, *PACKAGES], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if "binfmt_misc" in done.stderr and "mount: " in done.stderr:
        pytest.skip("ring 2: this kernel has no emulation inside a user namespace (Linux 6.7 has)")
    assert done.returncode == 0, done.stderr[-3000:]
    yield folder
    shutil.rmtree(folder)


def compare(trees: Path) -> EqualityRecord:
    with (trees / "cross.tar").open("rb") as left, (trees / "emulated.tar").open("rb") as right:
        return compare_trees(read_tar(left), read_tar(right), ())


def test_a_cross_installed_tree_equals_an_emulated_one(trees: Path) -> None:
    record = compare(trees)
    assert record.unexplained == ()
    assert record.compared > 5000


def test_no_stand_in_is_left_behind(trees: Path) -> None:
    with (trees / "cross.tar").open("rb") as stream:
        paths = read_tar(stream)
    assert not [path for path in paths if "x86_64" in path or path.endswith(".foreign") or path == "lib64"]

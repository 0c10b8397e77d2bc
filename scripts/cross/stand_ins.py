"""Native programs stand in for foreign ones while maintainer scripts run in a foreign tree.

Maintainer scripts are shell and Perl; what they call does the same work whatever machine it was
compiled for. So for a while each foreign program is renamed and the native one of the same path
takes its place. Files are renamed back, never copied, so that inode, time and attributes stay;
what a script has set on the stand-in, such as a set-user-id bit, is set on the foreign one.
Where this machine has no such program, a stub stands there that fails and leaves its name: a
script that swallows the failure cannot hide it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NATIVE_TRIPLET, FOREIGN_TRIPLET = "x86_64-linux-gnu", "aarch64-linux-gnu"
# Where maintainer scripts find programs; below usr/lib lie helpers of dpkg, apt and of libraries.
FOLDERS = ("usr/bin", "usr/sbin", "usr/libexec", "usr/lib")
# The programs' loader and libraries lie where no foreign package puts a file.
LIBRARIES = f"usr/lib/{NATIVE_TRIPLET}"
LOADER, LOADER_LINK = "usr/lib64", "lib64"
PYTHON_EXTENSIONS = f"usr/lib/python3.*/lib-dynload/*-{NATIVE_TRIPLET}.so"
# Modules beyond perl-base: scripts use them where they find them, and would miss their other half.
HALF_A_PERL = shutil.ignore_patterns("perl", "perl5")
# The native ldconfig does not know foreign libraries. The foreign one is run by an interpreter
# that is called by its path, which needs no registration with the kernel. On Ubuntu the first is a
# script that calls the second.
LDCONFIGS = ("usr/sbin/ldconfig", "usr/sbin/ldconfig.real")
INTERPRETER = "usr/bin/qemu-aarch64"
FOREIGN = ".foreign"
# Inside the tree, as stubs see it.
MISSING = "/.missing-stand-ins"
STUB = "#!/bin/sh\necho {name} >> {missing}\nexit 126\n"
LDCONFIG_STUB = '#!/bin/sh\nexec /{interpreter} /{name} "$@"\n'


class MissingStandInError(Exception):
    """Programs were called that this machine does not have."""


@contextmanager
def swap_programs(root: Path, native: Path = Path("/")) -> Iterator[None]:
    """Let native programs stand in `root` until the block ends.

    Raises MissingStandInError, naming them, when programs were called that have no stand-in.
    """
    swapped = {path: _swap(path, root, native) for path in _list_programs(root)}
    added = _add_libraries(root, native)
    try:
        yield
    finally:
        for path, placed in swapped.items():
            _restore(path, placed)
        _remove(added)
    _refuse_missing(root)


def _list_programs(root: Path) -> list[Path]:
    paths = [path for folder in FOLDERS for path in sorted((root / folder).glob("**/*"))]
    return [path for path in paths if _is_program(path)]


def _is_program(path: Path) -> bool:
    """Libraries are not executable in Debian's packages, but for a few that are named as such."""
    if path.is_symlink() or not path.is_file() or ".so" in path.name or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _swap(path: Path, root: Path, native: Path) -> os.stat_result:
    """Put the stand-in in the place of `path`; what it is tells later whether it was changed."""
    name = str(path.relative_to(root))
    stand_in = native / name.replace(FOREIGN_TRIPLET, NATIVE_TRIPLET)
    foreign = path.with_name(path.name + FOREIGN)
    path.rename(foreign)
    if name in LDCONFIGS:
        path.write_text(LDCONFIG_STUB.format(interpreter=INTERPRETER + FOREIGN, name=name + FOREIGN))
    elif stand_in.is_file():
        shutil.copyfile(stand_in, path)
    else:
        path.write_text(STUB.format(name=name, missing=MISSING))
    facts = foreign.stat()
    os.chown(path, facts.st_uid, facts.st_gid)
    path.chmod(stat.S_IMODE(facts.st_mode))
    return path.stat()


def _restore(path: Path, placed: os.stat_result) -> None:
    """dpkg may have put a newer foreign program, or none, where the stand-in was."""
    foreign = path.with_name(path.name + FOREIGN)
    if path.exists() and path.stat().st_ino == placed.st_ino:
        _carry_over(path, foreign, placed)
        foreign.rename(path)
    else:
        foreign.unlink()


def _carry_over(stand_in: Path, foreign: Path, placed: os.stat_result) -> None:
    """Scripts set owners, modes and capabilities by name: of the stand-in, and meant for the other."""
    facts = stand_in.stat()
    if (facts.st_uid, facts.st_gid, facts.st_mode) != (placed.st_uid, placed.st_gid, placed.st_mode):
        os.chown(foreign, facts.st_uid, facts.st_gid)
        foreign.chmod(stat.S_IMODE(facts.st_mode))  # the kernel has cleared what a new owner may not have
    for name in os.listxattr(stand_in):
        os.setxattr(foreign, name, os.getxattr(stand_in, name))


def _add_libraries(root: Path, native: Path) -> list[Path]:
    """Loader, libraries and what a native Perl and Python load; the paths to remove afterwards."""
    added = [root / name for name in (LIBRARIES, LOADER, INTERPRETER + FOREIGN, LOADER_LINK)]
    shutil.copytree(native / LIBRARIES, added[0], symlinks=True, ignore=HALF_A_PERL)
    shutil.copytree(native / LOADER, added[1], symlinks=True)
    shutil.copy2(native / INTERPRETER, added[2])
    added[3].symlink_to(LOADER)
    for extension in native.glob(PYTHON_EXTENSIONS):
        path = root / extension.relative_to(native)
        if path.parent.is_dir():
            shutil.copy2(extension, path)
            added.append(path)
    return added


def _remove(added: list[Path]) -> None:
    for path in added:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _refuse_missing(root: Path) -> None:
    record = root / MISSING.lstrip("/")
    if record.exists():
        names = sorted(set(record.read_text().split()))
        record.unlink()
        raise MissingStandInError(
            f"maintainer scripts called {', '.join(names)}, and this machine has no such program: "
            "install the packages that bring them into the stage that calls this"
        )

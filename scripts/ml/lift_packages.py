"""Lifts files of freshly installed Debian packages into a tree that a layer can be made of.

    python3 -B lift_packages.py torch OUT BEFORE      torch's Python trees, headers and the
                                                      libraries that they really load
    python3 -B lift_packages.py compiler OUT BEFORE   a C++ compiler that makes shared objects
    python3 -B lift_packages.py compilers OUT BEFORE  the same and a C compiler

BEFORE lists the packages that the image has anyway, one name a line. A fourth word is the tree
of another machine that the packages were installed in: nothing of them is run. What a library needs
is read in its header, by pyelftools, which `torch` therefore has to find. Lifted packages are
entered under /var/lib/dpkg/status.d (with the files that ship), where SBOM tools and scanners look,
so that a vulnerability in one of them is still found by its Debian version.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from record import render_record

ARCHIVE_SITE = Path("/usr/lib/python3/dist-packages")
# uv and pip look here; the archive's own folder is invisible to them.
SITE = Path("/usr/local/lib/python3.13/dist-packages")
TORCH_PACKAGES = ("python3-torch", "python3-torchvision", "python3-torchaudio", "libtorch-dev")
# torch.compile compiles against torch's headers, and those for Arm include this one of libsleef-dev.
INCLUDED = "sleef.h"
# global_deps is opened by name at import, so no other library shows that it is needed.
OPENED_BY_NAME = "libtorch_global_deps.so."
# Of torch's programs only the one that torch itself starts ships; the others are tests.
# video_reader would load the archive's libavcodec, which has the soname of our FFmpeg's own.
UNWANTED = re.compile(
    r"/torch/bin/(?!torch_shm_manager$)|/torchvision/video_reader[^/]*\.so$|\.pyi$|\.a$|\.pyc$"
)
# The C compiler goes with its names, so that nobody finds half of one, unless it is asked for (it
# comes with the C++ one): Triton compiles C at the first use of a GPU. libgcc.a, libc_nonshared.a
# and the linker plugin are parts of every link, the other four archives are empty and only have to
# be found (torch links with -lpthread); libpython is for programs that embed Python.
NOT_FOR_KERNELS = re.compile(
    r"/(cc1|lto1|lto-wrapper|.*lto-dump(-\d+)?)$|/bin/(\S+-)?(gcc|cc|cpp|c[89]9|gp-\S+|gprof\S*|gcov\S*)"
    r"(-[a-z]+)?(-\d+)?$|/(?!lib(gcc|c_nonshared|dl|pthread|rt|util)\.a$)[^/]*\.a$|/lib[a-z]+san(_preinit)?\."
    r"|/gprofng|/libgprofng|/config-3\.\d+|/libpython3|/bin/\S*(python3-config|dwp|ld\.gold)"
)
C_COMPILER = re.compile(r"/(cc1|bin/(\S+-)?gcc(-\d+)?)$")
# Where `/` of the image lies.
ROOT = Path("/")
# Debian's architecture as ELF's triplets and wheels spell it.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
WHEEL = """Wheel-Version: 1.0
Generator: lift_packages
Root-Is-Purelib: false
Tag: cp313-cp313-linux_{machine}
"""


def ask(*argv: str) -> str:
    """What a program prints."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def ask_packages(*argv: str) -> str:
    """What the database of packages below ROOT answers."""
    return ask("dpkg-query", f"--admindir={ROOT}/var/lib/dpkg", *argv)


def place(path: Path) -> Path:
    """Where a path of the image lies."""
    return ROOT / path.relative_to("/")


def canonical(path: Path) -> Path:
    """The path with its folder's links resolved (/lib is /usr/lib) and its own link kept."""
    return Path("/", place(path).parent.resolve().relative_to(ROOT), path.name)


def list_new_files(before: Path) -> dict[Path, str]:
    """Every existing file of the new packages, with the package that owns it."""
    known = set(before.read_text().split())
    names = set(ask_packages("-W", "-f", "${Package}\n").split()) - known
    owner = {}
    for name in sorted(names):
        for line in ask_packages("-L", name).splitlines():
            if line.startswith("/") and is_file(Path(line)):
                owner[canonical(Path(line))] = name
    return owner


def is_file(path: Path) -> bool:
    """Whether a path of the image is a file or a link."""
    return place(path).is_symlink() or place(path).is_file()


def resolve(path: Path) -> Path:
    """The path in the image that a link there ends at."""
    while place(path).is_symlink():
        path = canonical(path.parent / place(path).readlink())
    return path


def follow_links(paths: Iterable[Path]) -> set[Path]:
    """The paths and, for a link, every step to the file it names."""
    found: set[Path] = set()
    todo = [canonical(path) for path in paths]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            if place(path).is_symlink():
                todo.append(canonical(path.parent / place(path).readlink()))
    return found


def list_needed(roots: set[Path]) -> set[Path]:
    """`roots` and the shared libraries that the loader would open for them (ld.so(8)), with each
    step of a link."""
    opened, todo, absent = set(roots), [*roots], set()
    while todo:
        for name, folders in read_needed(todo.pop()):
            places = [folder / name for folder in folders if is_file(folder / name)]
            if not places:
                absent.add(name)
            new = set(places[:1]) - opened
            opened |= new
            todo += new
    # torchaudio opens its own neighbour by path first, so the loader need not find that one
    if absent := absent - {path.name for path in roots}:
        sys.exit(f"no package brings {', '.join(sorted(absent))}; add it to the list of packages")
    return follow_links(opened)


def read_needed(path: Path) -> Iterator[tuple[str, list[Path]]]:
    """Each library that a file names, with the folders to look in: its own, then the loader's.

    $ORIGIN is the folder that the file was opened in, also where a link stands there.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 -- the image has none, and compilers need none

    file = place(resolve(path))
    if not file.is_file():
        return
    with file.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return
        elf = ELFFile(stream)
        tags = [tag for part in elf.iter_segments("PT_DYNAMIC") for tag in part.iter_tags()]
    own = [getattr(tag, key) for tag in tags for key in ("rpath", "runpath") if hasattr(tag, key)]
    folders = [text.replace("$ORIGIN", str(path.parent)) for words in own for text in words.split(":")]
    folders += [f"/usr/lib/{ask_machine()}-linux-gnu", "/usr/lib"]
    for tag in tags:
        if tag.entry.d_tag == "DT_NEEDED":
            yield tag.needed, [Path(os.path.normpath(folder)) for folder in folders]


@cache
def ask_machine() -> str:
    """The machine of the packages."""
    return MACHINES[ask_packages("-W", "-f", "${Architecture}", "dpkg")]


def choose_torch(owner: dict[Path, str]) -> set[Path]:
    """Torch's own files and the new libraries among what they load."""
    own = {path for path, name in owner.items() if name in TORCH_PACKAGES or path.name == INCLUDED}
    own = {path for path in own if not UNWANTED.search(str(path)) and not is_documentation(path)}
    roots = follow_links([*own, *(path for path in owner if OPENED_BY_NAME in path.name)])
    return {path for path in list_needed(roots) if path in owner or is_alternative(path)}


def is_alternative(path: Path) -> bool:
    """A link that update-alternatives made, which no package owns: libblas.so.3 is one."""
    where = place(path)
    return "alternatives" in path.parts or (where.is_symlink() and "alternatives" in where.readlink().parts)


def choose_compiler(owner: dict[Path, str]) -> set[Path]:
    """What a C++ compiler needs to make a shared object, and each package's licence."""
    return {path for path in owner if not is_documentation(path) and not NOT_FOR_KERNELS.search(str(path))}


def choose_compilers(owner: dict[Path, str]) -> set[Path]:
    """The same with a C compiler."""
    return choose_compiler(owner) | {path for path in owner if C_COMPILER.search(str(path))}


def is_documentation(path: Path) -> bool:
    """Everything in /usr/share but licences."""
    return str(path).startswith("/usr/share/") and path.name != "copyright"


def move_target(path: Path) -> Path:
    """Where a file stands in the image: Python trees move to the folder that uv reads."""
    text = str(path).replace(f"{ARCHIVE_SITE}/", f"{SITE}/")
    text = re.sub(r"\.egg-info/PKG-INFO$", ".dist-info/METADATA", text)
    return Path(re.sub(r"\.egg-info/", ".dist-info/", text))


def copy_file(path: Path, out: Path) -> Path:
    """Copy a file or a link to its place under `out`; gives its path in the image."""
    installed = move_target(path)
    target = out / installed.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if place(path).is_symlink() and installed != path:  # a moved relative link would point elsewhere
        target.symlink_to(canonical(path.parent / place(path).readlink()))
    else:
        shutil.copy2(place(path), target, follow_symlinks=False)
    return installed


def enter_package(name: str, files: list[tuple[Path, Path]], out: Path) -> None:
    """Enter a package, with the shipped files only, where distroless images enter theirs."""
    folder = out / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(ask_packages("-s", name))
    sums = []
    for path, installed in files:
        if not place(path).is_symlink():
            digest = hashlib.md5(place(path).read_bytes(), usedforsecurity=False).hexdigest()
            sums.append(f"{digest}  {installed.relative_to('/')}\n")
    (folder / f"{name}.md5sums").write_text("".join(sums))
    licence = Path(f"/usr/share/doc/{name}/copyright")
    if place(licence).exists():
        copy_file(licence, out)


def enter_distributions(out: Path) -> None:
    """Give torch, torchvision and torchaudio a dist-info that owns everything of this layer."""
    site = out / SITE.relative_to("/")
    owned = defaultdict(list)
    # RECORD lists files: a link to a folder of headers has no hash to be listed with
    for path in sorted(path for path in out.rglob("*") if find_bytes(path, out).is_file()):
        folder = path.relative_to(site).parts[0] if path.is_relative_to(site) else ""
        name = next((n for n in ("torchvision", "torchaudio") if folder.startswith(n)), "torch")
        owned["torchaudio" if folder == "torio" else name].append(path)
    for dist_info in site.glob("*.dist-info"):
        files = owned[dist_info.name.partition("-")[0]]
        (dist_info / "WHEEL").write_text(WHEEL.format(machine=ask_machine()))
        (dist_info / "INSTALLER").write_text("apt\n")
        files += [dist_info / "WHEEL", dist_info / "INSTALLER"]
        pairs = [(Path("/") / path.relative_to(out), find_bytes(path, out)) for path in files]
        in_image = Path("/") / dist_info.relative_to(out)
        (dist_info / "RECORD").write_text(render_record(SITE, in_image, pairs))


def find_bytes(path: Path, out: Path) -> Path:
    """Where the bytes of a lifted path lie: a link's in the tree that it was lifted from."""
    if not path.is_symlink():
        return path
    installed = Path("/", path.relative_to(out))
    return place(resolve(canonical(installed.parent / path.readlink())))


def main(mode: str, out: Path, before: Path) -> None:
    """Copy what the mode chooses, then enter its owners."""
    owner = list_new_files(before)
    choose = {"torch": choose_torch, "compiler": choose_compiler, "compilers": choose_compilers}[mode]
    by_package = defaultdict(list)
    for path in sorted(choose(owner)):
        by_package[owner.get(path, "")].append((path, copy_file(path, out)))
    for name in sorted(by_package.keys() - {""}):
        enter_package(name, by_package[name], out)
    if mode == "torch":
        enter_distributions(out)


if __name__ == "__main__":
    os.umask(0o022)
    ROOT = Path(sys.argv[4] if len(sys.argv) > 4 else "/")
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

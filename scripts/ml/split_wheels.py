"""Prunes freshly installed wheels and moves them out, one tree for each layer.

    python3 -B split_wheels.py OUT LAYOUT LOCK...

Takes the distributions that the locks name; LAYOUT is the image's wheels.toml, which says what
layer each belongs to and what nobody reads. What RECORD does not own stays behind, so no stray
bytecode ships; what is pruned leaves RECORD too, so that it keeps telling the truth. With STRIP, the
name of such a program, shared objects lose the symbols that only linkers and debuggers read. The
bytes of each cause are printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

from record import hash_file, render_record

try:
    import tomllib
except ImportError:  # Python 3.10, that of JetPack 6's builder; every pip brings it along
    from pip._vendor import tomli as tomllib

# Where the wheels lie: another place than this Python's where they are for another one.
SITE = Path(os.environ.get("SITE") or sysconfig.get_path("purelib"))
# Nothing at run time reads these.
BUILD_SUFFIXES = {
    ".a": "static libraries",
    **dict.fromkeys((".c", ".cc", ".cpp", ".cu", ".pxd", ".pyx"), "sources"),
    **dict.fromkeys((".cmake", ".cuh", ".h", ".hpp"), "headers"),
    ".pyi": "type stubs",
}
# Wheels that were packed with too much put these beside the packages, several in one place.
STRAY_FOLDERS = {"docs", "newsfragments"}
LINKABLE = re.compile(r"\.so(\.[0-9.]+)?$")
CUDA_SUFFIX = re.compile(r"-cu\d+$")


def normalize(name: str) -> str:
    """The canonical spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass
class Layout:
    """What wheels.toml says, and the bytes that were pruned so far, by cause."""

    layer_of: dict[str, str]
    keep_headers: set[str]
    keep_stubs: set[str]
    keep_symbols: set[str]
    rules: list[tuple[str, set[str], re.Pattern[str]]]
    pruned_bytes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def load(cls, path: Path) -> Layout:
        """Read wheels.toml; {cuda} in a pattern stands for the CUDA line of the build, as 128."""
        cuda = os.environ.get("CUDA", "").replace(".", "")
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := set(text.get("keep_symbols", ())) - set(text["layers"]):
            sys.exit(f"{path.name}: keep_symbols names no layer: {', '.join(sorted(unknown))}")
        return cls(
            layer_of={name: layer for layer, names in text["layers"].items() for name in names},
            keep_headers=set(text["keep_headers"]),
            keep_stubs=set(text["keep_stubs"]),
            keep_symbols=set(text.get("keep_symbols", ())),
            rules=[
                (
                    rule["cause"],
                    set(rule["distributions"]),
                    re.compile(rule["pattern"].replace("{cuda}", cuda)),
                )
                for rule in text["prune"]
            ],
        )

    def layer(self, name: str) -> str:
        """The layer of a distribution; a CUDA line's suffix (-cu12) does not matter."""
        return self.layer_of.get(name) or self.layer_of.get(CUDA_SUFFIX.sub("", name), "rest")

    def cause_to_prune(self, name: str, path: Path) -> str:
        """Why a file of the distribution `name` does not ship; empty when it does."""
        folders = path.relative_to(SITE).parts[:-1] if path.is_relative_to(SITE) else ()
        if {"tests", "test"} & set(folders):
            return "tests"
        if STRAY_FOLDERS & set(folders[:1]):
            return "documentation beside the packages"
        if path.suffix == ".pyc":
            return "bytecode"
        for cause, names, pattern in self.rules:
            if {name, CUDA_SUFFIX.sub("", name)} & names and pattern.search(str(path)):
                return cause
        kind = BUILD_SUFFIXES.get(path.suffix, "")
        kept = self.keep_stubs if kind == "type stubs" else self.keep_headers
        return "" if name in kept else kind


def read_names(lock: Path) -> set[str]:
    """The distributions that a lock pins."""
    return {normalize(name) for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.M)}


def link_copies(files: list[Path]) -> int:
    """Turn equal shared objects of one folder into links, as wheels cannot hold any; gives bytes."""
    alike, saved_bytes = defaultdict(list), 0
    for path in files:
        if LINKABLE.search(path.name) and not path.is_symlink():
            alike[path.parent, path.stat().st_size].append(path)
    for group in alike.values():
        by_hash = defaultdict(list)
        for path in group if len(group) > 1 else []:
            by_hash[hash_file(path)].append(path)
        for copies in by_hash.values():
            real, *others = sorted(copies, key=lambda path: -len(path.name))
            for other in others:
                saved_bytes += other.stat().st_size
                other.unlink()
                other.symlink_to(real.name)
    return saved_bytes


def strip_symbols(files: list[Path], strip: str) -> int:
    """Take static symbols out of shared objects; gives bytes.

    What auditwheel grafted into `*.libs` stays as it is: it was patched after it was linked.
    """
    found = [
        path
        for path in files
        if LINKABLE.search(path.name) and not path.is_symlink() and path.parent.suffix != ".libs"
    ]
    before_bytes = sum(path.stat().st_size for path in found)
    if found:
        subprocess.run([strip, "--strip-unneeded", *found], check=True)
    return before_bytes - sum(path.stat().st_size for path in found)


def check_claims(dists: Iterable[Distribution], layout: Layout) -> None:
    """Stop where two wheels brought other bytes for one path: which of them is there is chance."""
    claims: dict[Path, dict[str, str]] = defaultdict(dict)
    for dist in dists:
        name = normalize(dist.name)  # once: each question parses the metadata
        for file in dist.files or []:
            path = Path(os.path.normpath(SITE / file))
            if file.hash and not layout.cause_to_prune(name, path):
                claims[path].setdefault(file.hash.value, name)
    told = [f"{path} ({' and '.join(names.values())})" for path, names in claims.items() if len(names) > 1]
    if told:
        sys.exit(f"several wheels bring {', '.join(told)}; drop all but one, or prune it in wheels.toml")


def choose_files(dist: Distribution, layout: Layout, taken: set[Path]) -> list[Path]:
    """The files of a distribution that ship and that none brought before; what is pruned is counted."""
    name, kept = normalize(dist.name), []
    for path in (Path(os.path.normpath(SITE / file)) for file in dist.files or []):
        if path in taken or not path.exists():
            continue
        if cause := layout.cause_to_prune(name, path):
            layout.pruned_bytes[cause] += path.stat().st_size
        else:
            kept.append(path)
    taken.update(kept)
    return kept


def move_out(name: str, files: list[Path], out: Path, layout: Layout) -> Counter[str]:
    """Move a distribution's files into the tree of its layer and write its RECORD anew.

    Gives what that pruned. No two distributions have a file in common here: each has a thread.
    """
    pruned_bytes = Counter({"copies in one folder": link_copies(files)})
    strip = os.environ.get("STRIP")
    if strip and layout.layer(name) not in layout.keep_symbols:
        pruned_bytes["symbols"] = strip_symbols(files, strip)
    dist_info = next(path.parent for path in files if path.name == "METADATA")
    (dist_info / "RECORD").write_text(render_record(SITE, dist_info, [(path, path) for path in files]))
    tree = out / layout.layer(name)
    for path in files:
        target = tree / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    return pruned_bytes


def main(out: Path, layout: Layout, locks: list[Path]) -> None:
    """Split what is installed in SITE; a locked name that is absent stops the build."""
    locked = set().union(*map(read_names, locks))
    installed = {normalize(dist.name): dist for dist in distributions(path=[str(SITE)])}
    if missing := sorted(locked - set(installed)):
        sys.exit(f"locked but not installed: {', '.join(missing)}; run `nox -s lock`")
    check_claims((installed[name] for name in sorted(locked)), layout)
    taken: set[Path] = set()
    files = {name: choose_files(installed[name], layout, taken) for name in sorted(locked)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # strip and hashes leave the interpreter to others
        for pruned_bytes in pool.map(lambda name: move_out(name, files[name], out, layout), files):
            layout.pruned_bytes.update(pruned_bytes)
    for cause, size_bytes in layout.pruned_bytes.most_common():
        print(f"pruned {size_bytes / 1e6:8.1f} MB  {cause}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Layout.load(Path(sys.argv[2])), [Path(word) for word in sys.argv[3:]])

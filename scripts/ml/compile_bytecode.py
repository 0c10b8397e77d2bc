"""Compiles the Python files of each layer's tree, natively: bytecode does not know machines.

    python3 -B compile_bytecode.py TREES

Unchecked: the files of a layer do not change, and a board need not look at their times. Every folder
gets a process of its own: what marshal writes as a reference depends on what its process compiled
before, and workers that share all files by chance give other bytes from build to build.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from compileall import compile_dir
from pathlib import Path
from py_compile import PycInvalidationMode

UNCHECKED = PycInvalidationMode.UNCHECKED_HASH


def compile_folder(job: tuple[str, str]) -> bool:
    """Compile what lies in one folder of a tree, named as it will be in the image; tells an error."""
    tree, folder = job
    done = compile_dir(
        folder, maxlevels=0, quiet=1, stripdir=tree, prependdir="/", invalidation_mode=UNCHECKED
    )
    return bool(done)


def main(trees: Path) -> None:
    jobs = [(str(tree), folder) for tree in sorted(trees.iterdir()) for folder, _, _ in os.walk(tree)]
    # a child that is forked starts as every other one does
    with multiprocessing.get_context("fork").Pool(maxtasksperchild=1) as pool:
        if not all(pool.map(compile_folder, jobs, chunksize=1)):
            sys.exit("some files do not compile, see above")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

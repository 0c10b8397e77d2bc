#!/usr/bin/python3 -B
"""Is dpkg for the apt that install.py starts: works on the foreign tree, with stand-ins in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from stand_ins import MissingStandInError, swap_programs

# force-architecture: the tree's packages are foreign to this dpkg. force-depends: it takes packages
# for all architectures for native ones; apt has resolved the dependencies. unsafe-io: a layer needs
# no fsync after every file.
OPTIONS = ("--force-architecture", "--force-depends", "--force-unsafe-io")


def main() -> int:
    root = Path(os.environ["CROSS_ROOT"])
    words = ["/usr/bin/dpkg", f"--root={root}", *OPTIONS, *sys.argv[1:]]
    with swap_programs(root):
        return subprocess.run(words, check=False, close_fds=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MissingStandInError as error:
        sys.exit(f"cross dpkg: {error}")

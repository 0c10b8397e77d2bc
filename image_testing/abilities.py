"""Asks the image that it runs in what it can do, and prints one JSON document.

FFmpeg's own lists, as it prints them, and every public module of the standard library and of the
installed packages: each is imported by a Python of its own, so that none can help or break another.
It comes by standard input (`python3 -`), needs nothing but the image and leaves nothing in it.
"""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LISTS = ("codecs", "encoders", "decoders", "protocols", "filters")
LIST_S = 60
MODULE_S = 180
LONGEST = 200
# The word tells that the import came to its end: a module may end the program with success.
IMPORT = "import importlib, sys; importlib.import_module(sys.argv[1]); print('\\nimported')"
# Importing this one opens a web browser.
PASSED_OVER = {"antigravity"}


def ask_ffmpeg(name: str) -> str:
    try:
        words = ["ffmpeg", "-hide_banner", f"-{name}"]
        return subprocess.run(words, capture_output=True, text=True, timeout=LIST_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def list_modules() -> list[str]:
    folders = [path for path in sys.path if path.endswith("-packages")]
    names = {module.name for module in pkgutil.iter_modules(folders)} | set(sys.stdlib_module_names)
    return sorted(name for name in names - PASSED_OVER if not name.startswith("_"))


def try_import(name: str) -> str:
    """Why a module cannot be imported; empty when it can."""
    words = [sys.executable, "-B", "-W", "ignore", "-c", IMPORT, name]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MODULE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not imported within {MODULE_S} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:LONGEST]
    return "" if done.stdout.endswith("\nimported\n") else "ended while it was imported"


def main() -> None:
    modules = list_modules()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        imports = dict(zip(modules, pool.map(try_import, modules), strict=True))
    print(json.dumps({"ffmpeg": {name: ask_ffmpeg(name) for name in LISTS}, "imports": imports}))


if __name__ == "__main__":
    main()

"""Who owns the bytes of an image: a rule table from paths to owners, first match wins.

Coarse on purpose: an owner is what somebody bumps as one thing. What no rule names belongs to the
base in the base's layer and to the system packages elsewhere, so owners always add up.
"""

from __future__ import annotations

import re
from collections import Counter

SITE = r"(opt/python/lib/python3\.\d+/site-packages|usr/local/lib/python3(\.\d+)?/dist-packages)/"
RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("torch", re.compile(SITE + r"(torch|functorch|torchgen|torchvision|torchaudio|torio)\b")),
    ("torch", re.compile(r"usr/lib/[^/]+/lib(torch|c10|caffe2|dnnl|tensorpipe|gloo)")),
    ("pip and uv", re.compile(SITE + r"(pip|uv)\b")),
    ("pip and uv", re.compile(r"usr/local/bin/(pip|pip3|uv|uvx)$")),
    ("wheels", re.compile(SITE)),
    ("python", re.compile(r"(opt/python/|usr/lib/python3)")),
    ("python", re.compile(r"usr/(bin/(python|pydoc|pygettext)|lib/[^/]+/libpython)")),
    ("ffmpeg", re.compile(r"usr/local/(bin/ff|lib/lib(av|sw|postproc))")),
    ("node", re.compile(r"usr/local/(bin/(node|npm|npx)$|lib/node_modules/)")),
    ("ngrok", re.compile(r"usr/local/bin/ngrok$")),
    ("engine", re.compile(r"usr/s?bin/(docker|containerd|runc)")),
    ("ours", re.compile(r"usr/local/bin/entrypoint\.sh$")),
)


def owner_of(path: str, created_by: str, is_base: bool) -> str:
    """Owner of one file; `path` as in the layer's tar, `created_by` its layer's instruction."""
    if is_base:
        return "base"
    name = path.removeprefix("./").removeprefix("/")
    for owner, pattern in RULES:
        if pattern.match(name):
            return owner
    return "engine" if "docker.io" in created_by else "system packages"


def owner_of_layer(own: Counter[str], created_by: str, is_base: bool) -> str:
    """Owner of most bytes of a layer; a layer without files is named after its instruction."""
    if own:
        return own.most_common(1)[0][0]
    return owner_of("", created_by, is_base)

"""Tiny ELF files and images of them, written by hand: no compiler, no engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from baseimages.inspect import Layout, open_layout
from tests.inspect.test_layout import put_blob

AARCH64, X86_64 = 183, 62
TAGS = {"needed": 1, "strtab": 5, "strsz": 10, "soname": 14, "rpath": 15, "runpath": 29}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
SHT_PROGBITS, SHT_STRTAB, SHT_RELA, SHT_DYNSYM = 1, 3, 4, 11
HEADER, SEGMENT, SECTION = 64, 56, 64
STRINGS = 2  # number of the section .dynstr


@dataclass(frozen=True)
class Symlink:
    target: str


@dataclass(frozen=True)
class HardLink:
    target: str


@dataclass(frozen=True)
class Executable:
    content: bytes = b"#!/bin/sh\n"


Content: TypeAlias = "bytes | str | Symlink | HardLink | Executable"


def make_elf(
    *needed: str,
    machine: int = AARCH64,
    soname: str = "",
    rpath: str = "",
    runpath: str = "",
    interpreter: str = "",
    code: Sequence[int] = (),
    names: Sequence[str] = (),
    sections: Mapping[str, tuple[int, bytes]] | None = None,
) -> bytes:
    """One 64-bit little-endian file that pyelftools and a loader can read.

    `names` stand in its string table as imports do; `sections` adds others by name, type and content.
    """
    strings = b"\0"
    tags = []
    words = [("needed", name) for name in needed]
    words += [(k, v) for k, v in (("soname", soname), ("rpath", rpath), ("runpath", runpath)) if v]
    for tag, text in words:
        tags.append((TAGS[tag], len(strings)))
        strings += text.encode() + b"\0"
    strings += b"".join(name.encode() + b"\0" for name in names)
    parts = {".text": struct.pack(f"<{len(code)}I", *code), ".interp": interpreter.encode() + b"\0"}
    start = HEADER + 3 * SEGMENT
    place = {".text": start, ".interp": start + len(parts[".text"])}
    place[".dynstr"] = place[".interp"] + len(parts[".interp"])
    tags += [(TAGS["strtab"], place[".dynstr"]), (TAGS["strsz"], len(strings)), (0, 0)]
    place[".dynamic"] = place[".dynstr"] + len(strings)
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    body = parts[".text"] + parts[".interp"] + strings + dynamic
    end = start + len(body)
    segments = [
        (PT_LOAD, 5, 0, end),
        (PT_DYNAMIC, 6, place[".dynamic"], len(dynamic)),
        (PT_INTERP if interpreter else 0, 4, place[".interp"], len(parts[".interp"])),
    ]
    table = [
        (".text", SHT_PROGBITS, 6, place[".text"], len(parts[".text"])),
        (".dynstr", SHT_STRTAB, 2, place[".dynstr"], len(strings)),
    ]
    for name, (kind, content) in (sections or {}).items():
        table.append((name, kind, 0, start + len(body), len(content)))
        body += content
    return _join(machine, segments, body, table)


def _join(
    machine: int,
    segments: list[tuple[int, int, int, int]],
    body: bytes,
    table: list[tuple[str, int, int, int, int]],
) -> bytes:
    names = b"\0" + b"".join(row[0].encode() + b"\0" for row in table) + b".shstrtab\0"
    start = HEADER + len(segments) * SEGMENT
    rows = [("", 0, 0, 0, 0), *table, (".shstrtab", SHT_STRTAB, 0, start + len(body), len(names))]
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, machine, 1, 0, HEADER, start + len(body) + len(names), 0,
        HEADER, SEGMENT, len(segments), SECTION, len(rows), len(rows) - 1,
    )  # fmt: skip
    program = b"".join(
        struct.pack("<IIQQQQQQ", kind, flags, offset, offset, offset, size, size, 8)
        for kind, flags, offset, size in segments
    )
    sections = b"".join(
        struct.pack(
            "<IIQQQQIIQQ", names.index(name.encode()), kind, flags, offset, offset, size, STRINGS, 0, 1, 24
        )
        for name, kind, flags, offset, size in rows
    )
    return header + program + body + names + sections


def make_image(
    root: Path,
    *layers: Mapping[str, Content],
    architecture: str = "arm64",
    env: Sequence[str] = (),
    **settings: object,
) -> Layout:
    """An OCI layout whose layers hold these entries, in this order; a name that ends in / is a folder.

    `settings` are more of what a container is started with, by their names in the configuration.
    """
    descriptors, diff_ids = [], []
    for entries in layers:
        tar = _make_tar(entries)
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        blob = put_blob(root, gzip.compress(tar, mtime=0))
        descriptors.append(blob | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"})
    config = {
        "architecture": architecture,
        "config": {"Env": list(env), **settings},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {"config": put_blob(root, json.dumps(config).encode()), "layers": descriptors}
    index = {"manifests": [put_blob(root, json.dumps(manifest).encode())]}
    (root / "index.json").write_text(json.dumps(index))
    return open_layout(root)


def _make_tar(entries: Mapping[str, Content]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.mode = 0o755 if isinstance(content, Executable) else 0o644
            data = content.content if isinstance(content, Executable) else content
            data = data.encode() if isinstance(data, str) else data
            if isinstance(data, (Symlink, HardLink)):
                entry.type = tarfile.SYMTYPE if isinstance(data, Symlink) else tarfile.LNKTYPE
                entry.linkname, data = data.target, b""
            elif name.endswith("/"):
                entry.type = tarfile.DIRTYPE
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()

"""What an ELF file says about itself, read without running it and on any machine."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Protocol, cast

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from baseimages.inspect.instructions import count_extensions

MAGIC = b"\x7fELF"
# A program up to this size is read in memory, a larger one in a file without a name.
SPOOL_BYTES = 1 << 24
# Bits of the ELF specification: an executable section, an executable segment.
SHF_EXECINSTR = 0x4
PF_X = 0x1
# Sizes and numbers of ELF for 64-bit Arm: symbols and relocations are records of 24 bytes, a
# function that the loader lets choose is a symbol of type 10 or a relocation of type 1032.
RECORD_BYTES = 24
STT_GNU_IFUNC = 10
R_AARCH64_IRELATIVE = 1032
# Names that a program has in a string table when it asks which extensions there are: of the C
# library, of FreeBSD's, and of libgcc's outline atomics, which ask the C library.
QUESTIONS = (
    b"getauxval\0",
    b"elf_aux_info\0",
    b"\0__aarch64_have_lse",
    b"\0__aarch64_cas",
    b"\0__aarch64_ldadd",
)
# Versions of the C library's symbols, which a file names where it needs them, and the library itself
# where it has them.
GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?=[.\0])")
GO_SECTION = ".go.buildinfo"  # Go's runtime asks in every program
# What pyelftools raises where bytes are not what their headers promise; it checks little itself.
DAMAGE = (ELFError, ValueError, LookupError, AttributeError, TypeError, OverflowError)


@dataclass(frozen=True, kw_only=True)
class Program:
    """An ELF file. `search` are its own folders (RUNPATH, else RPATH), as they are written;
    `extensions` counts words beyond a Cortex-A72, for 64-bit Arm only; `asks` tells that it has a
    way to learn what the processor can, `chooses` that whole functions are chosen by it: by the loader
    or by Go's runtime; `glibc` is the newest C library that its symbols name, empty where none does.
    With `damage` nothing else is known.
    """

    machine: str = ""
    bits: int = 0
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    soname: str = ""
    glibc: tuple[int, ...] = ()
    extensions: dict[str, int] = field(default_factory=dict)
    asks: bool = False
    chooses: bool = False
    damage: str = ""


class Readable(Protocol):
    """What can be read once, from its start to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, none at the end."""
        ...


def read_program(start: bytes, rest: Readable, size_bytes: int) -> Program:
    """Read one ELF file from a stream whose first bytes, `start`, were read already."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        spool.write(start)
        shutil.copyfileobj(rest, spool, 1 << 20)
        try:
            return _read(ELFFile(spool), cast("IO[bytes]", spool), size_bytes)
        except DAMAGE as error:
            return Program(damage=f"{type(error).__name__}: {error}"[:200])


def _read(elf: ELFFile, file: IO[bytes], size_bytes: int) -> Program:
    loaded = [s["p_offset"] + s["p_filesz"] for s in elf.iter_segments("PT_LOAD")]
    if max(loaded, default=0) > size_bytes:
        return Program(damage=f"it has {size_bytes} bytes and its segments {max(loaded)}")
    search = _tags(elf, "RUNPATH") or _tags(elf, "RPATH")
    is_arm = elf["e_machine"] == "EM_AARCH64"
    return Program(
        machine=elf["e_machine"],
        bits=elf.elfclass,
        interpreter=_read_interpreter(elf),
        needed=_tags(elf, "NEEDED"),
        search=tuple(folder for text in search for folder in text.split(":")),
        soname="".join(_tags(elf, "SONAME")),
        glibc=_read_glibc(elf),
        extensions=count_extensions(file, list(_find_code(elf))) if is_arm else {},
        asks=is_arm and _asks(elf),
        chooses=is_arm and _chooses(elf),
    )


def _read_interpreter(elf: ELFFile) -> str:
    segments = (segment for segment in elf.iter_segments() if isinstance(segment, InterpSegment))
    return "".join(segment.get_interp_name() for segment in segments)


def _tags(elf: ELFFile, name: str) -> tuple[str, ...]:
    return tuple(
        getattr(tag, name.lower())
        for segment in elf.iter_segments()
        if isinstance(segment, DynamicSegment)
        for tag in segment.iter_tags(f"DT_{name}")
    )


def _read_glibc(elf: ELFFile) -> tuple[int, ...]:
    section = elf.get_section_by_name(".dynstr")
    found = GLIBC.findall(section.data()) if section else ()
    return max((tuple(map(int, version)) for version in found), default=())


def _find_code(elf: ELFFile) -> Iterator[tuple[int, int]]:
    """Offsets and lengths of what can be executed: by section, where there is none by segment."""
    sections = [s for s in elf.iter_sections("SHT_PROGBITS") if s["sh_flags"] & SHF_EXECINSTR]
    if sections:
        yield from ((section["sh_offset"], section["sh_size"]) for section in sections)
        return
    for segment in elf.iter_segments("PT_LOAD"):
        if segment["p_flags"] & PF_X:
            yield segment["p_offset"], segment["p_filesz"]


def _asks(elf: ELFFile) -> bool:
    names = [section.data() for section in elf.iter_sections("SHT_STRTAB")]
    return any(word in text for text in names for word in QUESTIONS)


def _chooses(elf: ELFFile) -> bool:
    """Whether Go's runtime asks, or functions are chosen when it is loaded: the loader tells them."""
    if elf.get_section_by_name(GO_SECTION):
        return True
    symbols = [_records(section.data())[:, 4] & 0xF for section in elf.iter_sections("SHT_DYNSYM")]
    kinds = [_records(section.data())[:, 8:12] for section in elf.iter_sections("SHT_RELA")]
    wanted = np.frombuffer(R_AARCH64_IRELATIVE.to_bytes(4, "little"), dtype=np.uint8)
    return any((found == STT_GNU_IFUNC).any() for found in symbols) or any(
        (found == wanted).all(axis=1).any() for found in kinds
    )


def _records(data: bytes) -> np.typing.NDArray[np.uint8]:
    return np.frombuffer(data[: len(data) // RECORD_BYTES * RECORD_BYTES], dtype=np.uint8).reshape(
        -1, RECORD_BYTES
    )

"""Whether the programs and libraries of an image fit its machine, told without running one.

Judged are: the machine of every ELF file, the loader that it names, the libraries that it needs,
and, for 64-bit Arm, extensions of the instruction set that a Cortex-A72 does not have. Static
archives and what a program opens by name while it runs are not looked at.

Looking cannot prove that a program runs: a file that has such instructions and a way to ask the
processor is taken to ask before it uses them. Atomic instructions (LSE) that a compiler put among
other code are not asked for, so they are a finding unless whole functions are chosen. The other
half of the proof is to import everything on an emulated Cortex-A72.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict

from baseimages.errors import ScanError
from baseimages.inspect.instructions import EXTENSIONS, INLINED
from baseimages.inspect.layout import Layout
from baseimages.inspect.loader import SITE, Loader, why_absent
from baseimages.inspect.programs import Program
from baseimages.inspect.tree import Tree
from baseimages.records import Record

SHOWN = 5
NO_BASE = "what they need was not looked for, the base is not in it"
Rule = Literal["damaged", "machine", "loader", "needed", "glibc", "extension"]
NUMBERS = "constants of SHA-2 or P-256 between functions; they look like instructions"
# Files with instructions that nothing in them guards visibly, and why that is right.
ALLOWED_EXTENSIONS = (
    ("LSE", "ld-linux-aarch64.so.1", "the loader: the kernel tells it the processor before anything runs"),
    ("SVE", "libmvec.so.1", "functions with names of their own (_ZGVs...), called by code for SVE only"),
    ("SVE", "libsleef.so.3*", "functions with names of their own (Sleef_*sve), called by code for SVE only"),
    ("DotProd", "libopus.so.0*", "reads /proc/cpuinfo (celt/arm/armcpu.c)"),
    (INLINED, "libcrypto-*.so.1.1*", NUMBERS),
    (INLINED, "libgnutls.so.30*", NUMBERS),
    (INLINED, "libarrow*.so.*", NUMBERS),
    (INLINED, "libparquet.so.*", NUMBERS),
    (INLINED, "ckzg.*.so", NUMBERS),
    (INLINED, "libarm_compute-*.so", "its fp16 kernels (Armv8.2), which it selects by the processor"),
    (
        INLINED,
        "libopenvino_arm_cpu_plugin.so",
        "taken for kernels of attention, which its CMake builds again behind with_cpu_neon_fp16()",
    ),
)


class ElfFinding(BaseModel):
    """One file and what is wrong with it; of what a declared row allows, `detail` is the reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    rule: Rule
    detail: str


class ExtensionCount(BaseModel):
    """How many files have instructions of one extension: with a way to ask the processor, or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    asking: int = 0
    needing: int = 0
    allowed: int = 0


class ElfRecord(Record):
    """What was judged. A file with several names counts once; `needed` counts pairs of file and library,
    `absent` those that an image may lack.

    `has_base` is whether what the files need was looked for. `glibc` is the version of the image's C
    library, `glibc_needed` the newest that a Python package needs. `extensions` is None where they
    were not looked at.
    """

    manifest_digest: str
    architecture: str
    has_base: bool = True
    files: int
    right_machine: int
    needed: int
    found: int
    by_sibling: int
    absent: int
    glibc: str
    glibc_needed: str
    extensions: dict[str, ExtensionCount] | None
    findings: tuple[ElfFinding, ...]
    allowed: tuple[ElfFinding, ...]


@dataclass
class _Verdict:
    """What grows while files are judged."""

    has_base: bool
    ways: Counter[str] = field(default_factory=Counter)
    extensions: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in (*EXTENSIONS, INLINED)}
    )
    findings: list[ElfFinding] = field(default_factory=list)
    allowed: list[ElfFinding] = field(default_factory=list)
    glibc: tuple[int, ...] = ()
    glibc_needed: tuple[int, ...] = ()

    def tell(self, path: str, rule: Rule, detail: str) -> None:
        self.findings.append(ElfFinding(path=path, rule=rule, detail=detail))

    def allow(self, path: str, rule: Rule, detail: str) -> None:
        self.allowed.append(ElfFinding(path=path, rule=rule, detail=detail))


def check_programs(layout: Layout, tree: Tree, *, has_base: bool = True) -> ElfRecord:
    """Judge every ELF file of an image and its merged tree.

    Without its base what the files need is elsewhere: then only the files themselves are judged.
    Raises ScanError for an architecture that nothing is known about.
    """
    loader = Loader.of(layout, tree)
    programs = dict(_list_programs(tree))
    verdict, fitting = _Verdict(has_base=has_base, glibc=loader.glibc()), 0
    for path, program in programs.items():
        fitting += _judge(path, program, loader, verdict)
    return _make_record(layout, len(programs), fitting, verdict)


def _list_programs(tree: Tree) -> Iterator[tuple[str, Program]]:
    seen = set()
    for path, file in tree.files():
        if file.program and id(file.program) not in seen:
            seen.add(id(file.program))
            yield path, file.program


def _judge(path: str, program: Program, loader: Loader, verdict: _Verdict) -> bool:
    """Judge one file; whether it is for the image's machine. Of one that is not, nothing else is told."""
    if program.damage:
        verdict.tell(path, "damaged", program.damage)
        return False
    if not loader.fits(program):
        verdict.tell(path, "machine", f"it is for {program.machine}, {program.bits} bits")
        return False
    if SITE.search(path):
        verdict.glibc_needed = max(verdict.glibc_needed, program.glibc)
    if verdict.has_base:
        _judge_needed(path, program, loader, verdict)
    _judge_extensions(path, program, verdict)
    return True


def _judge_needed(path: str, program: Program, loader: Loader, verdict: _Verdict) -> None:
    if program.interpreter and not loader.holds(program.interpreter):
        verdict.tell(path, "loader", f"{program.interpreter} is missing")
    if program.glibc > verdict.glibc:
        verdict.tell(path, "glibc", f"needs {_spell(program.glibc)}, the image has {_spell(verdict.glibc)}")
    for name in program.needed:
        way = loader.find(name, path, program)
        verdict.ways[way] += 1
        if way == "missing":
            verdict.tell(path, "needed", f"{name} is missing")
        elif way == "uncached":
            verdict.tell(path, "needed", f"{name} is there, but the loader's cache does not name it")
        elif way == "absent":
            verdict.allow(path, "needed", f"{name}: {why_absent(name, path)}")


def _judge_extensions(path: str, program: Program, verdict: _Verdict) -> None:
    for extension, count in program.extensions.items():
        asks = program.chooses or (program.asks and extension != INLINED)
        why = "" if asks else _why_allowed(extension, path)
        kind = "asking" if asks else "allowed" if why else "needing"
        verdict.extensions[extension][kind] += 1
        if kind == "allowed":
            verdict.allow(path, "extension", f"{extension}: {why}")
        elif kind == "needing":
            verdict.tell(
                path, "extension", f"needs {extension}: {count} instructions, and nothing asks first"
            )


def _why_allowed(extension: str, path: str) -> str:
    name = posixpath.basename(path)
    rows = ((what, why) for which, what, why in ALLOWED_EXTENSIONS if which == extension)
    return next((why for what, why in rows if fnmatchcase(name, what)), "")


def _make_record(layout: Layout, files: int, fitting: int, verdict: _Verdict) -> ElfRecord:
    architecture = str(layout.config["architecture"])
    extensions = {name: ExtensionCount(**counts) for name, counts in verdict.extensions.items()}
    return ElfRecord(
        manifest_digest=layout.manifest_digest,
        architecture=architecture,
        has_base=verdict.has_base,
        files=files,
        right_machine=fitting,
        needed=verdict.ways.total(),
        found=verdict.ways["found"],
        by_sibling=verdict.ways["sibling"],
        absent=verdict.ways["absent"],
        glibc=_spell(verdict.glibc),
        glibc_needed=_spell(verdict.glibc_needed),
        extensions=extensions if architecture == "arm64" else None,
        findings=tuple(verdict.findings),
        allowed=tuple(verdict.allowed),
    )


def _spell(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version)) or "no C library"


def describe_programs(record: ElfRecord) -> str:
    """A line for a person."""
    needed = (
        f"{record.needed} needed: {record.found} found, {record.by_sibling} loaded by a sibling, "
        f"{record.absent} allowed to be absent"
    )
    return (
        f"programs and libraries: {record.files}, {record.right_machine} of them for {record.architecture}; "
        f"{needed if record.has_base else NO_BASE}; {len(record.findings)} findings\n"
    )


def refuse_findings(record: ElfRecord) -> None:
    """Raise ScanError for a record with findings, the first of them named."""
    if record.findings:
        first = "\n".join(f"{found.path}: {found.rule}: {found.detail}" for found in record.findings[:SHOWN])
        raise ScanError(
            f"{len(record.findings)} findings in programs and libraries\n{first}",
            next_step="add what is missing to the image; all of them stand in elf.json of the work folder",
        )

"""Programs of an image are judged by what a container would find, without running one."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from rich.console import Console

from baseimages.errors import ScanError, VerificationError
from baseimages.inspect.elf import ElfRecord, check_programs, describe_programs, refuse_findings
from baseimages.inspect.instructions import EXTENSIONS, count_extensions
from baseimages.inspect.tree import read_tree
from tests.conftest import ROOT
from tests.inspect.elves import (
    AARCH64,
    SHT_DYNSYM,
    SHT_PROGBITS,
    SHT_RELA,
    X86_64,
    Content,
    HardLink,
    Symlink,
    make_elf,
    make_image,
)

QUIET = Console(quiet=True)
LIB = "usr/lib/aarch64-linux-gnu"
SITE = "opt/python/lib/python3.13/site-packages"
LIBC = {f"{LIB}/libc.so.6": make_elf(soname="libc.so.6")}
CACHE = b"glibc-ld.so.cache1.1" + bytes(4) + b"\xff" * 8 + bytes(4)  # what follows are its strings
CAS, PTRUE, NOP, RET = 0x88A17C62, 0x2518E3E0, 0xD503201F, 0xD65F03C0
Check: TypeAlias = Callable[..., ElfRecord]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def judge(
        *layers: Mapping[str, Content], architecture: str = "arm64", env: tuple[str, ...] = ()
    ) -> ElfRecord:
        layout = make_image(tmp_path, *layers, architecture=architecture, env=env)
        return check_programs(layout, read_tree(layout, QUIET))

    return judge


def told(record: ElfRecord) -> list[tuple[str, str, str]]:
    return [(found.path, found.rule, found.detail) for found in record.findings]


def test_a_program_whose_loader_and_libraries_are_there_passes(check: Check) -> None:
    loader = f"{LIB}/ld-linux-aarch64.so.1"
    program = make_elf("libc.so.6", interpreter="/lib/ld-linux-aarch64.so.1")
    base = {
        "lib": Symlink("usr/lib"),
        "usr/lib/ld-linux-aarch64.so.1": Symlink(f"/{loader}"),
        loader: make_elf(),
    }
    record = check(base | LIBC, {"usr/bin/a": program, "usr/bin/script": "#!/bin/sh"})
    assert told(record) == []
    assert (record.files, record.right_machine, record.needed, record.found) == (3, 3, 1, 1)
    refuse_findings(record)


def test_a_file_of_the_build_platform_is_a_finding(check: Check) -> None:
    record = check(LIBC, {"usr/bin/a": make_elf("libc.so.6", machine=X86_64)})
    assert told(record) == [("/usr/bin/a", "machine", "it is for EM_X86_64, 64 bits")]
    assert (record.files, record.right_machine) == (2, 1)


def test_a_library_of_another_machine_does_not_serve(check: Check) -> None:
    record = check({f"{LIB}/libx.so": make_elf(machine=X86_64), "usr/bin/a": make_elf("libx.so")})
    assert ("/usr/bin/a", "needed", "libx.so is missing") in told(record)


def test_an_image_for_amd64_is_judged_by_its_own_machine_and_its_instructions_are_not_looked_at(
    check: Check,
) -> None:
    files = {"usr/bin/a": make_elf(machine=X86_64), "usr/bin/b": make_elf(machine=AARCH64, code=[CAS])}
    record = check(files, architecture="amd64")
    assert [found[:2] for found in told(record)] == [("/usr/bin/b", "machine")]
    assert record.extensions is None


def test_a_library_that_no_package_brings_is_missing_even_for_a_wheel(check: Check) -> None:
    user = f"{SITE}/torchaudio/lib/libtorchaudio.so"
    record = check(LIBC, {user: make_elf("libgomp.so.1", "libc.so.6")})
    assert told(record) == [(f"/{user}", "needed", "libgomp.so.1 is missing")]


def test_a_library_of_another_wheel_is_loaded_by_a_sibling_and_counted_apart(check: Check) -> None:
    wheels = {
        f"{SITE}/torchvision/_C.so": make_elf("libtorch.so", "libc10.so.1"),
        f"{SITE}/torch/lib/libtorch.so": make_elf(),
        f"{SITE}/torch/lib/libc10-abcd.so": make_elf(soname="libc10.so.1"),
    }
    record = check(wheels)
    assert told(record) == []
    assert (record.found, record.by_sibling) == (0, 2)


def test_what_lies_among_python_packages_does_not_serve_a_program_outside(check: Check) -> None:
    record = check({"usr/bin/a": make_elf("libtorch.so"), f"{SITE}/torch/lib/libtorch.so": make_elf()})
    assert told(record) == [("/usr/bin/a", "needed", "libtorch.so is missing")]


@pytest.mark.parametrize("folder", [{"rpath": "$ORIGIN/../own"}, {"runpath": "/none:${ORIGIN}/../own"}])
def test_a_library_is_found_beside_its_user_where_the_user_says_so(
    check: Check, folder: dict[str, str]
) -> None:
    record = check({"opt/x/bin/a": make_elf("libown.so", **folder), "opt/x/own/libown.so": make_elf()})
    assert (told(record), record.found) == ([], 1)


def test_origin_is_where_the_loader_opens_a_library_and_not_where_the_link_there_ends(check: Check) -> None:
    """As OpenBLAS is packed: with one of its two links missing, its parts miss each other."""
    files = {
        f"{LIB}/libblas.so.3": Symlink("openblas/libblas.so.3"),
        f"{LIB}/openblas/libblas.so.3": make_elf("libown.so.0", soname="libblas.so.3", runpath="$ORIGIN"),
        f"{LIB}/openblas/libown.so.0": make_elf(),
    }
    user = (f"/{LIB}/openblas/libblas.so.3", "needed", "libown.so.0 is missing")
    assert told(check(files)) == [user]
    assert told(check(files | {f"{LIB}/libown.so.0": Symlink("openblas/libown.so.0")})) == []


def test_a_library_may_be_needed_by_its_place(check: Check) -> None:
    files = {"opt/x/lib/libx.so": make_elf(), "opt/x/bin/a": make_elf("$ORIGIN/../lib/libx.so")}
    record = check(files | {"usr/bin/b": make_elf("/opt/x/lib/libx.so", "lib/libx.so", "$ORIGIN/libx.so")})
    assert [found[2] for found in told(record)] == ["lib/libx.so is missing", "$ORIGIN/libx.so is missing"]
    assert record.found == 2


def test_a_runpath_takes_the_place_of_an_rpath(check: Check) -> None:
    program = make_elf("libown.so", rpath="/opt/own", runpath="/opt/other")
    record = check({"usr/bin/a": program, "opt/own/libown.so": make_elf()})
    assert [found[1] for found in told(record)] == ["needed"]


def test_a_library_is_found_by_a_link_that_leads_to_it(check: Check) -> None:
    links = {f"{LIB}/libx.so.1": Symlink("../../../opt/libx.so.1.2"), "opt/libx.so.1.2": Symlink("/srv/x")}
    assert told(check(links | {"srv/x": make_elf(), "usr/bin/a": make_elf("libx.so.1")})) == []


def test_links_in_circles_hold_nothing(check: Check) -> None:
    links = {f"{LIB}/liba.so": Symlink("libb.so"), f"{LIB}/libb.so": Symlink("liba.so")}
    record = check(links | {"usr/bin/a": make_elf("liba.so")})
    assert told(record) == [("/usr/bin/a", "needed", "liba.so is missing")]


def test_a_link_does_not_lead_out_of_the_image(check: Check, tmp_path: Path) -> None:
    outside = tmp_path / "libx.so"
    outside.write_bytes(make_elf())
    record = check({f"{LIB}/libx.so": Symlink(str(outside)), "usr/bin/a": make_elf("libx.so")})
    assert [found[1] for found in told(record)] == ["needed"]


def test_a_library_that_an_upper_layer_deletes_is_missing(check: Check) -> None:
    base = {
        f"{LIB}/libx.so": make_elf(),
        f"{LIB}/liby.so": make_elf(),
        "usr/bin/a": make_elf("libx.so", "liby.so"),
    }
    record = check(base, {f"{LIB}/.wh.libx.so": ""})
    assert told(record) == [("/usr/bin/a", "needed", "libx.so is missing")]
    assert record.files == 2


def test_an_opaque_folder_hides_what_is_below_and_not_what_came_with_it(check: Check) -> None:
    base = {"opt/x/old.so": make_elf(machine=X86_64), "opt/x/y/old.so": make_elf(machine=X86_64)}
    record = check(base, {"opt/x/new.so": make_elf(), "opt/x/.wh..wh..opq": ""})
    assert (told(record), record.files) == ([], 1)


def test_a_file_that_is_replaced_is_judged_as_what_replaced_it(check: Check) -> None:
    record = check({"usr/bin/a": make_elf(machine=X86_64)}, {"usr/bin/a": make_elf()})
    assert (told(record), record.files) == ([], 1)


def test_a_layer_writes_through_a_folder_that_is_a_link_below(check: Check) -> None:
    record = check(
        {"usr/lib/": "", "lib": Symlink("usr/lib")}, {"lib/libx.so": make_elf(), "a": make_elf("libx.so")}
    )
    assert told(record) == []


def test_a_file_with_two_names_counts_once_and_serves_under_both(check: Check) -> None:
    files = {f"{LIB}/libx.so": make_elf(), f"{LIB}/liby.so": HardLink(f"{LIB}/libx.so")}
    record = check(files, {"usr/bin/a": make_elf("libx.so", "liby.so")})
    assert (told(record), record.files, record.found) == ([], 2, 2)


def test_a_second_name_of_nothing_is_refused(check: Check) -> None:
    with pytest.raises(VerificationError, match="and it is no file"):
        check({"usr/bin/a": HardLink("usr/bin/b")})


def test_the_loaders_configuration_names_folders_and_files_that_name_folders(check: Check) -> None:
    files = {
        "etc/ld.so.conf": "include ld.so.conf.d/*.conf\n",
        "etc/ld.so.conf.d/a.conf": "# comment\n/opt/a  \n",
        "etc/ld.so.conf.d/b.txt": "/opt/b\n",
        "etc/ld.so.cache": CACHE + b"/opt/a/liba.so\0/opt/b/libb.so\0",
        "opt/a/liba.so": make_elf(),
        "opt/b/libb.so": make_elf(),
        "usr/bin/a": make_elf("liba.so", "libb.so"),
    }
    assert told(check(files)) == [("/usr/bin/a", "needed", "libb.so is missing")]


def test_a_configuration_that_includes_itself_ends(check: Check) -> None:
    files = {"etc/ld.so.conf": "include /etc/ld.so.conf\n/opt/a\n", "opt/a/liba.so": make_elf()}
    files["etc/ld.so.cache"] = CACHE + b"/opt/a/liba.so\0"
    assert told(check(files | {"usr/bin/a": make_elf("liba.so")})) == []


def test_a_library_that_the_loaders_cache_does_not_name_is_not_found(check: Check) -> None:
    files = {"etc/ld.so.conf": "/opt/a\n", "etc/ld.so.cache": CACHE + b"/opt/a/libother.so\0"}
    record = check(files, {"opt/a/liba.so": make_elf(), "usr/bin/a": make_elf("liba.so")})
    assert told(record) == [
        ("/usr/bin/a", "needed", "liba.so is there, but the loader's cache does not name it")
    ]


def test_the_images_library_path_is_heeded(check: Check) -> None:
    files = {"opt/a/liba.so": make_elf(), "usr/bin/a": make_elf("liba.so")}
    assert told(check(files, env=("PATH=/bin", "LD_LIBRARY_PATH=/none:/opt/a"))) == []


def test_a_library_of_the_driver_may_be_absent_and_the_reason_is_told(check: Check) -> None:
    record = check({"usr/bin/a": make_elf("libcuda.so.1", machine=X86_64)}, architecture="amd64")
    assert (told(record), record.absent) == ([], 1)
    assert "libcuda.so.1: of NVIDIA's driver" in record.allowed[0].detail


def test_what_one_file_may_lack_another_may_not(check: Check) -> None:
    rdma = f"{SITE}/nvidia/cufile/lib/libcufile_rdma.so.1"
    record = check({rdma: make_elf("libibverbs.so.1"), "usr/bin/a": make_elf("libibverbs.so.1")})
    assert (told(record), record.absent) == ([("/usr/bin/a", "needed", "libibverbs.so.1 is missing")], 1)


def test_a_loader_that_is_missing_is_a_finding(check: Check) -> None:
    record = check({"usr/bin/a": make_elf(interpreter="/lib/ld-musl-aarch64.so.1")})
    assert told(record) == [("/usr/bin/a", "loader", "/lib/ld-musl-aarch64.so.1 is missing")]


def test_an_extension_that_nobody_asks_for_is_a_finding(check: Check) -> None:
    files = {"usr/bin/a": make_elf(code=[NOP, CAS, RET, CAS, RET]), "usr/bin/b": make_elf(code=[PTRUE])}
    record = check(files)
    assert told(record) == [
        ("/usr/bin/a", "extension", "needs LSE: 2 instructions, and nothing asks first"),
        ("/usr/bin/b", "extension", "needs SVE: 1 instructions, and nothing asks first"),
    ]
    assert record.extensions is not None
    assert record.extensions["LSE"].needing == record.extensions["SVE"].needing == 1


@pytest.mark.parametrize(
    "program",
    [
        make_elf(code=[CAS], names=["__getauxval"]),
        make_elf(code=[CAS], names=["__aarch64_cas4_acq"]),
        make_elf(code=[CAS], sections={".go.buildinfo": (SHT_PROGBITS, b"go")}),
        make_elf(code=[CAS], sections={".rela.dyn": (SHT_RELA, struct.pack("<QQQ", 0, 1032, 0))}),
        make_elf(code=[CAS], sections={".dynsym": (SHT_DYNSYM, struct.pack("<IBBHQQ", 0, 0x1A, 0, 0, 0, 0))}),
    ],
    ids=["auxiliary vector", "outline atomics", "go", "chosen by relocation", "chosen by symbol"],
)
def test_a_program_that_can_ask_the_processor_is_taken_to_ask(check: Check, program: bytes) -> None:
    record = check({"usr/bin/a": program})
    assert told(record) == []
    assert record.extensions is not None
    assert (record.extensions["LSE"].asking, record.extensions["LSE"].needing) == (1, 0)


def test_atomics_among_other_code_are_not_asked_for_and_those_of_helpers_are(check: Check) -> None:
    inlined, helper = [CAS, NOP, CAS, RET], [NOP, CAS, RET]
    files = {
        "usr/bin/a": make_elf(code=inlined, names=["getauxval"]),
        "usr/bin/b": make_elf(code=helper, names=["getauxval"]),
        "usr/bin/c": make_elf(code=inlined, sections={".go.buildinfo": (SHT_PROGBITS, b"go")}),
    }
    assert told(check(files)) == [
        ("/usr/bin/a", "extension", "needs LSE inlined: 1 instructions, and nothing asks first")
    ]


def test_that_a_needed_library_asks_is_not_enough(check: Check) -> None:
    files = {f"{LIB}/libx.so": make_elf(names=["getauxval"]), "usr/bin/a": make_elf("libx.so", code=[CAS])}
    assert [found[:2] for found in told(check(files))] == [("/usr/bin/a", "extension")]


def test_what_a_declared_row_allows_is_told_with_its_reason(check: Check) -> None:
    record = check({f"{LIB}/libmvec.so.1": make_elf(code=[PTRUE, CAS])})
    assert [found[2][:9] for found in told(record)] == ["needs LSE"]
    assert [found.detail[:4] for found in record.allowed] == ["SVE:"]


@pytest.mark.parametrize(
    "content", [b"\x7fELF", b"\x7fELF" + b"\xff" * 60, make_elf()[:100], make_elf("a")[:-100]]
)
def test_a_damaged_file_is_a_finding(check: Check, content: bytes) -> None:
    assert [found[:2] for found in told(check({"usr/bin/a": content}))] == [("/usr/bin/a", "damaged")]


def test_a_file_that_ends_before_its_segments_do_says_so(check: Check) -> None:
    whole = make_elf("libc.so.6", code=[NOP] * 4)
    headless = whole[:40] + bytes(8) + whole[48:60] + bytes(4)  # without a table of sections
    record = check({"usr/bin/a": headless + whole[64:260]})
    assert "its segments" in record.findings[0].detail


def test_every_cut_of_a_file_is_read_or_told_and_never_a_crash(check: Check) -> None:
    whole = make_elf("libc.so.6", code=[CAS], interpreter="/lib/x", names=["getauxval"])
    record = check({f"usr/bin/{size:04}": whole[:size] for size in range(4, len(whole), 7)})
    assert record.files == len(range(4, len(whole), 7))
    assert record.right_machine == 0


def test_the_refusal_names_the_first_findings_and_where_the_others_stand(check: Check) -> None:
    record = check({f"usr/bin/{name}": make_elf("libx.so") for name in "abcdefg"})
    with pytest.raises(ScanError, match="7 findings") as caught:
        refuse_findings(record)
    assert caught.value.message.count("libx.so is missing") == 5
    assert "elf.json" in caught.value.next_step
    assert "7 findings" in describe_programs(record)


def test_an_architecture_that_nothing_is_known_about_is_refused(check: Check) -> None:
    with pytest.raises(ScanError, match="riscv64"):
        check({"usr/bin/a": make_elf()}, architecture="riscv64")


def vectors() -> list[tuple[str, int, str]]:
    rows, label = [], ""
    for line in (ROOT / "tests/fixtures/elf/instructions.txt").read_text().splitlines():
        words = line.split("\t")
        if line.startswith("<"):
            label = line.strip("<>:")
        elif label and len(words) > 1:
            rows.append((label, int(words[1].split()[0], 16), " ".join(words[1:]).strip()))
    return rows


@pytest.mark.parametrize(("extension", "word", "text"), vectors(), ids=str)
def test_the_assemblers_words_are_told_apart(extension: str, word: int, text: str) -> None:
    data = struct.pack("<I", word)
    wanted = {} if extension == "none" else {extension: 1}
    assert count_extensions(io.BytesIO(data), [(0, 4)]) == wanted


def test_the_assembler_was_asked_about_every_extension() -> None:
    assert {label for label, _, _ in vectors()} == {*EXTENSIONS, "none"}


def test_words_are_counted_where_they_stand_and_a_rest_of_bytes_is_none() -> None:
    data = struct.pack("<4I", CAS, CAS, NOP, CAS) + b"\x62\x7c"
    assert count_extensions(io.BytesIO(data), [(4, 14)]) == {"LSE": 2, "LSE inlined": 1}


def test_a_file_for_a_newer_c_library_than_the_image_has_is_a_finding(check: Check) -> None:
    libc = make_elf(soname="libc.so.6", names=("GLIBC_2.4", "GLIBC_2.35", "GLIBC_PRIVATE"))
    old = make_elf("libc.so.6", names=("GLIBC_2.17", "GLIBC_2.9", "GLIBC_ABI_DT_RELR"))
    new = make_elf("libc.so.6", names=("GLIBC_2.36",))
    record = check({f"{LIB}/libc.so.6": libc}, {f"{SITE}/old.so": old})
    assert (record.findings, record.glibc, record.glibc_needed) == ((), "2.35", "2.17")
    record = check({f"{LIB}/libc.so.6": libc}, {"usr/bin/new": new})
    assert told(record) == [("/usr/bin/new", "glibc", "needs 2.36, the image has 2.35")]
    assert (record.glibc, record.glibc_needed) == ("2.35", "no C library")


def test_without_its_base_only_the_files_themselves_are_judged(tmp_path: Path) -> None:
    wheel = make_elf("libc.so.6", interpreter="/lib/ld.so", names=("GLIBC_2.17",))
    foreign = make_elf(machine=X86_64)
    layout = make_image(tmp_path, {f"{SITE}/a.so": wheel, "usr/bin/b": foreign})
    record = check_programs(layout, read_tree(layout, QUIET), has_base=False)
    assert [(path, rule) for path, rule, _ in told(record)] == [("/usr/bin/b", "machine")]
    assert (record.needed, record.has_base) == (0, False)
    assert "the base is not in it" in describe_programs(record)

"""Instructions that a Cortex-A72 as in the Raspberry Pi 4 does not have, found by their bits.

Each row is a mask and what is left of a word under it, from the encodings of the Arm Architecture
Reference Manual (DDI 0487, C4); the tests hold words of the GNU assembler against them. Of SVE only
those count without which a loop of any vector length cannot be written and which data hardly ever
resembles: ptrue, while.., cnt., rdvl, addvl.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import numpy as np

# The name of each extension and its rows; the Pi 4's processor was made without AES too.
EXTENSIONS: dict[str, tuple[tuple[int, int], ...]] = {
    "LSE": (
        (0x3FA07C00, 0x08A07C00),  # cas
        (0xBFA07C00, 0x08207C00),  # casp
        (0x3F208C00, 0x38200000),  # ldadd, ldclr, ldeor, ldset, ldsmax, ldsmin, ldumax, ldumin
        (0x3F20FC00, 0x38208000),  # swp
    ),
    "SVE": (
        (0xFF3EFC10, 0x2518E000),  # ptrue, ptrues
        (0xFF20E000, 0x25200000),  # whilelo, whilelt, ...
        (0xFF30FC00, 0x0420E000),  # cntb, cnth, cntw, cntd
        (0xFFFFF800, 0x04BF5000),  # rdvl
        (0xFFE0F800, 0x04205000),  # addvl
    ),
    "RCPC": ((0x3FFFFC00, 0x38BFC000),),  # ldapr
    "DotProd": (
        (0x9FE0FC00, 0x0E809400),  # sdot, udot of vectors
        (0x9FC0F400, 0x0F80E000),  # sdot, udot by an element
    ),
    "AES": ((0xFFFFCC00, 0x4E284800),),  # aese, aesd, aesmc, aesimc
}
# The helpers of libgcc and of Rust ask the processor, do one atomic operation and return. One that
# does not stand before a return was put among other code, by a compiler that was told it is there.
INLINED = "LSE inlined"
RET = 0xD65F03C0
CHUNK_BYTES = 1 << 21


def count_extensions(file: IO[bytes], places: Iterable[tuple[int, int]]) -> dict[str, int]:
    """How many words of each extension stand in `places`, offsets and lengths in bytes of a file.

    Only what was found is named. Data between instructions is taken for instructions; the last word
    of a place, or of a piece of CHUNK_BYTES, is taken to stand before a return.
    """
    found = dict.fromkeys((*EXTENSIONS, INLINED), 0)
    for words in _read_words(file, places):
        for name, rows in EXTENSIONS.items():
            found[name] += sum(int(np.count_nonzero((words & mask) == value)) for mask, value in rows)
        followed = words[:-1][words[1:] != RET]
        found[INLINED] += sum(
            int(np.count_nonzero((followed & mask) == value)) for mask, value in EXTENSIONS["LSE"]
        )
    return {name: count for name, count in found.items() if count}


def _read_words(file: IO[bytes], places: Iterable[tuple[int, int]]) -> Iterable[np.typing.NDArray[np.uint32]]:
    for offset, size in places:
        file.seek(offset)
        for start in range(0, size, CHUNK_BYTES):
            data = file.read(min(CHUNK_BYTES, size - start))
            yield np.frombuffer(data[: len(data) // 4 * 4], dtype="<u4")

"""How long each part of a job took: one small record beside the other records."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from baseimages.records import WORK_FOLDER, Record, load_record, write_record

NAME = "timings.json"
BOOTSTRAP = "bootstrap"
# bootstrap.sh tells how long it took before it handed over.
BOOTSTRAP_VARIABLE = "BASEIMAGES_BOOTSTRAP_S"


class Timing(BaseModel):
    """Duration of one part: of the bootstrap the longest run, of others the latest."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: str
    duration_s: float


class Timings(Record):
    """Parts in the order in which they first ran."""

    parts: tuple[Timing, ...] = ()


@contextlib.contextmanager
def time_part(root: Path, part: str) -> Iterator[None]:
    """Measure the block and keep its wall seconds under the name `part`; failures count too."""
    began = time.monotonic()
    try:
        yield
    finally:
        _keep(root, Timing(part=part, duration_s=round(time.monotonic() - began, 1)))


def load_timings(root: Path) -> Timings:
    """What is known so far."""
    path = root / WORK_FOLDER / NAME
    return load_record(path, Timings, made_by="invoke build") if path.exists() else Timings()


def _keep(root: Path, timing: Timing) -> None:
    told = os.environ.get(BOOTSTRAP_VARIABLE, "")
    known = load_timings(root).parts
    bootstraps = [part for part in known if part.part == BOOTSTRAP]
    bootstraps += [Timing(part=BOOTSTRAP, duration_s=float(told))] if told.isdigit() else []
    # The longest: it made the environment and the engine that later ones only found.
    first = sorted(bootstraps, key=lambda part: part.duration_s)[-1:]
    parts = {part.part: part for part in (*first, *known, *first, timing)}
    write_record(root / WORK_FOLDER / NAME, Timings(parts=tuple(parts.values())))

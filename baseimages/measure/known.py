"""Durations that earlier records tell, so that a session can be planned to fit its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from baseimages.build import BuildRecord
from baseimages.measure.pairs_record import PairsRecord
from baseimages.measure.record import BenchmarkRecord
from baseimages.measure.scenario import COLD, EDIT
from baseimages.measure.schedule import BASELINE, CANDIDATE
from baseimages.records import WorkFolder, load_record

Told = Iterator[tuple[tuple[str, str], float]]
# A single benchmark calls its edit by a shorter name.
NAMES = {EDIT.name: "edit-entrypoint"}


def load_known(folders: Mapping[str, WorkFolder], against: str) -> dict[tuple[str, str], float]:
    """Wall seconds by arm and scenario; `folders` by arm, `against` the name of the session's record.

    What is told twice is taken from the record that is most alike: an earlier session, else a
    benchmark, else the build. Raises RecordError for a damaged record.
    """
    known: dict[tuple[str, str], float] = {}
    for arm, work in folders.items():
        known |= dict(_read_build(arm, work)) | dict(_read_benchmark(arm, work))
    path = folders[CANDIDATE].pairs(against)
    if path.exists():
        known |= dict(_read_pairs(load_record(path, PairsRecord, made_by="invoke benchmark --pairs")))
    return known


def _read_build(arm: str, work: WorkFolder) -> Told:
    path = work.path / WorkFolder.BUILD
    if path.exists():
        record = load_record(path, BuildRecord, made_by="invoke build")
        if record.cold:
            yield (arm, COLD.name), record.duration_s


def _read_benchmark(arm: str, work: WorkFolder) -> Told:
    path = work.path / WorkFolder.BENCHMARK
    if path.exists():
        for run in load_record(path, BenchmarkRecord, made_by="invoke benchmark").runs:
            if run.valid and run.duration_s is not None:
                yield (arm, NAMES.get(run.scenario, run.scenario)), run.duration_s


def _read_pairs(record: PairsRecord) -> Told:
    for scenario in record.scenarios:
        pairs = [pair for pair in (*scenario.noise, *scenario.pairs) if not pair.fault]
        own = [pair.candidate.duration_s for pair in scenario.pairs if pair in pairs]
        if record.baseline is None:
            own = [run.duration_s for pair in pairs for run in (pair.baseline, pair.candidate)]
        others = [pair.baseline.duration_s for pair in pairs] if record.baseline else []
        for arm, told in ((CANDIDATE, own), (BASELINE, others)):
            values = [value for value in told if value is not None]
            if values:
                yield (arm, scenario.name), median(values)

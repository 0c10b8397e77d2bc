"""A target of a report as one side of a comparison."""

from __future__ import annotations

from baseimages.compare import Side
from baseimages.report.ledger import ledger_of
from baseimages.report.record import TargetReport


def side_of(part: TargetReport, *, name: str, accelerator: str) -> Side:
    """What is recorded about the image; `name` is how a person named it."""
    return Side(
        name=name,
        accelerator=accelerator,
        build=part.build,
        layers=part.layers,
        suite=part.suite,
        scan=part.scan,
        elf=part.elf,
        contract=part.contract,
        abilities=part.abilities,
        benchmark=part.benchmark,
        ledger=ledger_of(part),
        pairs=part.pairs,
    )

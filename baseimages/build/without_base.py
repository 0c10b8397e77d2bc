"""What was and what was not done of an image whose base cannot be had."""

from __future__ import annotations

from typing import Literal

from baseimages.build.record import Part
from baseimages.records import Record


class Stretch(Part):
    """One part of the way: what, whether it was done, and what came of it or why not.

    A manual one is done by a person on the device.
    """

    name: str
    outcome: Literal["done", "not run", "manual"]
    detail: str


class WithoutBaseRecord(Record):
    """The way of one image, of the build whose digest it carries."""

    manifest_digest: str
    stretches: tuple[Stretch, ...]

"""A finding: which rule, which package, what is wrong and what mends it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


def count_of(number: int, noun: str) -> str:
    """The number with its noun in the right form."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Finding(BaseModel):
    """One thing that is wrong; `code` is a rule of reports/compatibility.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str
    package: str
    message: str
    next_step: str

    @property
    def text(self) -> str:
        """The finding on one line."""
        return f"{self.code} {self.message}; {self.next_step}"

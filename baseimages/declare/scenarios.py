"""What an image's own benchmark scenarios change, as images.toml writes it down."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from baseimages.declare.names import Name, RelativePath
from baseimages.declare.tables import Declared

# Stands for a word that no run before had, so that each run of an edit is new to its cache.
NEW_WORD = "{edit}"
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Edit(Declared):
    """A change of one file: a line more at its end, or the first match of a pattern replaced."""

    file: RelativePath
    """The file, relative to the checkout."""
    append: Text | None = None
    """The line, with {edit} for a word that is new in every run."""
    pattern: Text | None = None
    """A regular expression of Python's, in which ^ and $ are ends of lines."""
    replace: Text | None = None
    """What takes its place: \\1 is a group of the pattern, {edit} a word that is new in every run."""

    @property
    def text(self) -> str:
        """What it writes."""
        return self.append or self.replace or ""

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        replaces = self.pattern is not None and self.replace is not None
        if replaces == (self.append is not None) or (self.pattern is None) != (self.replace is None):
            raise ValueError("an edit appends a line, or it has a pattern and what replaces it")
        if NEW_WORD not in self.text:
            raise ValueError(f"without {NEW_WORD} in its text the second run of an edit is no edit")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"the pattern is none: {error}") from error
        return self


class EditScenario(Declared):
    """A build after an edit, with everything else in the cache."""

    edits: tuple[Edit, ...] = Field(min_length=1)
    """What changes."""
    reaches: tuple[Text, ...] = ()
    """Regular expressions: steps of such a name are to run, and what stands on them may; without
    any, the steps that name an edited file."""
    targets: tuple[Name, ...] = ()
    """The targets it is meant for; none stands for each."""

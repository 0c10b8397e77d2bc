"""The one outcome that a check raises by name."""


class Skipped(Exception):
    """A check does not apply; its text is the reason."""

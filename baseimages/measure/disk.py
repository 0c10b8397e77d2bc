"""How much disk a session holds: told by free space, so what others write meanwhile counts too."""

from __future__ import annotations

import shutil
from pathlib import Path

# With less than this free a build of any image may end in the middle.
SPARE_BYTES = 2 * 10**9


class DiskWatch:
    """Free space where the engines' data lie, against a budget of the session.

    `most_bytes` is the most that was held when somebody looked, `engine_bytes` the most that one
    engine with one build in it took.
    """

    def __init__(self, folder: Path, limit_bytes: int | None) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._at_first = self.free_bytes
        self.most_bytes = 0
        self.engine_bytes = 0

    @property
    def free_bytes(self) -> int:
        """What is free now."""
        return shutil.disk_usage(self._folder).free

    def look(self, engine_began_with: int | None = None) -> None:
        """Take note of what is held; of an engine with the free space that it began with as well."""
        free = self.free_bytes
        self.most_bytes = max(self.most_bytes, self._at_first - free)
        if engine_began_with is not None:
            self.engine_bytes = max(self.engine_bytes, engine_began_with - free)

    def find_obstacle(self, *, starts_engine: bool = True) -> str:
        """Why no further run may begin, empty when one may.

        A run in an engine that is there may take as much again, which has to be free; the budget is
        asked for what is held, and for another engine only where one is started.
        """
        self.look()
        free = self.free_bytes
        if free < self.engine_bytes + SPARE_BYTES:
            return f"{free / 1e9:.1f} GB are free, a run may take {self.engine_bytes / 1e9:.1f} GB"
        held = max(0, self._at_first - free)
        more = self.engine_bytes if starts_engine else 0
        if self._limit_bytes is not None and held + more > self._limit_bytes:
            return (
                f"the disk budget of {self._limit_bytes / 1e9:.1f} GB is spent: {held / 1e9:.1f} GB are held"
            )
        return ""

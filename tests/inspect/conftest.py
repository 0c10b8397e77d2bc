"""What a layer holds is kept in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.inspect import rows


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of kept rows."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(rows, "user_cache_path", lambda _: folder)
    return folder / "layers"

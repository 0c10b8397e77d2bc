"""Ring 2: the merged layers against what the engine shows of the same image, entry by entry."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from baseimages.inspect import AllowedDifference, index_layers, open_layout, rows
from baseimages.inspect.equality import Entry, compare_trees, read_image, read_tar
from tests.engine.conftest import Checkout, docker

pytestmark = pytest.mark.engine
QUIET = Console(quiet=True)
# What the engine puts into every container.
OF_CONTAINERS = (
    AllowedDifference(pattern=r"\.dockerenv|(dev|proc|sys)(/.*)?", reason="mount points"),
    AllowedDifference(pattern=r"etc(/(hostname|hosts|mtab|resolv\.conf))?", reason="names of the container"),
)
# Every way in which a layer hides what is below.
HIDING = r"""
RUN mkdir -p /d/s /e /gone/deep && cat /bin/sh > /d/a && ln /d/a /d/hard && ln /d/a /e/hard \
    && ln -s ../d/a /e/soft && echo b > /d/s/b && echo x > /gone/deep/x && echo f > /became-folder \
    && echo same > /same && echo changes > /changes && echo odd > "/odd name" && mkdir /empty
RUN rm -r /d && mkdir /d && echo new > /d/new
RUN rm -r /gone && rm /e/hard "/odd name" && echo changed > /changes
RUN rm /became-folder && mkdir /became-folder && echo in > /became-folder/in && rm -r /e && echo e > /e
RUN cat /same > /d/copy && rm /same && ln /d/copy /same && rm /d/new && echo new > /d/new
COPY --link scripts/entrypoint.sh /became-folder/implied/entrypoint.sh
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "user_cache_path", lambda _: tmp_path / "cache")


@pytest.fixture
def hiding(checkout: Checkout) -> Checkout:
    """A checkout whose image hides in every way."""
    dockerfile = checkout.root / checkout.name / "Dockerfile"
    text = dockerfile.read_text().replace("COPY --link", f"{HIDING}COPY --link", 1)
    checkout.write(f"{checkout.name}/Dockerfile", text)
    checkout.commit()
    return checkout


@pytest.fixture
def exported(hiding: Checkout) -> Iterator[dict[str, Entry]]:
    """What the engine shows of the built image."""
    container = docker("create", hiding.build()["tags"][0], "sh")
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            assert export.stdout is not None
            yield read_tar(export.stdout)
    finally:
        docker("rm", container)


def test_merged_layers_are_what_docker_export_shows(hiding: Checkout, exported: dict[str, Entry]) -> None:
    merged = read_image(open_layout(hiding.work / "layout"))
    record = compare_trees(merged, exported, OF_CONTAINERS)
    assert record.unexplained == ()
    assert record.compared > 20
    assert merged["became-folder/in"].content
    assert not {"d/a", "d/hard", "e/soft", "gone", "odd name"} & merged.keys()


def test_what_a_real_builder_hides_has_its_cause(hiding: Checkout) -> None:
    hiding.build()
    waste = index_layers(open_layout(hiding.work / "layout"), QUIET).waste
    assert waste is not None
    # BuildKit names what was in a folder that is made again instead of calling it opaque.
    causes = {group.cause for group in waste.groups} - {"opaque directory"}
    assert causes == {"metadata only", "rewritten", "deleted file", "deleted directory"}
    program = Path("/bin/sh").stat().st_size
    # the last name of the program's copy went with the whiteout of /e/hard, a layer above /d's
    (lost,) = [group for group in waste.groups if group.size_bytes >= program]
    assert (lost.cause, "e/hard" in lost.examples) == ("deleted file", True)

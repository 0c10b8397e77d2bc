"""What is told of an image without running it is what its container finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from baseimages.inspect import open_layout, read_contract, read_tree
from tests.engine.conftest import Checkout, docker

pytestmark = pytest.mark.engine

# Every name in a folder of PATH that the shell would start, without any other program.
LIST = (
    'IFS=:; for d in $PATH; do for f in "$d"/*; do [ -f "$f" ] && [ -x "$f" ] && echo "${f##*/}"; done; done'
)
SURPRISES = """\
ENV PATH=/tools:/bin
RUN mkdir /tools && ln /bin/cat /tools/hard && ln -s hard /tools/link && ln -s nowhere /tools/dangling \\
 && echo text > /tools/text && ln /bin/cat /tools/gone
RUN rm /tools/gone
WORKDIR /data
EXPOSE 80
"""


def test_the_programs_and_settings_are_those_of_a_container(checkout: Checkout) -> None:
    path = Path(checkout.name) / "Dockerfile"
    recipe = (checkout.root / path).read_text()
    programs = recipe.replace("RUN rm /data/first", f"{SURPRISES}RUN rm /data/first")
    checkout.write(str(path), programs)
    checkout.commit()
    tag = checkout.build()["tags"][0]
    layout = open_layout(checkout.work / "layout")
    contract = read_contract(layout, read_tree(layout, Console(quiet=True)))
    found = docker("run", "--rm", "--network", "none", tag, "sh", "-c", LIST).split()
    assert set(contract.programs) == set(found)
    assert {"hard", "link"} <= set(found)
    assert (contract.workdir, contract.ports, contract.environment) == (
        "/data",
        ("80/tcp",),
        {"PATH": "/tools:/bin"},
    )

"""Ring 2: what containers of a real engine open is seen from outside, by static programs and all names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from baseimages.inspect.trace import watch_containers
from tests.engine.conftest import docker

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0,
        reason="ring 2: the kernel tells root what is opened",
    ),
]


def test_what_a_container_opens_is_seen_from_its_start_and_other_containers_are_not(
    tiny_base: str, tmp_path: Path
) -> None:
    script = 'echo x > "/a\nb"; cat < "/a\nb"; sleep 0.1; exec cat /bin/rm > /dev/null'
    with watch_containers(tmp_path) as trace:
        docker("run", "--rm", "--cidfile", str(tmp_path / "one"), tiny_base, "/bin/sh", "-c", script)
        docker("run", "--rm", "--cidfile", str(tmp_path / "two"), tiny_base, "/bin/sleep", "0")
        docker("run", "--rm", tiny_base, "/bin/mkdir", "/a")
    first, second = ((tmp_path / name).read_text() for name in ("one", "two"))
    assert trace.opened.keys() == {first, second}
    assert {b"/bin/sh", b"/a\nb", b"/bin/cat", b"/bin/sleep", b"/bin/rm"} <= trace.opened[first]
    assert b"/bin/sleep" in trace.opened[second]
    assert b"/bin/mkdir" not in trace.opened[first] | trace.opened[second]
    assert (trace.lost, trace.refusal) == (0, "")

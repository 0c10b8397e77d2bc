"""Which files a build reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.declare import load_dockerfile, load_family, parse_dockerfile
from baseimages.declare.inputs import list_inputs
from tests.conftest import ROOT

ALWAYS = {".dockerignore", "images.toml", "one/Dockerfile"}
FAMILY = load_family(ROOT / "images.toml")
DOCKERFILE = """\
ARG BASE=tiny
ARG FETCHED=https://example.org/x.tar
FROM scratch AS a
RUN --mount=type=bind,source=one/lock-${BASE}.txt,target=/lock --mount=type=cache,target=/c true
RUN --mount=type=bind,from=other,source=/out,target=/out --mount=type=secret,id=ca true
ADD --checksum=sha256:0 ${FETCHED} /x
COPY <<EOF /made
scripts/text.sh is no file
EOF
FROM a AS b
COPY --link --chmod=0755 scripts/one.sh scripts/two.sh /usr/bin/
COPY --from=a /out/ /
"""


@pytest.mark.parametrize(
    ("target", "given", "found"),
    [
        ("a", {}, {"one/lock-tiny.txt"}),
        ("a", {"BASE": "big"}, {"one/lock-big.txt"}),
        ("b", {}, {"one/lock-tiny.txt", "scripts/one.sh", "scripts/two.sh"}),
    ],
)
def test_inputs_are_what_the_stages_take_from_the_context(
    target: str, given: dict[str, str], found: set[str]
) -> None:
    dockerfile = parse_dockerfile(DOCKERFILE, Path("one/Dockerfile"))
    stages = dockerfile.stages_of(target, given)
    assert list_inputs(dockerfile, stages, given, path="one/Dockerfile") == tuple(sorted(ALWAYS | found))


@pytest.mark.parametrize("image", FAMILY.images.values(), ids=FAMILY.images)
def test_every_input_of_the_family_is_a_file_of_the_checkout(image: object) -> None:
    dockerfile = load_dockerfile(ROOT / image.dockerfile)
    for base in image.bases:
        given = {"BASE_FAMILY": base} | dict.fromkeys(image.optional, "1")
        stages = dockerfile.stages_of(image.every_target[0], given)
        inputs = list_inputs(dockerfile, stages, given, path=image.dockerfile)
        assert [path for path in inputs if not (ROOT / path).is_file()] == []
        assert "scripts/entrypoint.sh" in inputs

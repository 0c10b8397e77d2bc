"""Provenance names the line of each step and each layer; what it does not say is not made up."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from baseimages.build import (
    BaseFacts,
    BuildRecord,
    ProvenanceRecord,
    StepRecord,
    StepUsage,
    count_base_layers,
    fold_groups,
    read_provenance,
)
from baseimages.records import WorkFolder, write_record
from tests.build.conftest import read_metadata, read_steps

BUILDKIT = "https://mobyproject.org/buildkit@v1#metadata"
TOLD = read_metadata()


@pytest.fixture
def told() -> dict[str, Any]:
    """The recorded metadata file, to be changed."""
    return copy.deepcopy(TOLD)


def read(told: dict[str, Any]) -> ProvenanceRecord:
    record = read_provenance(told, read_steps("metadata"))
    assert record is not None
    return record


def nodes(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Operations by id."""
    definition = told["buildx.build.provenance"]["buildConfig"]["llbDefinition"]
    return {node["id"]: node for node in definition}


def buildkit(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = told["buildx.build.provenance"]["metadata"][BUILDKIT]
    return found


def test_each_line_that_ran_has_its_range_and_its_step() -> None:
    lines = {line.line_start: (line.stage, line.line_end, line.places) for line in read(TOLD).lines}
    assert lines == {
        2: ("base", 2, ("base 1/2 FROM",)),
        4: ("base", 8, ("base 2/2 RUN",)),
        11: ("tool", 13, ("tool 1/1 RUN",)),
        19: ("os", 20, ("os 1/1 RUN",)),
        22: ("core", 22, ("core 1/6 COPY",)),
        23: ("core", 23, ("core 2/6 COPY",)),
        24: ("core", 24, ("core 3/6 COPY",)),
        25: ("core", 25, ("core 4/6 COPY",)),
        26: ("core", 26, ("core 5/6 WORKDIR",)),
        27: ("core", 27, ("core 6/6 RUN",)),
    }


def test_each_layer_has_the_line_that_made_it_through_links_and_copies() -> None:
    assert read(TOLD).layers == (2, 4, 19, 22, 23, 24, 25, 26, 27)


def test_a_line_stands_on_the_lines_of_its_inputs_mounts_among_them() -> None:
    inputs = {line.line_start: line.inputs for line in read(TOLD).lines}
    assert (inputs[2], inputs[19], inputs[22], inputs[24]) == ((), (4, 11), (11, 19), (23,))


def test_a_script_is_called_by_the_comment_above_it_and_others_by_their_text() -> None:
    titles = {line.line_start: line.title for line in read(TOLD).lines}
    assert titles[4] == "RUN # Comments are no part of an instruction"
    assert titles[11].startswith("RUN mkdir -p /out/a /out/b && echo")
    assert titles[22] == "COPY --link --from=tool /out/a /a"


def test_the_places_are_those_that_every_run_of_the_recipe_has() -> None:
    steps = [StepRecord.of(step) for step in fold_groups(read_steps("metadata"))]
    places = {place for line in read(TOLD).lines for place in line.places}
    assert places == {step.place for step in steps if step.place}


def test_a_comment_or_a_broken_line_does_not_change_the_text_of_an_instruction(told: dict[str, Any]) -> None:
    file = buildkit(told)["source"]["infos"][0]
    text = base64.b64decode(file["data"]).decode()
    edited = text.replace("    # a comment inside\n", "    # another one\n")
    assert edited != text
    file["data"] = base64.b64encode(edited.encode()).decode()
    mine, other = read(TOLD), read(told)
    assert mine.dockerfile_sha256 != other.dockerfile_sha256
    assert [line.text_sha256 for line in mine.lines] == [line.text_sha256 for line in other.lines]


def test_usage_of_steps_is_not_measured_where_control_groups_are_not_of_version_2() -> None:
    record = read(TOLD)
    assert all(line.usage is None for line in record.lines)
    assert record.host is not None
    assert record.host.busy_s > 0


def test_usage_that_the_engine_tells_is_the_lines(told: dict[str, Any]) -> None:
    nodes(told)["step2"]["resourceUsage"] = {
        "samples": [{"cpuStat": {"usageNanos": 1}}, {"cpuStat": {"usageNanos": 1_500_000_000}}]
    }
    (usage,) = [line.usage for line in read(told).lines if line.usage]
    assert usage == StepUsage(cpu_s=1.5)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"buildx.build.provenance": None},
        {"buildx.build.provenance": {"buildType": "x", "materials": []}},
        {"buildx.build.provenance": {"buildConfig": 7}},
        {"buildx.build.provenance": {"buildConfig": {"llbDefinition": [{"op": {}}]}}},
    ],
)
def test_a_builder_that_tells_nothing_readable_leaves_no_record(metadata: dict[str, Any]) -> None:
    assert read_provenance({"containerimage.digest": "sha256:1"} | metadata, ()) is None


def test_a_layer_of_an_operation_without_a_line_is_told_as_unknown(told: dict[str, Any]) -> None:
    del buildkit(told)["source"]["locations"]["step12"]
    assert read(told).layers == (2, 4, 19, 22, 23, 24, 25, 0, 27)


def test_layers_that_the_engine_did_not_tell_are_none(told: dict[str, Any]) -> None:
    del buildkit(told)["layers"]["step13:0"]
    assert read(told).layers == ()


def test_two_layers_with_the_same_bytes_belong_to_the_lines_that_made_them(told: dict[str, Any]) -> None:
    layers = buildkit(told)["layers"]
    same = layers["step4:0"][0][0]["digest"]
    text = json.dumps(layers).replace(layers["step6:0"][0][0]["digest"], same)
    buildkit(told)["layers"] = json.loads(text)
    assert read(told).layers == (2, 4, 19, 22, 23, 24, 25, 26, 27)


def test_a_ring_of_operations_ends(told: dict[str, Any]) -> None:
    nodes(told)["step5"]["inputs"] = ["step5:0", "step13:0"]
    assert len(read(told).layers) == 9


def test_a_step_of_another_stream_has_no_place() -> None:
    record = read_provenance(TOLD, read_steps("cold"))
    assert record is not None
    assert {line.places for line in record.lines} == {()}


def test_the_layers_that_came_with_an_image_are_the_bases_however_many() -> None:
    record = read(TOLD)
    assert record.base_layers == 1
    lines = (*record.layers[:1], *record.layers)
    assert record.model_copy(update={"layers": lines}).base_layers == 2
    assert record.model_copy(update={"layers": record.layers[1:]}).base_layers == 0


def test_without_a_provenance_of_the_image_its_lowest_layer_is_the_bases(tmp_path: Path) -> None:
    work = WorkFolder(root=tmp_path, image_name="image", base="base", target="core")
    record = read(TOLD)
    two = record.model_copy(update={"layers": (*record.layers[:1], *record.layers)})
    build = BuildRecord.model_construct(
        base=BaseFacts.model_construct(origin="registry"), manifest_digest=record.manifest_digest
    )
    stand_in = build.model_copy(update={"base": BaseFacts.model_construct(origin="stand-in")})
    assert count_base_layers(work, build) == 1
    write_record(work.path / WorkFolder.PROVENANCE, two)
    assert count_base_layers(work, build) == 2
    assert count_base_layers(work, stand_in) == 0
    assert count_base_layers(work, build.model_copy(update={"manifest_digest": "another"})) == 1
    write_record(work.path / WorkFolder.PROVENANCE, record.model_copy(update={"layers": ()}))
    assert count_base_layers(work, build) == 1

"""Where the layout of a report's image lies, its layers are read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baseimages.errors import RecordError, UsageError
from baseimages.inspect import index_layers, open_layout
from baseimages.rederive import Outcome
from baseimages.report import ImageReport, write_report
from tests.inspect.test_layout import QUIET, make_layout
from tests.rederive.conftest import Checkout, set_value


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return make_layout(tmp_path / "layout", [{"etc/os-release": b"x"}, {"usr/local/bin/ffmpeg": b"f" * 50}])


def report_layout(checkout: Checkout, consistent: ImageReport, layout: Path) -> None:
    """Make the report one about that layout."""
    index = index_layers(open_layout(layout), QUIET)
    text = consistent.model_dump_json().replace(
        consistent.targets[0].build.manifest_digest, index.manifest_digest
    )
    document = json.loads(text)
    document["targets"][0]["layers"] = index.model_dump()
    document["targets"][0]["build"]["build_args"]["BASE_DIGEST"] = index.manifest_digest
    write_report(checkout.root, ImageReport.model_validate(document))


def test_layers_are_read_again_where_the_layout_lies(
    checkout: Checkout, consistent: ImageReport, layout: Path
) -> None:
    report_layout(checkout, consistent, layout)
    check = checkout.check("core on debian-13: blobs, layers", layout=layout)
    assert (check.outcome, check.numbers) == (Outcome.VERIFIED, ("targets.0.layers.*",))
    work = checkout.root / ".work/image/debian-13/core"
    work.mkdir(parents=True)
    layout.rename(work / "layout")
    assert checkout.check("core on debian-13: blobs, layers").outcome == Outcome.VERIFIED


def test_what_is_known_of_layers_proves_nothing_about_them(
    checkout: Checkout, consistent: ImageReport, layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_layout(checkout, consistent, layout)

    def refuse(_: object) -> None:
        raise AssertionError("asked what is known")

    monkeypatch.setattr("baseimages.inspect.layers.find_rows", refuse)
    check = checkout.check("core on debian-13: blobs, layers", layout=layout)
    assert check.outcome == Outcome.VERIFIED


def test_a_size_that_the_blobs_do_not_have_is_told(
    checkout: Checkout, consistent: ImageReport, layout: Path
) -> None:
    report_layout(checkout, consistent, layout)
    checkout.edit(set_value("layers", "layers", 1, "entries", 9))
    check = checkout.check("core on debian-13: blobs, layers", layout=layout)
    assert (check.outcome, check.detail) == (Outcome.DRIFT, "layers.1.entries: 1, the record says 9")


def test_a_layout_of_another_image_is_refused(checkout: Checkout, layout: Path) -> None:
    with pytest.raises(UsageError, match="none of the chosen reports is about"):
        checkout.prove(layout=layout)


def test_what_is_no_layout_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not an OCI layout"):
        checkout.prove(layout=tmp_path)

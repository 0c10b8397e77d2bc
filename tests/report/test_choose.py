"""An image is named by a path, a revision, or as what is built; a wrong word is told what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.declare import Family, load_family
from baseimages.errors import RecordError, UsageError
from baseimages.records import WorkFolder, write_record
from baseimages.report import Choice, ImageReport, pair_up, read_choice
from baseimages.report.record import TargetReport
from tests.conftest import ROOT
from tests.report.conftest import make_build

CPU, ARM = "base_edge_node_amd64_cpu", "base_edge_node_arm64_cpu"
FAMILY = load_family(ROOT / "images.toml")


def part(target: str, base: str = "debian-13", image: str = CPU) -> TargetReport:
    build = make_build()
    build = build.model_copy(
        update={
            "image_name": image, "target": target, "base": build.base.model_copy(update={"family": base})
        }
    )  # fmt: skip
    return TargetReport(build=build, layers=None, suite=None, scan=None, benchmark=None)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two reports of the CPU image, one of the arm64 image, and a build of target core."""
    for image, revision, targets in (
        (CPU, "abc1" + "0" * 36, ("core", "full")),
        (CPU, "abd2" + "0" * 36, ("core",)),
        (ARM, "abc3" + "0" * 36, ("full",)),
    ):
        report = ImageReport(
            image_name=image,
            revision=revision,
            targets=tuple(part(t, image=image) for t in targets),
            timings=(),
        )
        write_record(tmp_path / "reports" / image / report.folder_name / "record.json", report)
    work = WorkFolder(root=tmp_path, image_name=CPU, base="debian-13", target="core")
    write_record(work.path / WorkFolder.BUILD, part("core").build)
    return tmp_path


def titles(root: Path, word: str, family: Family = FAMILY) -> list[str]:
    return [choice.title for choice in read_choice(root, family, word)]


@pytest.mark.parametrize(
    "word",
    [
        f"reports/{CPU}/abc100000000",
        f"reports/{CPU}/abc100000000/",
        f"reports/{CPU}/abc100000000/record.json",
        f"{CPU}@abc100000000",
        f"{CPU}@abc",
        "cpu@abc1",
    ],
)
def test_a_report_is_named_by_its_path_or_by_image_and_revision(checkout: Path, word: str) -> None:
    place = f"{CPU}@abc100000000"
    assert titles(checkout, word) == [f"{place}:core-debian-13", f"{place}:full-debian-13"]
    assert titles(checkout, f"{word}:full") == [f"{place}:full-debian-13"]
    assert titles(checkout, f"{word}:core-debian-13") == [f"{place}:core-debian-13"]


def test_a_title_can_be_typed_again(checkout: Path) -> None:
    for title in titles(checkout, "cpu@abc1"):
        assert titles(checkout, title) == [title]


@pytest.mark.parametrize("word", ["cpu", CPU, "cpu:core"])
def test_a_variant_is_what_is_built_here(checkout: Path, word: str) -> None:
    assert titles(checkout, word) == ["cpu:core-debian-13"]


def test_a_path_elsewhere_will_do(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "record.json"
    (checkout / f"reports/{CPU}/abd200000000/record.json").replace(other)
    assert titles(checkout, f"{other}") == [f"{CPU}@abd200000000:core-debian-13"]


@pytest.mark.parametrize(
    ("word", "error", "step"),
    [
        ("cpu@ab", RecordError, "abc100000000"),
        ("cpu@", RecordError, "abd200000000"),
        ("cpu@99", RecordError, "abc100000000"),
        ("gpu@abc", RecordError, "there are: none"),
        ("cpu@abc1:cor", UsageError, "core-debian-13"),
        ("cpu:full", UsageError, "core-debian-13"),
        ("cpx", UsageError, f"{ARM}@abc300000000"),
        ("", UsageError, "reports/IMAGE/REVISION"),
        ("reports", UsageError, f"{CPU}@abc100000000"),
        ("gpu", RecordError, "invoke build --variant gpu"),
        ("-x@a\nb", UsageError, "IMAGE@REVISION"),
    ],
)
def test_a_word_that_names_nothing_is_told_what_there_is(
    checkout: Path, word: str, error: type[Exception], step: str
) -> None:
    with pytest.raises(error) as caught:
        read_choice(checkout, FAMILY, word)
    assert step in str(caught.value)


def test_a_damaged_record_is_refused(checkout: Path) -> None:
    (checkout / f"reports/{CPU}/abc100000000/record.json").write_text("{")
    with pytest.raises(RecordError, match="is no ImageReport"):
        read_choice(checkout, FAMILY, f"reports/{CPU}/abc100000000")


def test_targets_that_both_have_are_compared(checkout: Path) -> None:
    pairs = pair_up(read_choice(checkout, FAMILY, "cpu@abc1"), read_choice(checkout, FAMILY, "cpu"))
    assert [(old.title, new.title) for old, new in pairs] == [
        (f"{CPU}@abc100000000:core-debian-13", "cpu:core-debian-13")
    ]


def test_one_image_of_each_side_is_a_pair_whatever_its_target(checkout: Path) -> None:
    pairs = pair_up(
        read_choice(checkout, FAMILY, "cpu@abc1:core"), read_choice(checkout, FAMILY, "arm64@abc")
    )
    assert len(pairs) == 1


def test_sides_that_have_nothing_in_common_are_refused_with_what_they_have(checkout: Path) -> None:
    report = ImageReport(image_name=CPU, revision="e" * 40, targets=(part("parts"), part("rest")), timings=())
    write_record(checkout / f"reports/{CPU}/{report.folder_name}/record.json", report)
    with pytest.raises(UsageError, match="abc100000000:core-debian-13") as caught:
        pair_up(read_choice(checkout, FAMILY, "cpu@abc1"), read_choice(checkout, FAMILY, "cpu@eee"))
    assert f"{CPU}@eeeeeeeeeeee:parts-debian-13" in caught.value.message


def test_the_same_target_on_another_base_is_a_pair() -> None:
    old, new = part("core"), part("core", base="ubuntu-24.04")
    pairs = pair_up(
        (Choice(place="a", part=old),), (Choice(place="b", part=new), Choice(place="b", part=part("full")))
    )
    assert [(o.name, n.name) for o, n in pairs] == [("core-debian-13", "core-ubuntu-24.04")]

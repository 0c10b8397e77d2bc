"""A base that brings its own Python has a reason, and a reason has such a base."""

from __future__ import annotations

from datetime import date

import pytest

from baseimages.compat.departures import check_departures, find_departures
from baseimages.compat.run import check_reviews
from baseimages.declare import Family, load_family
from baseimages.declare.compatibility import Compatibility, load_compatibility
from baseimages.errors import DeclarationError
from tests.conftest import ROOT

ENTRY = {"base": "own", "why": "Its torch.", "link": "https://example.org/a", "review": "2027-01-01"}
FAMILY = Family.model_validate(
    {
        "bases": {
            "own": {"reference": "own:1", "digest": "sha256:" + "0" * 64, "glibc": "2.35", "python": "3.10"},
            "plain": {"reference": "plain:1", "digest": "sha256:" + "0" * 64, "glibc": "2.39"},
        },
        "images": {
            "one": {
                "name": "image_one",
                "environment_version": "1.0.0",
                "platform": "linux/arm64",
                "accelerator": "tegra",
                "targets": ["core"],
                "default_target": "core",
                "bases": ["own", "plain"],
                "suite": "image_testing/test-one.sh",
                "tags": ["{target}-{base}"],
            }
        },
    }
)


def know(*entries: dict[str, str]) -> Compatibility:
    limits = {"cryptography_age_max_days": 365}
    return Compatibility.model_validate({"limits": limits, "departures": entries})


def test_a_base_with_its_own_python_and_a_reason_is_told_and_no_finding() -> None:
    rows = find_departures(FAMILY, know(ENTRY))
    assert [(row.base, row.python, row.why) for row in rows] == [("own", "3.10", "Its torch.")]
    assert list(check_departures(rows)) == []


def test_a_base_with_its_own_python_and_no_reason_is_a_finding() -> None:
    (finding,) = check_departures(find_departures(FAMILY, know()))
    assert (finding.code, finding.message) == ("CM204", "own brings Python 3.10")


@pytest.mark.parametrize("base", ["plain", "absent"])
def test_a_reason_that_explains_nothing_is_refused(base: str) -> None:
    with pytest.raises(DeclarationError, match=f"the departure of {base} is none"):
        find_departures(FAMILY, know(ENTRY | {"base": base}))


def test_a_departure_whose_review_was_due_is_a_finding() -> None:
    due, later = date(2027, 1, 1), date(2027, 1, 2)
    assert list(check_reviews(know(ENTRY), due)) == []
    (finding,) = check_reviews(know(ENTRY), later)
    assert "departure of own: its review was due on 2027-01-01" in finding.message


def test_every_committed_base_with_its_own_python_has_its_reason() -> None:
    family = load_family(ROOT / "images.toml")
    rows = find_departures(family, load_compatibility(ROOT / "compatibility.toml"))
    assert {row.base for row in rows} == {name for name, base in family.bases.items() if base.python}
    assert list(check_departures(rows)) == []

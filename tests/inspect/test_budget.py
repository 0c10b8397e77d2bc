"""A budget has teeth: the byte above it is an error that names what is heavy."""

from __future__ import annotations

import pytest

from baseimages.errors import BudgetError
from baseimages.inspect import LayerIndex, check_budget
from tests.report.conftest import DIGEST, layer

INDEX = LayerIndex.model_validate(
    {
        "manifest_digest": DIGEST,
        "layers": [layer(0), layer(1)],
        "owners": {"base": 1_000_000, "wheels": 9_000_000, "torch": 5_000_000, "ours": 1},
    }
)


@pytest.mark.parametrize("budget_bytes", [None, 3_000_000])
def test_without_a_budget_or_at_it_nothing_is_said(budget_bytes: int | None) -> None:
    check_budget(INDEX, budget_bytes, image="image:full")


def test_one_byte_too_many_names_the_excess_and_the_heaviest_owners() -> None:
    with pytest.raises(BudgetError, match="3000000 bytes compressed, 1 more than its budget") as caught:
        check_budget(INDEX, 2_999_999, image="image:full")
    assert "wheels 9.0 MB, torch 5.0 MB, base 1.0 MB" in caught.value.message
    assert "budget_bytes in images.toml" in caught.value.next_step

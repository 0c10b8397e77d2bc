"""A budget has teeth: the byte above it is an error that names what is heavy."""

from __future__ import annotations

import pytest

from baseimages.declare import Budget
from baseimages.errors import BudgetError, DeclarationError
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
    check_budget(INDEX, Budget(total_bytes=budget_bytes, owners={"wheels": 9_000_000}), image="image:full")


def test_one_byte_too_many_names_the_excess_and_the_heaviest_owners() -> None:
    with pytest.raises(BudgetError, match="3000000 bytes compressed, 1 more than its budget") as caught:
        check_budget(INDEX, Budget(total_bytes=2_999_999, owners={}), image="image:full")
    assert "wheels 9.0 MB, torch 5.0 MB, base 1.0 MB" in caught.value.message
    assert "its budget in images.toml" in caught.value.next_step


def test_with_an_index_from_before_the_excess_names_what_grew() -> None:
    before = INDEX.model_copy(update={"owners": {"base": 1_000_000, "wheels": 7_000_000, "torch": 5_000_000}})
    with pytest.raises(BudgetError) as caught:
        check_budget(INDEX, Budget(total_bytes=1, owners={}), image="image:full", before=before)
    assert "grown, as files: wheels +2.0 MB, ours +0.0 MB" in caught.value.message
    assert "torch" not in caught.value.message


def test_an_owner_has_a_budget_of_its_own() -> None:
    budget = Budget(owners={"torch": 5_000_000, "wheels": 8_999_999, "node": 1})
    before = INDEX.model_copy(update={"owners": {"wheels": 8_000_000}})
    with pytest.raises(BudgetError, match="wheels weighs 9000000 bytes as files, 1 more") as caught:
        check_budget(INDEX, budget, image="image:full", before=before)
    assert "+1.0 MB against the baseline" in caught.value.message
    assert len(caught.value.message.splitlines()) == 1


def test_a_budget_for_an_owner_that_there_is_not_is_refused() -> None:
    with pytest.raises(DeclarationError, match="whels owns nothing") as caught:
        check_budget(INDEX, Budget(owners={"whels": 1}), image="image:full")
    assert "did you mean wheels" in caught.value.next_step

"""Whether an image stays within the bytes that its devices can take."""

from __future__ import annotations

from baseimages.errors import BudgetError
from baseimages.inspect.layers import LayerIndex

NAMED_OWNERS = 3


def check_budget(index: LayerIndex, budget_bytes: int | None, *, image: str) -> None:
    """Compare the compressed size with the budget; None is no budget.

    Raises BudgetError that names the excess and the heaviest owners.
    """
    if budget_bytes is None or index.compressed_bytes <= budget_bytes:
        return
    heaviest = sorted(index.owners.items(), key=lambda item: -item[1])[:NAMED_OWNERS]
    told = ", ".join(f"{owner} {size_bytes / 1e6:.1f} MB" for owner, size_bytes in heaviest)
    raise BudgetError(
        f"{image} weighs {index.compressed_bytes} bytes compressed, "
        f"{index.compressed_bytes - budget_bytes} more than its budget; heaviest, as files: {told}",
        next_step="prune what grew, or raise budget_bytes in images.toml with the reason beside it",
    )

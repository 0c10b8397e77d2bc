"""Whether an image stays within the bytes that its devices can take, in all and by owner."""

from __future__ import annotations

from baseimages.declare import Budget
from baseimages.declare.names import suggest_name
from baseimages.errors import BudgetError, DeclarationError
from baseimages.inspect.layers import LayerIndex
from baseimages.inspect.owners import OWNERS

NAMED_OWNERS = 3


def find_excesses(index: LayerIndex, budget: Budget, before: LayerIndex | None) -> tuple[str, ...]:
    """In words what weighs more than its budget, by how much, and what grew since `before`.

    Raises DeclarationError for a budget of an owner that there is not.
    """
    found = []
    if budget.total_bytes is not None and index.compressed_bytes > budget.total_bytes:
        excess = _tell_excess("it", index.compressed_bytes, budget.total_bytes, "compressed")
        found.append(f"{excess}; {_tell_growth(index, before)}")
    for owner, most in budget.owners.items():
        if owner not in OWNERS:
            raise DeclarationError(
                f"owner_budget_bytes of images.toml: {owner} owns nothing in any image",
                next_step=suggest_name(owner, OWNERS),
            )
        size_bytes = index.owners.get(owner, 0)
        if size_bytes > most:
            excess = _tell_excess(owner, size_bytes, most, "as files")
            found.append(f"{excess}; {_tell_owner(owner, size_bytes, before)}")
    return tuple(found)


def check_budget(index: LayerIndex, budget: Budget, *, image: str, before: LayerIndex | None = None) -> None:
    """Hold an image to its budget; `before` is the index that it is told to have grown from.

    Raises BudgetError that names each excess and what grew, DeclarationError for an unknown owner.
    """
    excesses = find_excesses(index, budget, before)
    if excesses:
        raise BudgetError(
            f"{image} is over its budget: " + "\n".join(excesses),
            next_step="prune what grew, or raise its budget in images.toml with the reason beside it",
        )


def _tell_excess(what: str, size_bytes: int, most: int, how: str) -> str:
    return f"{what} weighs {size_bytes} bytes {how}, {size_bytes - most} more than its budget"


def _tell_growth(index: LayerIndex, before: LayerIndex | None) -> str:
    """The owners that grew most, or the heaviest where nothing is known to compare with."""
    grown = {
        name: size - (before.owners.get(name, 0) if before else 0) for name, size in index.owners.items()
    }
    most = sorted((item for item in grown.items() if item[1] > 0), key=lambda item: -item[1])[:NAMED_OWNERS]
    told = ", ".join(f"{owner} {'+' if before else ''}{size / 1e6:.1f} MB" for owner, size in most)
    return f"{'grown' if before else 'heaviest'}, as files: {told or 'no owner'}"


def _tell_owner(owner: str, size_bytes: int, before: LayerIndex | None) -> str:
    if before is None:
        return "nothing to compare with tells how it grew"
    return f"{(size_bytes - before.owners.get(owner, 0)) / 1e6:+.1f} MB against the baseline"

"""Every combination that images.toml declares, and the one that blocks it, if any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from baseimages.declare import Family, Image, TorchSource
from baseimages.declare.compatibility import Blocked
from baseimages.declare.names import suggest_name
from baseimages.errors import DeclarationError

NO_TENSORRT = "none"


@dataclass(frozen=True, kw_only=True)
class Combination:
    """One value for each thing that a build can choose.

    Of the base are `glibc`, the `pythons` that it allows, and `not_built`: why nothing is built on it.
    """

    variant: str
    image: Image
    base: str
    glibc: str
    python: str
    cuda: str | None
    tensorrt: str | None
    torch: TorchSource | None
    pythons: tuple[str, ...]
    not_built: str | None

    @property
    def is_default(self) -> bool:
        """Whether a plain build on this base makes it."""
        image = self.image
        chosen = (self.python, self.cuda, self.tensorrt, self.torch, self.not_built)
        first = (_first(words) for words in (self.pythons, image.cuda, image.tensorrt))
        return chosen == (*first, _first(image.torch_sources(self.base)), None)

    @property
    def part(self) -> str:
        """The part of the image's locks that it installs (`Image.lock_parts`)."""
        if self.cuda:
            return f"cuda-{self.cuda}"
        return f"{self.base}-{self.torch}" if self.torch is TorchSource.ARCHIVE else self.base

    @property
    def keys(self) -> dict[str, str | None]:
        """Its values by the keys of a blocked entry."""
        names = ("base", "python", "cuda", "tensorrt")
        return {"image": self.variant} | {name: getattr(self, name) for name in names}


def list_combinations(family: Family) -> Iterator[Combination]:
    """All of them, in the order of the declaration."""
    for variant, image in family.images.items():
        for base in image.bases:
            declared, pythons = family.base(base), family.pythons(image, base)
            cudas, sources = tuple(image.cuda) or (None,), image.torch_sources(base) or (None,)
            for cuda, python, tensorrt, torch in product(cudas, pythons, image.tensorrt or (None,), sources):
                yield Combination(
                    variant=variant,
                    image=image,
                    base=base,
                    glibc=declared.glibc,
                    python=python,
                    cuda=cuda,
                    tensorrt=tensorrt,
                    torch=torch,
                    pythons=pythons,
                    not_built=declared.not_built,
                )


def find_block(combination: Combination, blocked: Iterable[Blocked]) -> Blocked | None:
    """The first entry that matches."""
    keys = combination.keys.items()
    return next((entry for entry in blocked if entry.keys.items() <= keys), None)


def check_blocks(combinations: list[Combination], blocked: Iterable[Blocked]) -> None:
    """Raises DeclarationError for an entry that matches no combination, with the nearest value."""
    for number, entry in enumerate(blocked, start=1):
        if any(entry.keys.items() <= item.keys.items() for item in combinations):
            continue
        for key, value in entry.keys.items():
            known = {str(item.keys[key]) for item in combinations}
            if value not in known:
                raise _matches_nothing(number, f"{key} = {value}", suggest_name(value, known))
        raise _matches_nothing(number, str(entry.keys), "remove it, or mend one of its keys")


def _matches_nothing(number: int, what: str, next_step: str) -> DeclarationError:
    return DeclarationError(
        f"compatibility.toml: blocked entry {number} matches no combination: {what}", next_step=next_step
    )


def _first(values: Iterable[str]) -> str | None:
    return next(iter(values), None)

"""Reads a TOML file into a strict model; a refusal names file, key and the nearest known key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from baseimages.declare.names import quote_word, suggest_name
from baseimages.errors import DeclarationError


class Declared(BaseModel):
    """A table of a declaration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


DeclaredT = TypeVar("DeclaredT", bound=Declared)


def load_tables(path: Path, model: type[DeclaredT], *, described_in: str) -> DeclaredT:
    """Read the file; `described_in` tells a person where the keys are explained.

    Raises DeclarationError that names file, key and the nearest known key.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DeclarationError(
            f"{path} cannot be read: {error.strerror}",
            next_step="run from a checkout of this repository",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(
            f"{path} is not TOML: {error}", next_step="mend that place in the file"
        ) from error
    except ValidationError as error:
        raise _refusal(path, model, error, described_in) from error


def _refusal(
    path: Path, model: type[Declared], error: ValidationError, described_in: str
) -> DeclarationError:
    # A misspelt key is also a missing one: the unknown key is the one to show.
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    location = tuple(str(part) for part in first["loc"] if part != "[key]")
    key = ".".join(quote_word(part).strip("'") for part in location) or "the file"
    if first["type"] == "extra_forbidden":
        known = _model_at(model, location).model_fields
        return DeclarationError(f"{path}: unknown key {key}", next_step=suggest_name(location[-1], known))
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return DeclarationError(
        f"{path}: {key}: {first['msg']}{more}",
        next_step=f"mend that key; {described_in} says what it may hold",
    )


def _model_at(model: type[Declared], location: tuple[str, ...]) -> type[BaseModel]:
    """The model whose key the last word of `location` is."""
    kind: Any = model
    for word in location[:-1]:
        fields = getattr(kind, "model_fields", None)
        kind = fields[word].annotation if fields else get_args(kind)[get_origin(kind) is dict]
        if NoneType in get_args(kind):
            kind = get_args(kind)[0]
    found: type[BaseModel] = kind
    return found

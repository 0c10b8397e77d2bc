"""Which plans belong together under one friendly name: an image index with an image per platform."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from baseimages.declare import Family
from baseimages.plan.model import BuildPlan

SCHEMA_VERSION = 1
NOTE = (
    "One index for each friendly name; an engine that asks for it gets the image of its own platform. "
    "Nothing is published by this release.\n"
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """An image of an index: `image` is the tag that stays with its revision."""

    platform: str
    image: str
    built_on: str


@dataclass(frozen=True, kw_only=True)
class IndexPlan:
    """A friendly name with the images behind it, the one that the others follow first.

    An image that belongs to no index stands alone under its own name.
    """

    name: str
    target: str
    base: str
    tags: tuple[str, ...]
    members: tuple[Member, ...]


def make_indexes(family: Family, plans: Iterable[BuildPlan]) -> tuple[IndexPlan, ...]:
    """Join the plans of one target on one base by the index of their image, in the order given."""
    joined: dict[str, IndexPlan] = {}
    for plan in plans:
        name = family.image(plan.variant).index or plan.image_name
        member = Member(platform=plan.platform, image=plan.tags[-1], built_on=plan.build_platform)
        if name in joined:
            members = (*joined[name].members, member)
            joined[name] = dataclasses.replace(joined[name], members=members)
        else:
            joined[name] = _start(name, plan, member)
    return tuple(joined.values())


def render_indexes(indexes: Iterable[IndexPlan]) -> str:
    """The indexes as Markdown; every word in it is a declared name and needs no escape."""
    return "\n".join(("# Image indexes\n", NOTE, *(part for index in indexes for part in _render(index))))


def indexes_to_json(indexes: Iterable[IndexPlan]) -> str:
    """The indexes as JSON with a schema version."""
    rows = [dataclasses.asdict(index) for index in indexes]
    return json.dumps({"schema_version": SCHEMA_VERSION, "indexes": rows}, indent=2) + "\n"


def _start(name: str, plan: BuildPlan, member: Member) -> IndexPlan:
    """The index of its first plan, whose tags it takes under its own name."""
    tags = tuple(f"{name}:{tag.partition(':')[2]}" for tag in plan.tags)
    return IndexPlan(name=name, target=plan.target, base=plan.base.family, tags=tags, members=(member,))


def _render(index: IndexPlan) -> Iterator[str]:
    yield f"## {index.name}\n"
    yield f"Target {index.target} on {index.base}: " + ", ".join(f"`{tag}`" for tag in index.tags) + "\n"
    rows = [("platform", "image", "built on"), ("---",) * 3]
    rows += [(member.platform, f"`{member.image}`", member.built_on) for member in index.members]
    yield "".join(f"| {' | '.join(row)} |\n" for row in rows)

"""Who requires whom among the packages of an image, as their databases tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from baseimages.inspect.packages import Package


class Requirers:
    """The graph of dependencies; a choice or a virtual name stands for every installed package of it."""

    def __init__(self, packages: Mapping[str, Package]) -> None:
        self._packages = packages
        providers: dict[str, set[str]] = {name: {name} for name in packages}
        for package in packages.values():
            for name in package.provides:
                providers.setdefault(name, set()).add(package.id)
        self._needs = {
            package.id: sorted(
                {found for group in package.needs for name in group for found in providers.get(name, ())}
            )
            for package in packages.values()
        }

    def follow(self, roots: Iterable[str], without: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """What `roots` require, over any number of steps, and one that requires it, nearest first.

        Packages in `without` are taken not to be there.
        """
        todo = sorted(set(roots) - set(without))
        seen = {*todo, *without}
        for package in todo:
            for needed in self._needs.get(package, ()):
                if needed not in seen:
                    seen.add(needed)
                    todo.append(needed)
                    yield needed, package

    def list_only_for(self, without: Collection[str], packages: Iterable[str]) -> set[str]:
        """What came along for `packages` and nothing would need if those in `without` were not there.

        As apt's autoremove: what a person asked for, or dpkg calls essential, always stays.
        """
        kept = {p.id for p in self._packages.values() if p.asked_for or p.essential} - set(without)
        kept |= {needed for needed, _ in self.follow(kept, without)}
        return {needed for needed, _ in self.follow(packages)} - kept - set(without)

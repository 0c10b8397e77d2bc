"""The file system that a container of an image sees, merged from its layers. Nothing is extracted.

Kept are names, sizes and links; of contents what a reader keeps: the facts of programs and the text of
small configuration files, where nobody asks for something else.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rich.console import Console

from baseimages.errors import VerificationError
from baseimages.inspect.layout import Layout
from baseimages.inspect.programs import MAGIC, Program, read_program
from baseimages.inspect.rows import OPAQUE, WHITEOUT
from baseimages.inspect.stream import open_tar
from baseimages.inspect.tar import NEXT_STEP, Member, TarReader

# Linux follows no more links than these in one path (path_resolution(7)).
MOST_LINKS = 40
# What is kept as text: configuration, and the loader's cache, whose names are text among numbers.
TEXTS = (".conf", "/ld.so.cache")
LARGEST_TEXT_BYTES = 1 << 20
EXECUTABLE = 0o111


@dataclass(frozen=True, kw_only=True)
class File:
    """Anything that is neither link nor folder; `layer` is the number of the layer that put it there.

    `content` names the member that brought its bytes, by layer and path: hard links share it.
    `executable` tells that somebody may execute it.
    """

    layer: int
    content: tuple[int, str] = (0, "")
    size_bytes: int = 0
    executable: bool = False
    program: Program | None = None
    text: str = ""
    imports: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Link:
    """A symbolic link; its target as it is written."""

    layer: int
    target: str


@dataclass(kw_only=True)
class Folder:
    """A folder; `layer` is the number of the last layer that names it."""

    layer: int
    children: dict[str, Node] = field(default_factory=dict)


Node: TypeAlias = "File | Link | Folder"
# What is kept of a regular file: made from its member, the tar to read it from and what is known without.
Reader: TypeAlias = Callable[[Member, TarReader, File], File]


class Tree:
    """Paths are absolute; links are followed inside the tree and never out of it."""

    def __init__(self) -> None:
        self.root = Folder(layer=0)

    def locate(self, path: str) -> File | Folder | None:
        """What stands at a path, links followed; None for nothing and for links that go in circles."""
        todo, links = _words(path), 0
        trail: list[File | Folder] = [self.root]
        while todo:
            name = todo.pop()
            node = _child(trail[-1], name)
            if isinstance(node, Link) and links < MOST_LINKS:
                links += 1
                todo += _words(node.target)
                trail = [self.root] if node.target.startswith("/") else trail
            elif isinstance(node, (File, Folder)):
                trail.append(node)
            elif name == "..":
                trail = trail[:-1] or trail
            else:
                return None
        return trail[-1]

    def get(self, path: str) -> Node | None:
        """What stands at a path itself: its last name is not followed."""
        folder, name = posixpath.split(_clean(path))
        return _child(self.locate(folder), name)

    def put(self, path: str, node: Node) -> None:
        """Put an entry in its place; a folder keeps what it holds, anything else is replaced."""
        folder, name = posixpath.split(_clean(path))
        if not name:
            return
        children = self._open(folder, node.layer).children
        old = children.get(name)
        if isinstance(old, Folder) and isinstance(node, Folder):
            old.layer = node.layer
        else:
            children[name] = node

    def _open(self, path: str, layer: int) -> Folder:
        found = self.locate(path)
        if isinstance(found, Folder):
            return found
        made = Folder(layer=layer)
        self.put(path, made)
        return made

    def hide(self, path: str, layer: int) -> None:
        """A whiteout of `layer`: what lower layers put at `path` and beneath is gone."""
        folder, name = posixpath.split(_clean(path))
        parent = self.locate(folder)
        if isinstance(parent, Folder):
            _prune(parent, layer, [name])

    def clear(self, path: str, layer: int) -> None:
        """An opaque folder of `layer`: what lower layers put beneath `path` is gone."""
        found = self.locate(path)
        if isinstance(found, Folder):
            _prune(found, layer, list(found.children))

    def files(self) -> Iterator[tuple[str, File]]:
        """Every file and its path, in the order of names; a hard link comes once for each name."""
        todo: list[tuple[str, Node]] = [("", self.root)]
        while todo:
            path, node = todo.pop()
            if isinstance(node, File):
                yield path, node
            elif isinstance(node, Folder):
                todo += ((f"{path}/{name}", node.children[name]) for name in sorted(node.children)[::-1])


def _clean(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _words(path: str) -> list[str]:
    """The names of a path, the first of them last."""
    return [word for word in path.split("/") if word not in ("", ".")][::-1]


def _child(node: Node | None, name: str) -> Node | None:
    return node.children.get(name) if isinstance(node, Folder) else None


def _prune(folder: Folder, layer: int, names: list[str]) -> None:
    # An entry of the same layer stays, wherever in the tar the whiteout stands (OCI image spec, layers).
    for name in names:
        node = folder.children.get(name)
        if isinstance(node, Folder):
            _prune(node, layer, list(node.children))
        if node and node.layer < layer and not (isinstance(node, Folder) and node.children):
            del folder.children[name]


def read_program_file(member: Member, tar: TarReader, file: File) -> File:
    """Keep the facts of a program and the text of small configuration."""
    if member.path.endswith(TEXTS) and member.size_bytes <= LARGEST_TEXT_BYTES:
        return replace(file, text=tar.read().decode("utf-8", "replace"))
    start = tar.read(len(MAGIC))
    return replace(file, program=read_program(start, tar, member.size_bytes)) if start == MAGIC else file


def read_tree(
    layout: Layout, console: Console, read: Reader = read_program_file, *, what: str = "programs"
) -> Tree:
    """Merge all layers, each read once; `read` keeps what its caller wants, `what` says so.

    Raises VerificationError for a layer that cannot be unpacked.
    """
    tree, count = Tree(), len(layout.layers)
    with console.status(f"reading {what}") as status:
        for number, layer in enumerate(layout.layers):
            status.update(f"reading {what}, layer {number + 1} of {count}")
            with open_tar(layer) as (tar, _):
                for member in tar:
                    _apply(tree, tar, member, number, read)
    return tree


def _apply(tree: Tree, tar: TarReader, member: Member, layer: int, read: Reader) -> None:
    folder, _, name = member.path.rpartition("/")
    if name == OPAQUE:
        tree.clear(folder, layer)
    elif name.startswith(WHITEOUT):
        tree.hide(f"{folder}/{name.removeprefix(WHITEOUT)}", layer)
    else:
        tree.put(member.path, _read_node(tree, tar, member, layer, read))


def _read_node(tree: Tree, tar: TarReader, member: Member, layer: int, read: Reader) -> Node:
    if member.kind == "folder":
        return Folder(layer=layer)
    if member.kind == "symlink":
        return Link(layer=layer, target=member.content)
    if member.kind == "hard link":
        return _read_hard_link(tree, member, layer)
    if member.kind != "file":
        return File(layer=layer)
    made = File(
        layer=layer,
        content=(layer, member.path),
        size_bytes=member.size_bytes,
        executable=bool(member.mode & EXECUTABLE),
    )
    return read(member, tar, made)


def _read_hard_link(tree: Tree, member: Member, layer: int) -> Node:
    node = tree.get(member.content)
    if node is None or isinstance(node, Folder):
        raise VerificationError(
            f"a layer names {member.content!a} as a second name of {member.path!a}, and it is no file",
            next_step=NEXT_STEP,
        )
    return replace(node, layer=layer)

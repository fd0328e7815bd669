"""A tree of values that know their places: what YAML says, before anybody gives it a meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mesh_yaml.place import DocumentError, Place

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]
Tree = Scalar | list[Any] | tuple[Any, ...] | dict[str, Any]  # plain, with nodes in it


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands; ``key`` is where its key stands, inside a mapping.

    Importers build these trees too, out of the nodes of other people's files, so an error in what
    they made still points at the line that a person wrote.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    place: Place
    key: Place | None = field(default=None, compare=False)

    @classmethod
    def of(cls, value: Tree | Node, place: Place) -> Node:
        """A tree of plain values, all at ``place``; a node among them keeps its own."""
        if isinstance(value, Node):
            return value
        if isinstance(value, dict):
            return cls({name: cls.of(item, place) for name, item in value.items()}, place)
        if isinstance(value, list | tuple):
            return cls(tuple(cls.of(item, place) for item in value), place)
        return cls(value, place)

    def plain(self) -> Plain:
        """The value without places: what a model is built from."""
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value

    def get(self, name: str) -> Node | None:
        """The value under ``name``; ``None`` when this is no mapping or has no such key."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def find(self, *path: str | int) -> Node:
        """The deepest node on ``path`` that exists; unknown steps (a union's tag) are skipped."""
        node = self
        for step in path:
            node = node._child(step) or node
        return node

    def _child(self, step: str | int) -> Node | None:
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, tuple) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def items(self) -> Iterator[tuple[str, Node]]:
        """The pairs of a mapping, in file order; nothing for a null.

        Raises:
            DocumentError: this is something else.
        """
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif self.value is not None:
            raise DocumentError.at(self.place, f"expected a mapping, got {self.kind}")

    def elements(self) -> tuple[Node, ...]:
        """The elements of a list; nothing for a null.

        Raises:
            DocumentError: this is something else.
        """
        if isinstance(self.value, tuple):
            return self.value
        if self.value is None:
            return ()
        raise DocumentError.at(self.place, f"expected a list, got {self.kind}")

    def text(self) -> str:
        """The value as text: a string as it is, a number or a boolean as YAML writes it."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, str | int | float):
            return str(self.value)
        raise DocumentError.at(self.place, f"expected text, got {self.kind}")

    @property
    def kind(self) -> str:
        """What this is, in words, for messages."""
        match self.value:
            case dict():
                return "a mapping"
            case tuple():
                return "a list"
            case None:
                return "nothing"
            case str():
                return f"{self.value!r}"
            case _:
                return f"{self.value}"

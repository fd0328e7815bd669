"""The base of what a file may hold: pydantic models that refuse what they do not know.

A model made by ``build.py`` knows the node that it was made from, so whoever finds fault with it
later can still say where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from mesh_yaml.node import Node
from mesh_yaml.place import Place


@dataclass(frozen=True)
class AlsoWritten:
    """An annotation: the JSON types of the short forms that a validator understands too."""

    types: tuple[str, ...]

    @classmethod
    def of(cls, *types: str) -> AlsoWritten:
        return cls(types)

    def __get_pydantic_json_schema__(
        self, core: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return {"anyOf": [handler(core), *({"type": name} for name in self.types)]}


@dataclass(frozen=True)
class ListOrOne:
    """An annotation: the JSON type of a list that may be written as its only element."""

    def __get_pydantic_json_schema__(
        self, core: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        whole = handler(core)
        return {"anyOf": [whole, whole["items"]]}


def one_or_more(value: Any) -> Any:
    """The validator of such a list."""
    return value if isinstance(value, list) else [value]


T = TypeVar("T")
OneOrMore = Annotated[list[T], BeforeValidator(one_or_more), ListOrOne()]


def _text(value: Any) -> Any:
    """Numbers and booleans are text where text is wanted: ``PORT: 80`` needs no quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text), AlsoWritten.of("number", "boolean")]
SomeText = Annotated[
    str, Field(min_length=1), BeforeValidator(_text), AlsoWritten.of("number", "boolean")
]


_NOWHERE = Node(None, Place(""))


class Closed(BaseModel):
    """The base of every model: frozen, and closed to what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spec(Closed):
    """A model that is aware of where it was written, once somebody has told it."""

    # a factory, because pydantic copies a default, down to its leaves, for each model
    _node: Node = PrivateAttr(default_factory=lambda: _NOWHERE)

    def located(self, node: Node) -> Spec:
        """This, told where it was written."""
        self._node = node
        return self

    @property
    def node(self) -> Node:
        """What this was made from."""
        return self._node

    def place(self, *path: str | int) -> Place:
        """Where the value at ``path`` below this stands; this itself without a path."""
        return self._node.find(*path).place

    def key_place(self, *path: str | int) -> Place:
        """Where the key of the value at ``path`` stands."""
        node = self._node.find(*path)
        return node.key or node.place

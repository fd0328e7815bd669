"""A message of Envoy's as somebody wrote it: its fields by name, and which of them were read.

Names may be Envoy's own or proto JSON's, ``route_config`` or ``routeConfig``. What nobody reads is
told (:meth:`Message.rest`).
https://protobuf.dev/programming-guides/json
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from mesh_patterns.importers.notes import Notes
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

_NEXT_WORD = re.compile(r"_([a-z0-9])")
_STRUCTS = frozenset({"udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"})
MAX_NUMBER = 2**53  # JSON's numbers are whole up to there


def value_of(node: Node, name: str) -> Node | None:
    """The value of a field, under either of its names; a null is none."""
    if not isinstance(node.value, dict):
        return None
    found = node.value.get(name) or node.value.get(_camel(name))
    return found if found is not None and found.value is not None else None


@functools.cache
def _camel(name: str) -> str:
    """Of names that our own code asks for, which are some hundreds."""
    return _NEXT_WORD.sub(lambda match: match[1].upper(), name)


class Message:
    """One message. ``owner`` is what notes call it: ``cluster 'backend'``."""

    def __init__(self, node: Node, notes: Notes, owner: str) -> None:
        if not isinstance(node.value, dict) and node.value is not None:
            raise DocumentError.at(node.place, f"expected a mapping, got {node.kind}")
        self.node, self.notes, self.owner = node, notes, owner
        self._read: set[str] = set()

    @property
    def unread(self) -> list[str]:
        """The names of fields that nobody has read yet."""
        return [name for name, _ in self.node.items() if name not in self._read]

    @property
    def place(self) -> Place:
        return self.node.key or self.node.place

    def get(self, name: str) -> Node | None:
        """The value of a field, which counts as read."""
        self._read |= {name, _camel(name)}
        return value_of(self.node, name)

    def text(self, name: str, otherwise: str = "") -> str:
        found = self.get(name)
        return otherwise if found is None else found.text()

    def word(self, name: str, otherwise: str = "") -> str:
        """The name of an enum's value, in capitals."""
        return self.text(name, otherwise).upper()

    def flag(self, name: str, otherwise: bool = False) -> bool:
        found = self.get(name)
        return otherwise if found is None else found.value is True

    def number(self, name: str, otherwise: int = 0) -> int:
        """A whole number; JSON may have it as text, too.

        Raises:
            DocumentError: it is none.
        """
        found = self.get(name)
        return otherwise if found is None else whole(found)

    def part(self, name: str) -> Message | None:
        """The message in a field."""
        found = self.get(name)
        return None if found is None else self.within(found)

    def parts(self, name: str) -> list[Message]:
        """The messages of a list."""
        return [self.within(each) for each in self.list(name)]

    def list(self, name: str) -> tuple[Node, ...]:
        found = self.get(name)
        return () if found is None else found.elements()

    def entries(self, name: str) -> Iterator[tuple[str, Node]]:
        """The pairs of a map."""
        found = self.get(name)
        return iter(()) if found is None else found.items()

    def within(self, node: Node, owner: str = "") -> Message:
        return Message(node, self.notes, owner or self.owner)

    def ignore(self, *names: str) -> None:
        """What says nothing that matters here."""
        for name in names:
            self.get(name)

    def rest(self, prefix: str = "") -> None:
        """Tell what has not been read."""
        self.notes.leftovers(self.node, self._read, self.owner, prefix)

    def left_out(self, what: str, node: Node | None = None) -> None:
        """Tell of something that has no place here."""
        found = self.node if node is None else node
        self.notes.approximate(what, found.key or found.place, self.owner)


def whole(node: Node) -> int:
    """A whole number, which JSON may have as text.

    Raises:
        DocumentError: it is none.
    """
    text = node.text()
    found = int(text) if re.fullmatch(r"-?\d{1,16}", text) else None
    if found is None or isinstance(node.value, bool) or abs(found) > MAX_NUMBER:
        raise DocumentError.at(node.place, f"expected a whole number, got {node.kind}")
    return found


def typed(message: Message, name: str = "typed_config") -> tuple[str, Message]:
    """The type of what a field holds, by its last name, and the content: ``("Router", …)``.

    Nothing of type "" where the field is not there.
    """
    found = message.get(name)
    if found is None:
        return "", message.within(Node({}, message.node.place))
    return opened(message.within(found))


def opened(content: Message) -> tuple[str, Message]:
    """The same of an ``Any``; of a ``TypedStruct`` those of what it stands for."""
    full = content.text("@type").rpartition("/")[2]
    if full in _STRUCTS:
        full = content.text("type_url").rpartition("/")[2]
        content = content.within(content.get("value") or Node({}, content.node.place))
    return full.rpartition(".")[2], content

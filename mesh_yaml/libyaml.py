"""The door to libyaml: plain YAML into trees of :class:`Node`, at the speed of C.

Ruamel (``yaml.py``) reads YAML 1.2 in Python: 2 s for ten thousand services, of which the events of
libyaml take a twentieth. But libyaml reads YAML 1.1, and has messages of its own. So this reads
only what both read alike, and gives up on all else, be it an anchor, a tag or an error: ruamel then
says what it is. Events come one by one, so neither C nor Python recurses deeper than is allowed.
"""

from __future__ import annotations

import re
from typing import Any

from mesh_yaml.node import Node, Scalar
from mesh_yaml.place import Place

try:
    from yaml.cyaml import CParser
    from yaml.error import YAMLError
    from yaml.events import (
        DocumentEndEvent,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        SequenceStartEvent,
        StreamEndEvent,
    )
except ImportError:  # PyYAML without its C part: all is left to ruamel
    CParser = None

# a directive, a document's end, a comment glued to a block; what only one of the two takes for a
# blank, or for a line's end
_UNLIKE = re.compile(r"^(%|\.\.\.)|[\t\x85\u2028\u2029\ufeff]|[|>][-+0-9]*#", re.MULTILINE)
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_REAL = re.compile(r"-?[0-9]{1,9}\.[0-9]{1,9}")
# a number or a date in another of their many spellings, or one of YAML 1.1's special keys
_DOUBTFUL = re.compile(
    r"(?=[-+.0-9])[-+]?[0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?0[box]?[0-9a-fA-F_]+|[-+]?\.[a-zA-Z]{3}|[0-9]{4}-[0-9]+-.*|=|<<",
    re.DOTALL,
)


class _Unlike(Exception):
    """Not plain: ruamel's affair."""


class TooMuch(Exception):
    """More values, or deeper ones, than are read: nobody needs to look at it any longer."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


def documents(text: str, name: str, most: int, deepest: int) -> list[Node] | None:
    """All documents of a plain text; ``None`` if it is not that plain.

    ``most`` is how many values it may hold, ``deepest`` how many levels. Raises ``TooMuch``.
    """
    if CParser is None or _UNLIKE.search(text):
        return None
    try:
        return _Reader(text, name, most, deepest).documents()
    except (_Unlike, YAMLError, ValueError):
        return None


class _Reader:
    def __init__(self, text: str, name: str, most: int, deepest: int) -> None:
        self._next = CParser(text).get_event
        self._name = name
        self._left = self._most = most
        self._deepest = deepest

    def documents(self) -> list[Node]:
        found = []
        self._next()  # the stream's start
        while type(self._next()) is not StreamEndEvent:
            found.append(self._node(self._next(), 0))
            if type(self._next()) is not DocumentEndEvent:
                raise _Unlike
        return found

    def _node(
        self, event: Any, depth: int, key: Place | None = None, place: Place | None = None
    ) -> Node:
        self._left -= 1
        if self._left < 0:
            at = self._place(event.start_mark)
            raise TooMuch(at, f"stands for more than {self._most} values")
        if depth > self._deepest:
            raise _Unlike
        kind = type(event)
        place = place or self._place(event.start_mark)
        if kind is ScalarEvent:
            return Node(_scalar(event), place, key)
        if kind not in (MappingStartEvent, SequenceStartEvent) or event.anchor or event.tag:
            raise _Unlike
        if kind is SequenceStartEvent:
            return Node(self._sequence(depth + 1), place, key)
        return Node(self._mapping(depth + 1), place, key)

    def _sequence(self, depth: int) -> tuple[Node, ...]:
        found = []
        while type(event := self._next()) is not SequenceEndEvent:
            found.append(self._node(event, depth))
        return tuple(found)

    def _mapping(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while type(event := self._next()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or event.value in found:
                raise _Unlike
            if event.value in ("", "<<"):
                raise _Unlike
            _scalar(event)
            key, value = self._place(event.start_mark), self._next()
            behind = self._place(event.end_mark, 1) if _is_absent(value) else None
            found[event.value] = self._node(value, depth, key, behind)
        return found

    def _place(self, mark: Any, further: int = 0) -> Place:
        return Place(self._name, mark.line + 1, mark.column + 1 + further)


def _is_absent(event: Any) -> bool:
    """Nothing stands there; its place is behind its key's colon, as ruamel has it inside braces."""
    return type(event) is ScalarEvent and not event.value and event.implicit[0]


def _scalar(event: Any) -> Scalar:
    if event.anchor or event.tag:
        raise _Unlike
    text: str = event.value
    if event.style in ("|", ">") and text[:1] in ("", "\n"):
        raise _Unlike  # blank lines lead it, of whose indentation there are two opinions
    if not event.implicit[0]:
        return text  # in quotes, or a block
    if text in _WORDS:
        return _WORDS[text]
    if not _DOUBTFUL.fullmatch(text):
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    raise _Unlike

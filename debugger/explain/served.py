"""What a node was served, as its control plane tells it, with the line that made each part."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xds_server.errors import WireError
from xds_server.mirror import class_of, parse
from xds_server.resource import ResourceType

MAX_PARTS = 100  # of one field path


class ServedError(Exception):
    """An answer that says nothing that can be explained."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One resource. ``message`` is its protobuf message."""

    kind: ResourceType
    name: str
    version: str
    message: Any = field(repr=False)
    origins: Mapping[str, str] = field(default_factory=dict, repr=False)

    def place(self, path: str = "") -> str:
        """The line that made a field: that of the nearest part around it which has one, or ""."""
        for _ in range(MAX_PARTS):
            found = self.origins.get(path)
            if found is not None or not path:
                return found or ""
            at = path.rfind("[") if path.endswith("]") else path.rfind(".")
            path = path[: max(at, 0)]
        return self.origins.get("", "")


class Served:
    """The resources that a node goes by. Each is read when it is first asked for.

    ``since`` is when they were served, ``until`` when others took their place (``None``: they are
    served now), ``settled`` when the node had accepted the last of them. ``refused`` is what it
    said against them, "" for nothing. Times are seconds since the epoch.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        """From the answer to ``Served``. Raises ``ServedError``."""
        try:
            self.node, self.kind = str(answer["node"]), str(answer["kind"])
            told = answer["resources"]
            self.known = told is not None
            self.version = str(answer.get("version", ""))
            self.since, self.until = _time(answer.get("since")), _time(answer.get("until"))
            self.settled = _time(answer.get("settled"))
            self.refused = str(answer.get("refused") or "")
            self._told = {(str(each["type"]), str(each["name"])): each for each in told or ()}
        except (KeyError, TypeError, ValueError) as error:
            raise ServedError(f"this is no answer of a control plane: {error!r}") from error
        self._read: dict[tuple[str, str], Piece] = {}
        self._made: dict[str, Any] = {}

    def get(self, kind: ResourceType, name: str) -> Piece | None:
        """Raises ``ServedError`` for one that can't be read."""
        key = (kind.title, name)
        if key not in self._read:
            told = self._told.get(key)
            if told is None:
                return None
            self._read[key] = _piece(kind, told)
        return self._read[key]

    def all(self, kind: ResourceType) -> Iterator[Piece]:
        """All of one type, in the order of their names."""
        for title, name in self._told:
            if title == kind.title and (found := self.get(kind, name)) is not None:
                yield found

    @functools.cached_property
    def listeners(self) -> tuple[Piece, ...]:
        return tuple(self.all(ResourceType.LISTENER))

    def remember(self, key: str, make: Any) -> Any:
        """What was made of a resource before under this key, or is made now."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def opened(packed: Any) -> Any | None:
    """The message in an ``Any``; ``None`` where its type is not known or its bytes are not it."""
    cls = class_of(packed.type_url)
    if cls is None:
        return None
    try:
        return parse(cls, packed.value)
    except WireError:
        return None


def title(packed: Any) -> str:
    """The last part of a type's name: ``HTTPFault``."""
    return str(packed.type_url).rpartition(".")[2]


def _time(given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError(f"{given!r} is no time")
    return float(given)


def _piece(kind: ResourceType, told: Mapping[str, Any]) -> Piece:
    name = str(told["name"])
    cls = class_of(kind.type_url)
    assert cls is not None, f"the door has no {kind.title}"
    try:
        message = parse(cls, base64.b64decode(told["body"], validate=True))
        origins = {str(path): str(place) for path, place in told["origins"].items()}
    except (WireError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ServedError(f"{kind.title} {name!r}: {error}") from error
    return Piece(kind, name, str(told.get("version", "")), message, origins)

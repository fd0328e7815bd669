"""What somebody has changed of a held request, and not yet sent."""

from __future__ import annotations

from collections.abc import Iterator

from debugger.gate.edit import Edit, edited, side_of
from debugger.gate.hold import Held
from mesh_traffic import Exchange, Request, Response

FIELDS = {  # words for what HTTP/2 has as pseudo-headers
    "method": ":method",
    "path": ":path",
    "host": ":authority",
    "authority": ":authority",
    "status": ":status",
}


class Draft:
    """Changes of one held message; :attr:`edit` is what they come to."""

    def __init__(self) -> None:
        self.fields: dict[str, str | None] = {}  # None: removed
        self.body: bytes | None = None

    def set(self, name: str, value: str) -> None:
        """The field has this one value."""
        self.fields[FIELDS.get(name.lower(), name.lower())] = value

    def remove(self, name: str) -> None:
        """The field is not sent."""
        self.fields[name.lower()] = None

    def clear(self) -> None:
        """Send it as it came."""
        self.fields.clear()
        self.body = None

    @property
    def edit(self) -> Edit:
        return Edit(
            {name: value for name, value in self.fields.items() if value is not None},
            tuple(name for name, value in self.fields.items() if value is None),
            self.body,
        )

    def lines(self) -> Iterator[str]:
        """What is changed, for people."""
        for name, value in self.fields.items():
            yield f"- {name}" if value is None else f"+ {name}: {value}"
        if self.body is not None:
            yield f"+ a body of {len(self.body)} bytes"


def message_of(held: Held) -> Request | Response:
    """The message that is held."""
    return side_of(held.exchange, held.phase)


def changed(held: Held, draft: Draft) -> Exchange:
    """The held exchange as it would go on, for showing."""
    return edited(held.exchange, held.phase, draft.edit)

"""Bytes that are no HTTP: all of a connection as one request and one response, without names.

Of HTTP that is broken only text is kept, which a redactor can look through: what follows it may be
a body in any coding, or the headers of HTTP/2, which hide what they hold.
"""

from __future__ import annotations

import re

from mesh_traffic import Headers
from tap.sockets.spoken import Said, Spoken

_NO_TEXT = re.compile(rb"[^\t\n\r -~]")


class Opaque:
    """The beginning of what either side said; of what comes after it, how much it was.

    ``text``: nothing is kept from the first byte on that is none.
    """

    lost = 0
    unread = b""

    def __init__(self, keep: int, begin: float, text: bool = False) -> None:
        self._text = text
        none = Headers()
        self._said = {True: Said(none, begin, keep), False: Said(none, begin, keep)}
        self._spoke = {True: False, False: False}

    @property
    def held(self) -> int:
        return sum(len(said.data) for said in self._said.values())

    def receive(self, asking: bool, data: bytes, at: float) -> list[Spoken]:
        said = self._said[asking]
        if not self._spoke[asking]:
            self._spoke[asking], said.begin = True, at
        ends = _NO_TEXT.search(data) if self._text else None
        said.add(data[: ends.start()] if ends else data)
        if ends:
            said.miss(len(data) - ends.start())
        said.end = at
        return []

    def miss(self, asking: bool, size: int, at: float) -> list[Spoken]:
        self._said[asking].miss(size)
        return []

    def close(self, at: float, why: str) -> list[Spoken]:
        if not any(said.size for said in self._said.values()):
            return []
        asked, answered = self._said[True], self._said[False]
        return [Spoken(asked, answered if answered.size else None)]

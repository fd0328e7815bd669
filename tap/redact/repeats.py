"""What was a secret in one place is one wherever the same exchange repeats it.

An upstream that echoes its headers, or a token that is handed out in a body and comes back in a
link, gives nothing away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from urllib.parse import quote, quote_plus

from tap.redact.linear import Regex, RegexError, regex
from tap.redact.marks import Render, left_out

SHORTEST = 6  # a part of a value that is shorter is no secret, and would tear up the text around it
SCHEMES = frozenset(("bearer", "digest", "negotiate"))  # RFC 9110, section 11.1; shorter ones pass
MAX_SINGLE = 20  # so many are looked for one by one, more of them by one expression
MAX_SECRETS = 2_000  # spellings counted; with more of them, bodies are withheld

_PARTS = re.compile(r"[\s;,]+")
_SAFE = re.compile(rb"[\w.~-]*")  # written the same in JSON and in a query
_SAFE_IN_JSON = re.compile(rb"[ !#-\[\]-~]*")
_OF_A_MARK = b"[redacted "


class Repeats:
    """``secrets``: values and their marks."""

    def __init__(self, secrets: Mapping[bytes, bytes]) -> None:
        self._secrets = [one for one in secrets.items() if _counts(one[0])]
        self._marks: dict[bytes, bytes] = {}
        for value, mark in self._secrets:
            self._marks.update((spelled, mark) for spelled in _in_json(value))
        self._in_text = list(self._marks)
        if len(self._in_text) > 1:
            self._in_text.sort(key=len, reverse=True)

    @cached_property
    def _shortest(self) -> list[bytes]:
        """Those that hold no other one: where none of these is, none is."""
        every = self._in_text
        return [one for one in every if not any(two in one for two in every if two is not one)]

    @cached_property
    def _anywhere(self) -> list[bytes]:
        """As they are written in text, in JSON and in queries, the longest first."""
        for value, mark in self._secrets:
            self._marks.update((spelled, mark) for spelled in _in_queries(value))
        return sorted(self._marks, key=len, reverse=True)

    @cached_property
    def _regex(self) -> Regex | None:
        """All of them at once; None: there are too many."""
        every = self._anywhere
        if len(every) > MAX_SECRETS:
            return None
        try:
            return regex("|".join(_escaped(one) for one in every))
        except RegexError:  # they are too long
            return None

    @property
    def too_many(self) -> str:
        """Why nothing can be shown that might repeat a secret, or ""."""
        if len(self._secrets) <= MAX_SINGLE or self._regex is not None:
            return ""
        return f"{len(self._secrets):,} secrets in one exchange"

    def _for(self, data: bytes) -> list[bytes]:
        return self._anywhere if b"%" in data or b"+" in data else self._in_text

    def within(self, data: bytes) -> bool:
        """Whether ``data`` repeats one, or might."""
        if len(self._secrets) > MAX_SINGLE:
            return self._regex is None or self._regex.search(data) is not None
        if self._for(data) is not self._in_text:
            return any(one in data for one in self._anywhere)
        return any(one in data for one in self._shortest)

    def replaced(self, data: bytes, render: Render) -> bytes:
        """``data`` with marks for all that is repeated; where there are too many, nothing of it."""
        if len(self._secrets) > MAX_SINGLE:
            if self._regex is None:
                return left_out(self.too_many) if data else data
            return self._all_at_once(self._regex, data, render)
        for secret in self._for(data):
            if secret in data:
                data = data.replace(secret, render(self._marks[secret], len(secret)))
        return data

    def _all_at_once(self, every: Regex, data: bytes, render: Render) -> bytes:
        pieces: list[bytes] = []
        at = 0
        while (found := every.search(data, at)) is not None:
            secret = data[found.start() : found.end()]
            pieces += (data[at : found.start()], render(self._marks[secret], len(secret)))
            at = found.end()
        return b"".join((*pieces, data[at:]))

    def without_beginning(self, data: bytes, render: Render) -> bytes:
        """``data`` without the beginning of a secret that a cut through a body left at its end."""
        for secret in self._anywhere:
            at = data.rfind(secret[:SHORTEST], max(0, len(data) - len(secret)))
            if at >= 0 and secret.startswith(data[at:]):
                return data[:at] + render(self._marks[secret], len(data) - at)
        return data


def _escaped(secret: bytes) -> str:
    return "".join(
        chr(one) if chr(one).isalnum() and one < 128 else rf"\x{one:02x}" for one in secret
    )


def _counts(value: bytes) -> bool:
    return len(value) >= SHORTEST and value not in _OF_A_MARK


def _in_json(value: bytes) -> Iterable[bytes]:
    """As it is, and as JSON writes it, in the different ways that it may."""
    if _SAFE.fullmatch(value):
        return (value,)
    spelled = {value}
    if not _SAFE_IN_JSON.fullmatch(value):
        text = value.decode("utf-8", "surrogateescape")
        spelled.add(json.dumps(text)[1:-1].encode())
        in_utf8 = json.dumps(text, ensure_ascii=False)[1:-1]
        spelled.add(in_utf8.encode("utf-8", "surrogateescape"))
    return spelled | {one.replace(b"/", b"\\/") for one in spelled}


def _in_queries(value: bytes) -> Iterable[bytes]:
    if _SAFE.fullmatch(value):
        return ()
    return (quote_plus(value).encode(), quote(value, safe="").encode(), quote(value).encode())


def credentials(name: str, value: str) -> Iterator[str]:
    """What a header's value holds: of ``Bearer abc123`` and ``id=abc123`` also ``abc123``.

    Of a ``set-cookie`` only the cookie counts, not its attributes (RFC 6265, section 4.1.1).
    """
    pieces = [value.partition(";")[0]] if name.lower() == "set-cookie" else _PARTS.split(value)
    for part in (value, *(_credential(piece) for piece in pieces)):
        if len(part) >= SHORTEST and part.lower() not in SCHEMES:
            yield part


def _credential(piece: str) -> str:
    key, _, value = piece.rstrip("=").partition("=")  # padding of base64 is no assignment
    return value.strip('"') or key

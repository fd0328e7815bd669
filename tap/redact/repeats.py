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
from tap.redact.marks import Render

SHORTEST = 6  # a part of a value that is shorter is no secret, and would tear up the text around it
SCHEMES = frozenset(("bearer", "digest", "negotiate"))  # RFC 9110, section 11.1; shorter ones pass
MAX_SINGLE = 20  # so many are looked for one by one, more of them by one expression
MAX_SECRETS = 2_000  # spellings counted; with more of them, bodies are withheld

_PARTS = re.compile(r"[\s;,]+")
_SAFE = re.compile(rb"[\w.~-]*")  # written the same in JSON and in a query
_OF_A_MARK = b"[redacted "


class TooManySecrets(Exception):
    """More than one expression can look for."""


class Repeats:
    """``secrets``: values and their marks."""

    def __init__(self, secrets: Mapping[bytes, bytes]) -> None:
        self._marks: dict[bytes, bytes] = {}
        for value, mark in secrets.items():
            if len(value) >= SHORTEST and value not in _OF_A_MARK:
                for written in _spellings(value):
                    self._marks[written] = mark
        self._longest_first = sorted(self._marks, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._marks)

    @cached_property
    def _regex(self) -> Regex:
        if len(self._marks) > MAX_SECRETS:
            raise TooManySecrets(f"{len(self._marks):,} secrets in one exchange")
        try:
            return regex("|".join(_escaped(one) for one in self._longest_first))
        except RegexError as error:
            raise TooManySecrets(f"{len(self._marks):,} long secrets in one exchange") from error

    def within(self, data: bytes) -> bool:
        if len(self._marks) > MAX_SINGLE:
            return self._regex.search(data) is not None
        return any(one in data for one in self._longest_first)

    def replaced(self, data: bytes, render: Render) -> bytes:
        """``data`` with marks for all that is repeated. Raises TooManySecrets."""
        if len(self._marks) > MAX_SINGLE:
            return self._all_at_once(data, render)
        for secret in self._longest_first:
            if secret in data:
                data = data.replace(secret, render(self._marks[secret], len(secret)))
        return data

    def _all_at_once(self, data: bytes, render: Render) -> bytes:
        pieces: list[bytes] = []
        at = 0
        while (found := self._regex.search(data, at)) is not None:
            secret = data[found.start() : found.end()]
            pieces += (data[at : found.start()], render(self._marks[secret], len(secret)))
            at = found.end()
        return b"".join((*pieces, data[at:]))

    def without_beginning(self, data: bytes, render: Render) -> bytes:
        """``data`` without the beginning of a secret that a cut through a body left at its end."""
        for secret in self._longest_first:
            at = data.rfind(secret[:SHORTEST], max(0, len(data) - len(secret)))
            if at >= 0 and secret.startswith(data[at:]):
                return data[:at] + render(self._marks[secret], len(data) - at)
        return data


def _escaped(secret: bytes) -> str:
    return "".join(chr(one) if chr(one).isalnum() and one < 128 else rf"\x{one:02x}" for one in secret)


def _spellings(value: bytes) -> Iterable[bytes]:
    """As it is, and as JSON and queries write it."""
    if _SAFE.fullmatch(value):
        return (value,)
    text = value.decode("utf-8", "surrogateescape")
    spelled = {value, quote_plus(value).encode(), quote(value, safe="").encode()}
    for ascii_only in (True, False):
        in_json = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        as_bytes = in_json.encode("utf-8", "surrogateescape")
        spelled |= {as_bytes, as_bytes.replace(b"/", b"\\/")}
    return spelled


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

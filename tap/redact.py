"""Secrets out, before anything leaves the hub: header values become ``[redacted 3f9a1c]``.

The mark is a keyed hash of the value, so that equal values stay recognisable in one run and say
nothing in another. What was a secret in a header is replaced wherever the same exchange repeats
it: an upstream that echoes its headers in a body gives nothing away.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import lru_cache
from secrets import token_bytes

from mesh_traffic import Body, Exchange, Headers, Request, Response
from mesh_traffic.headers import Field

NAMES = (  # lower case, with * as in a shell
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "cookie2",
    "set-cookie2",
    "*api-key",
    "*apikey",
    "*token",
    "*secret",
    "*password",
    "x-forwarded-authorization",
    "x-forwarded-access-token",
    "x-amz-security-token",
    "x-forwarded-client-cert",
    "*-session-id",
    "*-session",
)
SHORTEST = 6  # a part of a value that is shorter is no secret, and would tear up the text around it
SCHEMES = frozenset(("bearer", "digest", "negotiate"))  # RFC 9110, section 11.1; shorter ones pass
_PARTS = re.compile(r"[\s;,]+")


@dataclass(frozen=True)
class Redactor:
    """``redactor(exchange)`` is the exchange that may be shown. ``key`` is random for each run."""

    names: tuple[str, ...] = NAMES
    key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)

    def __call__(self, exchange: Exchange) -> Exchange:
        found = [(name, value) for name, value in _all_headers(exchange) if self.is_secret(name)]
        if not found:
            return exchange
        secrets = {part for name, value in found for part in _parts(name, value)}
        marks = _Marks(self, secrets)
        response = exchange.response
        return replace(
            exchange,
            request=marks.request(exchange.request),
            response=None if response is None else marks.response(response),
        )

    def mark(self, value: str) -> str:
        digest = hmac.new(self.key, value.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"[redacted {digest.hexdigest()[:6]}]"

    def is_secret(self, name: str) -> bool:
        return _matches(self.names, name)


class _Marks:
    """The secrets of one exchange, and what stands in their place."""

    def __init__(self, redactor: Redactor, secrets: Iterable[str]) -> None:
        self._redactor = redactor
        longest_first = sorted(secrets, key=len, reverse=True)
        self._marks = {_bytes(one): _bytes(redactor.mark(one)) for one in longest_first}
        self._pattern = re.compile(b"|".join(re.escape(one) for one in self._marks) or rb"(?!)")

    def request(self, request: Request) -> Request:
        return replace(
            request,
            path=self._text(request.path),
            headers=self._headers(request.headers),
            body=self._body(request.body),
            trailers=self._headers(request.trailers),
        )

    def response(self, response: Response) -> Response:
        return replace(
            response,
            headers=self._headers(response.headers),
            body=self._body(response.body),
            trailers=self._headers(response.trailers),
        )

    def _headers(self, headers: Headers) -> Headers:
        return Headers(tuple((name, self._value(name, value)) for name, value in headers))

    def _value(self, name: str, value: str) -> str:
        if value and self._redactor.is_secret(name):
            return self._redactor.mark(value)
        return self._text(value)

    def _text(self, text: str) -> str:
        return self._clean(_bytes(text)).decode("utf-8", "surrogateescape")

    def _body(self, body: Body) -> Body:
        data = self._clean(body.data)
        return replace(body, data=self._end(data) if body.truncated else data)

    def _clean(self, data: bytes) -> bytes:
        return self._pattern.sub(lambda found: self._marks[found[0]], data)

    def _end(self, data: bytes) -> bytes:
        """``data`` without the beginning of a secret that a cut through a body left at its end."""
        for secret, mark in self._marks.items():
            at = data.rfind(secret[:SHORTEST], max(0, len(data) - len(secret)))
            if at >= 0 and secret.startswith(data[at:]):
                return data[:at] + mark
        return data


@lru_cache(maxsize=4096)
def _matches(names: tuple[str, ...], name: str) -> bool:
    lowered = name.lower()
    return any(re.match(translate(pattern.lower()), lowered) for pattern in names)


def _all_headers(exchange: Exchange) -> Iterator[Field]:
    yield from exchange.request.headers
    yield from exchange.request.trailers
    if exchange.response is not None:
        yield from exchange.response.headers
        yield from exchange.response.trailers


def _parts(name: str, value: str) -> list[str]:
    """The value and the credentials in it: of ``Bearer abc123`` and ``id=abc123`` also ``abc123``.

    Of a ``set-cookie`` only the cookie counts, not its attributes (RFC 6265, section 4.1.1).
    """
    pieces = [value.partition(";")[0]] if name.lower() == "set-cookie" else _PARTS.split(value)
    parts = (value, *(_credential(piece) for piece in pieces))
    return [part for part in parts if len(part) >= SHORTEST and part.lower() not in SCHEMES]


def _credential(piece: str) -> str:
    key, _, value = piece.rstrip("=").partition("=")  # padding of base64 is no assignment
    return value.strip('"') or key


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

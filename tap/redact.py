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
_PARTS = re.compile(r"[\s;,=]+")


@dataclass(frozen=True)
class Redactor:
    """``redactor(exchange)`` is the exchange that may be shown. ``key`` is random for each run."""

    names: tuple[str, ...] = NAMES
    key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)

    def __call__(self, exchange: Exchange) -> Exchange:
        secrets = {value for headers in _all_headers(exchange) for value in self._secrets(headers)}
        if not secrets:
            return exchange
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

    def _secrets(self, headers: Headers) -> Iterator[str]:
        return (value for name, value in headers if value and self.is_secret(name))


class _Marks:
    """The secrets of one exchange, and what stands in their place."""

    def __init__(self, redactor: Redactor, secrets: Iterable[str]) -> None:
        self._redactor = redactor
        marks = {part: redactor.mark(part) for value in secrets for part in _parts(value)}
        longest_first = sorted(marks, key=len, reverse=True)
        self._marks = {_bytes(part): _bytes(mark) for part, mark in marks.items()}
        pattern = b"|".join(re.escape(_bytes(part)) for part in longest_first)
        self._pattern = re.compile(pattern) if longest_first else None

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
        return replace(body, data=self._clean(body.data)) if body.data else body

    def _clean(self, data: bytes) -> bytes:
        if self._pattern is None:
            return data
        return self._pattern.sub(lambda found: self._marks[found[0]], data)


@lru_cache(maxsize=4096)
def _matches(names: tuple[str, ...], name: str) -> bool:
    lowered = name.lower()
    return any(re.match(translate(pattern.lower()), lowered) for pattern in names)


def _all_headers(exchange: Exchange) -> Iterator[Headers]:
    yield exchange.request.headers
    yield exchange.request.trailers
    if exchange.response is not None:
        yield exchange.response.headers
        yield exchange.response.trailers


def _parts(value: str) -> list[str]:
    """The value, and the credentials in it: of ``Bearer abc123`` also ``abc123``."""
    parts = [value, *_PARTS.split(value)]
    return [part for part in parts if len(part) >= SHORTEST and part != "Bearer"]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

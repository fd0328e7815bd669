"""Requests by seed: the same seed, number and vocabulary make the same case, on every machine.

They are ordinary HTTP, so that Envoy lets them reach the filter, and unusual in what filters trip
over: repeated and empty fields, no body and large bodies, bodies in odd pieces, trailers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.case import Case, make_case
from mini_mesh.differ.vocabulary import Vocabulary

METHODS = ("GET",) * 6 + ("POST",) * 4 + ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PATHS = ("/", "/index.html", "/api/v1/items/7?x=1&y=%20z", "/a//b/../c", "/?", "/%C3%A9?q=a+b&q=c")
FIELDS: Sequence[tuple[str, Sequence[str]]] = (
    ("accept", ("*/*", "text/html, application/json;q=0.9", "")),
    ("user-agent", ("curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64)")),
    ("cookie", ("a=1; b=2", "session=0123456789abcdef")),
    ("authorization", ("Bearer abc.def.ghi", "Basic dXNlcjpwYXNz")),
    ("x-request-id", ("0f3e1e4a-2a3b-4c5d-8e9f-0123456789ab",)),
    ("cache-control", ("no-cache",)),
    ("accept-language", ("en", "de-DE,de;q=0.8")),
    ("x-long", ("l" * 3000,)),
    ("x-text", ("grün ✓", "a,b", "a\tb", '"quoted"')),
)
VALUES = ("", "0", "1", "-1", "true", "false", "null", "admin", "a, b", "x" * 200)
TYPES = ("text/plain", "application/json", "application/x-www-form-urlencoded")
GRPC = "application/grpc"
STATUSES = (200,) * 8 + (201, 204, 301, 304, 400, 404, 429, 500, 503)
SIZES = (0, 1, 10, 100, 1000, 16 * 1024, 70_000)
NEVER_SENT = frozenset(["x-forwarded-for", "x-forwarded-proto", "x-envoy-internal"])


def generate(seed: int, count: int, vocabulary: Vocabulary) -> list[Case]:
    """``count`` cases; the first ones do not depend on how many there are."""
    return [_case(seed, number, vocabulary) for number in range(1, count + 1)]


def _case(seed: int, number: int, vocabulary: Vocabulary) -> Case:
    maker = _Maker(random.Random(f"{seed}/{number}"), vocabulary)
    request = maker.request()
    answer = maker.answer()
    place = f"seed {seed}, request {number}"
    return make_case(place, request, answer, maker.sizes(), maker.sizes(), maker.chance(0.3))


class _Maker:
    """Draws one case; every draw comes from its own ``random``."""

    def __init__(self, draw: random.Random, vocabulary: Vocabulary) -> None:
        self._draw = draw
        self._names = [name for name in vocabulary.names if name not in NEVER_SENT]
        self._paths = [*vocabulary.paths]
        self._values = [*vocabulary.values, *VALUES]

    def chance(self, share: float) -> bool:
        return self._draw.random() < share

    def request(self) -> Request:
        method = self._draw.choice(METHODS)
        sends = method in ("POST", "PUT", "PATCH") or self.chance(0.05)
        fields = self._fields()
        body = b""
        if sends:
            kind = GRPC if self.chance(0.05) else self._draw.choice(TYPES)
            fields.append(("content-type", kind))
            body = self._body(kind)
        trailers = self._few_fields() if sends and self.chance(0.15) else []
        return Request(
            method, self._path(), self._draw.choice(("test", "shop.example:8080")), "http",
            Headers(tuple(fields)), Body(body), Headers(tuple(trailers)),
        )  # fmt: skip

    def answer(self) -> Response:
        kind = self._draw.choice(TYPES)
        fields = [("content-type", kind), ("server", "up"), ("date", "now"), *self._few_fields()]
        trailers = self._few_fields() if self.chance(0.1) else []
        return Response(
            self._draw.choice(STATUSES), Headers(tuple(fields)), Body(self._body(kind)),
            Headers(tuple(trailers)),
        )  # fmt: skip

    def sizes(self) -> tuple[int, ...]:
        """Mostly whole bodies; else a few pieces of any size."""
        if self.chance(0.6):
            return ()
        return tuple(self._draw.randint(1, 4000) for _ in range(self._draw.randint(1, 4)))

    def _path(self) -> str:
        path = self._draw.choice([*PATHS, *self._paths * 2])
        if path in self._paths and self.chance(0.5):
            path += self._draw.choice(("/", "/more", "?x=1", "x"))
        return path

    def _fields(self) -> list[tuple[str, str]]:
        names = self._draw.sample(FIELDS, self._draw.randint(0, 4))
        known = [(name, self._draw.choice(values)) for name, values in names]
        fields = [*known, *self._few_fields()]
        if fields and self.chance(0.2):  # the same name again
            fields.append((self._draw.choice(fields)[0], self._value()))
        self._draw.shuffle(fields)
        return fields

    def _few_fields(self) -> list[tuple[str, str]]:
        """Fields that the filter may look for, if there are any."""
        names = [*self._names, "x-other"]
        chosen = self._draw.sample(names, min(len(names), self._draw.randint(0, 3)))
        return [(name, self._value()) for name in chosen]

    def _value(self) -> str:
        return self._draw.choice(self._values)

    def _body(self, kind: str) -> bytes:
        size = self._draw.choice(SIZES)
        if kind == GRPC:
            return b"\0" + size.to_bytes(4, "big") + self._draw.randbytes(size)
        if kind == "application/json":
            return json.dumps({"items": [self._value() for _ in range(size // 40 + 1)]}).encode()
        if self.chance(0.2):
            return self._draw.randbytes(size)
        return ("".join(f"{name}=1&" for name in [*self._names, "x"]) * size)[:size].encode()

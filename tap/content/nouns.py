"""What decoders speak of: the content of a body, its media type, and the view that comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from mesh_traffic import Exchange, Headers

Side = Literal["request", "response"]

MAX_TYPE = 1_000  # characters of a content-type that are read
MAX_NESTING = 3  # contents within contents: a part of a multipart in a part of another
_PARAMETER = re.compile(r';\s*([^\s;="]+)=("(?:[^"\\]|\\.)*+"|[^;]*+)')


class Undecodable(ValueError):
    """Bytes are not what they were said to be; the message says what they should have been."""


@dataclass(frozen=True, slots=True)
class View:
    """A body as people and programs read it.

    ``kind`` is a word for what it is (``json``, ``grpc example.Greeter/Hello``). ``text`` is laid
    out for people, without anything that a terminal would obey. ``value`` holds plain JSON values,
    None where there is no structure. ``notes`` say what is missing and why. ``codings`` are the
    content codings that were undone, ``size`` is how many bytes there were after that.
    """

    kind: str
    text: str = ""
    value: Any = None
    notes: tuple[str, ...] = ()
    codings: tuple[str, ...] = ()
    size: int = 0

    def noted(self, *notes: str) -> View:
        """This view with more ``notes``, before its own."""
        return replace(self, notes=(*notes, *self.notes))


@dataclass(frozen=True, slots=True)
class MediaType:
    """``type/subtype`` in lower case, "" where none came, and parameters (RFC 9110, 8.3.1)."""

    name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: str | None) -> MediaType:
        head, _, _ = (value or "")[:MAX_TYPE].partition(";")
        found = _PARAMETER.findall((value or "")[len(head) : MAX_TYPE])
        return cls(head.strip().lower(), {name.lower(): _unquoted(it) for name, it in found})


class Schema(Protocol):
    """What the messages of gRPC methods are made of."""

    def decode(self, method: str, side: Side, data: bytes) -> tuple[Any, tuple[str, ...]] | None:
        """The message that ``method`` (``pkg.Service/Method``) takes or gives, and notes on it.

        None where the method is not known. Raises Undecodable.
        """


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a body without their content codings, and what was said of them.

    ``cut``: there was more. ``trailers`` are those of its own message.
    """

    data: bytes
    type: MediaType = field(default_factory=MediaType)
    cut: bool = False
    side: Side = "request"
    method: str = ""  # the path without its query: of gRPC, service and method
    headers: Headers = field(default_factory=Headers)
    trailers: Headers = field(default_factory=Headers)
    schema: Schema | None = None
    depth: int = 0

    @classmethod
    def of(cls, exchange: Exchange, side: Side, schema: Schema | None) -> Content:
        """The body of that side as it came. No response: an empty one."""
        message = exchange.request if side == "request" else exchange.response
        path = exchange.request.path.partition("?")[0]
        if message is None:
            return cls(b"", side=side, method=path.strip("/"), schema=schema)
        return cls(
            message.body.data,
            MediaType.of(message.headers.get("content-type")),
            message.body.truncated,
            side,
            path.strip("/"),
            message.headers,
            message.trailers,
            schema,
        )

    def inner(self, data: bytes, type: MediaType | None = None, *, cut: bool = False) -> Content:
        """A content within this one, without a schema and headers of its own."""
        return Content(data, type or MediaType(), cut, self.side, depth=self.depth + 1)


Decode = Callable[[Content], View]  # decodes what is within
Decoder = Callable[[Content, Decode], View]  # raises Undecodable


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value.strip()

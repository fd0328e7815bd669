"""A request and a response, whole: what a person would see of them."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from mesh_traffic.headers import Headers


class Body(Struct, frozen=True):
    """The bytes of a body that were kept.

    ``truncated`` says that there were more; ``size`` is how many there were in all, where known.
    """

    data: bytes = b""
    truncated: bool = False
    size: int | None = None

    def __bool__(self) -> bool:
        return bool(self.data) or self.truncated

    @property
    def text(self) -> str:
        """The bytes as UTF-8, each undecodable byte as U+FFFD: for people, not for parsing."""
        return self.data.decode("utf-8", "replace")


class Request(Struct, frozen=True):
    """One HTTP request. ``headers`` hold no pseudo-headers: those are the first four fields."""

    method: str = "GET"
    path: str = "/"
    authority: str = ""
    scheme: str = "http"
    headers: Headers = Headers()
    body: Body = Body()
    trailers: Headers = Headers()

    @classmethod
    def of_fields(
        cls, fields: Headers, body: Body | None = None, trailers: Headers | None = None
    ) -> Request:
        """From fields as HTTP/2 and Envoy carry them, ``:method`` and its like among them."""
        return cls(
            method=fields.get(":method", "GET") or "GET",
            path=fields.get(":path", "/") or "/",
            authority=fields.get(":authority") or fields.get("host") or "",
            scheme=fields.get(":scheme", "http") or "http",
            headers=fields.ordinary(),
            body=body or Body(),
            trailers=trailers or Headers(),
        )

    def fields(self) -> Headers:
        """All fields, pseudo-headers first (RFC 9113, section 8.3)."""
        pseudo = (
            (":method", self.method),
            (":path", self.path),
            (":authority", self.authority),
            (":scheme", self.scheme),
        )
        return Headers((*pseudo, *self.headers.fields))


class Response(Struct, frozen=True):
    """One HTTP response. ``headers`` hold no ``:status``: that is ``status``."""

    status: int = 200
    headers: Headers = Headers()
    body: Body = Body()
    trailers: Headers = Headers()

    @classmethod
    def of_fields(
        cls, fields: Headers, body: Body | None = None, trailers: Headers | None = None
    ) -> Response:
        status = fields.get(":status", "")
        return cls(
            status=int(status) if status and status.isascii() and status.isdigit() else 0,
            headers=fields.ordinary(),
            body=body or Body(),
            trailers=trailers or Headers(),
        )

    def fields(self) -> Headers:
        return Headers(((":status", str(self.status)), *self.headers.fields))


MessageT = TypeVar("MessageT", Request, Response)

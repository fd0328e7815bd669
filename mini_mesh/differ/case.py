"""A case: one request as a client sends it, and what the upstream answers to it.

What would travel only on one connection (hop-by-hop fields, the framing of a body) is taken from
whatever the case was made of and made anew, so that both engines get exactly the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.upstream import EMPTY_OK
from mini_mesh.filter_rig.wire import cut

DATE = "Thu, 01 Jan 1970 00:00:00 GMT"  # of an answer without one, to which Envoy would add its own
MAX_BODY = 1024 * 1024  # bytes; a larger body of a capture is cut to it

# RFC 9110, section 7.6.1, and what HTTP/2 keeps to itself; "host" is the authority
_OF_THE_CONNECTION = frozenset(
    ["connection", "content-length", "expect", "host", "http2-settings", "keep-alive"]
    + ["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
)
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS", "TRACE", "CONNECT")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))
_CHUNKED = ("transfer-encoding", "chunked")


@dataclass(frozen=True, slots=True)
class Case:
    """``place`` says where it is from. ``sizes`` and ``answer_sizes`` cut the bodies: so many
    bytes, then the rest.
    """

    place: str
    request: Request
    answer: Response = EMPTY_OK
    sizes: Sequence[int] = ()
    answer_sizes: Sequence[int] = ()

    def request_pieces(self) -> list[bytes]:
        """The request's body as it arrives, each piece in a read of its own."""
        return cut_at(self.request.body.data, self.sizes)

    def answer_pieces(self) -> list[bytes]:
        return cut_at(self.answer.body.data, self.answer_sizes)


def cut_at(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    """``body`` in pieces of ``sizes`` and the rest, none so large that it could reach Envoy in two
    reads.
    """
    pieces, at = [], 0
    for size in [*sizes, len(body)]:
        pieces += cut(body[at : at + size])
        at += size
    return pieces


def make_case(
    place: str,
    request: Request,
    answer: Response | None = None,
    sizes: Sequence[int] = (),
    answer_sizes: Sequence[int] = (),
    chunked: bool = False,
) -> Case:
    """A case of any request and answer; a body with trailers is chunked, any other has a length."""
    body = Body(request.body.data[:MAX_BODY])
    has_body = bool(body.data) or request.method not in _WITHOUT_BODY
    ends_late = bool(request.trailers) or (chunked and bool(body.data))
    fields = framed(request.headers, body, has_body, ends_late)
    path, authority = (_quoted(text) for text in (request.path, request.authority))
    sent = Request(request.method, path, authority, "http", fields, body, request.trailers)
    return Case(place, sent, _answer(answer or EMPTY_OK, chunked), sizes, answer_sizes)


def _answer(answer: Response, chunked: bool) -> Response:
    """The answer as a server may send it: with a date, and without a body for 204 and 304. That
    HEAD gets none is the upstream's affair, who sees which method a filter left it.
    """
    bare = answer.status in (204, 304) or answer.status < 200
    body = Body(b"" if bare else answer.body.data[:MAX_BODY])
    trailers = Headers() if bare else answer.trailers
    ends_late = bool(trailers) or (chunked and bool(body.data))
    headers = answer.headers if "date" in answer.headers else answer.headers.added("date", DATE)
    fields = framed(headers, body, not bare, ends_late)
    status = answer.status if 200 <= answer.status <= 599 else 200
    return Response(status, fields, body, trailers)


def framed(headers: Headers, body: Body, has_body: bool, chunked: bool) -> Headers:
    """``headers``, names in lower case, with the one field that says where ``body`` ends.

    An empty body without trailers is never chunked: to a filter it would end twice.
    """
    fields = [(name.lower(), value.strip(" \t")) for name, value in headers]
    kept = [field for field in fields if _may_be_sent(field)]
    if has_body and chunked:
        kept.append(_CHUNKED)
    elif has_body:
        kept.append(("content-length", str(len(body.data))))
    return Headers(tuple(kept))


def _may_be_sent(field: tuple[str, str]) -> bool:
    """Envoy answers 400 to any other, and no filter sees the request."""
    name, value = field
    if name in _OF_THE_CONNECTION or not _TOKEN.fullmatch(name):
        return False
    return not any(char < " " and char != "\t" or char == "\x7f" for char in value)


def _quoted(text: str) -> str:
    """A target or an authority without what no request line may hold; nor does it a fragment."""
    return quote(text.partition("#")[0], safe=_PRINTABLE, errors="surrogateescape")

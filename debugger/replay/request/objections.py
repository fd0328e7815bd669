"""What stands against a replay: what can't be sent, and what is asked for first.

An objection that is ``askable`` is a question (``--yes`` answers it); the others are refusals, each
with what would help.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from debugger.replay.request.edit import LEFT_OUT, REQUEST_ID, Edit, left_out
from mesh_traffic import Exchange, Headers, Request
from tap.content.text import is_text
from tap.export.words import NOT_CAPTURED, TOKEN, cut, sendable, summary, told
from tap.redact.marks import is_marked

# RFC 9110, section 9.2.2: sent twice, they mean what they mean once.
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
GRPC = "application/grpc"

_TARGET = re.compile(r"/[^\x00-\x20\x7f#?]*(?:\?[^\x00-\x20\x7f#]+)?")
_CLIENTS_OWN = ("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te")


@dataclass(frozen=True, slots=True)
class Objection:
    """``askable``: may be sent all the same, if somebody says so."""

    text: str
    askable: bool = False

    def __str__(self) -> str:
        return self.text


def is_grpc(headers: Headers) -> bool:
    """Whether a message is of gRPC over HTTP/2; gRPC-web is plain HTTP."""
    kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    return kind == GRPC or kind.startswith(f"{GRPC}+")


def of_edit(edit: Edit) -> Iterator[Objection]:
    """What is wrong with what is to be changed, whatever it is of."""
    for name, value in edit.set.items():
        lower = name.lower()
        if lower.startswith(":") and lower != ":authority":
            yield Objection(f"--set {told(name)}: say it by --method, --path or --set host=…")
        elif lower in _CLIENTS_OWN:
            yield Objection(f"--set {told(name)}: it {LEFT_OUT.get(lower, 'is of one connection')}")
        elif lower != ":authority" and not sendable((name, value)):
            yield Objection(f"--set {told(name)}: no header that HTTP can carry")
    if edit.method is not None and not TOKEN.fullmatch(edit.method):
        yield Objection(f"--method {told(edit.method)!r}: no method that HTTP can carry")


def of_capture(exchange: Exchange, edit: Edit, cut_is_fine: bool) -> Iterator[Objection]:
    """What of the capture can't be sent again as it was."""
    request, body = exchange.request, exchange.request.body
    if not request.method or exchange.is_step:
        yield Objection("it is no request that was captured, but what a span told or no HTTP")
        return
    if summary(exchange) and not cut_is_fine:
        yield Objection(
            f"{NOT_CAPTURED}: only the access log told of it; watch with 'meshloom tap --body'"
            " while it happens, or send what is known with --cut"
        )
    elif body.truncated and edit.body is None and not cut_is_fine:
        yield Objection(
            f"the request's body was {cut(body)}; give one with --body, or send it so with --cut"
        )
    yield from _masked(exchange, edit)


def _masked(exchange: Exchange, edit: Edit) -> Iterator[Objection]:
    """A mask never goes out in a secret's place."""
    request = exchange.request
    given = {name.lower() for name in (*edit.set, *edit.remove)}
    unsent = given | left_out(exchange).keys() | {REQUEST_ID}
    masked = [
        told(name)
        for name, value in request.headers
        if name.lower() not in unsent and is_marked(_bytes(value))
    ]
    if masked:
        names = ", ".join(dict.fromkeys(masked))
        yield Objection(
            f"masked in the capture: {names}; give each with --set NAME=VALUE, or --remove NAME"
        )
    if is_marked(_bytes(request.authority)) and not given & {"host", ":authority"}:
        yield Objection("its authority is masked in the capture; give one with --set host=…")
    if edit.path is None and is_marked(_bytes(request.path)):
        yield Objection("its path is masked in the capture; give one with --path")
    data = request.body.data
    if edit.body is None and is_marked(data, not is_text(data, request.body.truncated)):
        yield Objection("its body is masked in the capture; give one with --body")


def of_request(request: Request) -> Iterator[Objection]:
    """What of a request can't go over a connection of ours."""
    if request.method == "CONNECT" or "websocket" in (request.headers.get("upgrade") or "").lower():
        yield Objection("a tunnel or WebSocket can't be replayed, only requests with an end")
    if not _TARGET.fullmatch(request.path) or not _is_utf8(request.path):
        yield Objection(f"path {told(request.path)[:80]!r}: our client can't send it; give --path")
    if not sendable(("host", request.authority)) or not _is_utf8(request.authority):
        yield Objection("its authority can't be sent; give one with --set host=…")
    for name, value in request.headers:
        if not sendable((name, value)) or not _is_utf8(value):
            yield Objection(f"header {told(name)!r} can't be sent; --set or --remove it")


def to_be_asked(request: Request, times: int) -> Iterator[Objection]:
    """What may do something each time that it is sent."""
    what = f"{request.method} {told(request.path)}"
    often = f", {times:,} times" if times > 1 else ""
    if is_grpc(request.headers):
        yield Objection(f"{what} is a gRPC call, which may do something again{often}", askable=True)
    elif request.method not in IDEMPOTENT:
        yield Objection(f"{what} is not idempotent: it may do something again{often}", askable=True)


def of_host(host: str) -> Iterator[Objection]:
    """A host that is not this machine's gets what was captured."""
    if not is_loopback(host):
        yield Objection(f"{told(host)} is not this machine: the request leaves it", askable=True)


def is_loopback(host: str) -> bool:
    """``127.0.0.0/8``, ``::1``, and ``localhost`` (RFC 6761, section 6.3)."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

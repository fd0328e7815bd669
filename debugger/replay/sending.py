"""A door: sends one request, and takes what comes back, by HTTP/1.1 (aiohttp) or gRPC (grpcio).

An Envoy's listeners take HTTP/1.1 and HTTP/2 on the same port, and their filters see the same
fields of both, so a request that came by HTTP/2 goes out by HTTP/1.1. Trailers of plain HTTP
are not sent, and not seen. A gRPC call needs HTTP/2: its messages go out one by one, as bytes.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from debugger.replay.request.objections import is_grpc
from debugger.replay.target import Target
from mesh_traffic import Body, Headers, Request, Response
from tap.coding import codings_of, undo
from tap.content.grpc import COMPRESSED, frames
from tap.content.nouns import Undecodable

if TYPE_CHECKING:
    import aiohttp

PATIENCE = 60.0  # seconds until a whole answer is there
MAX_BODY = 4 << 20  # bytes of an answer that are kept
MAX_FIELDS = 64 << 10  # bytes of a line of an answer's head, and of a field
_AUTOMATIC = ("user-agent", "accept", "accept-encoding", "content-type")  # what aiohttp would add
# gRPC writes these itself ("Requests" in grpc's PROTOCOL-HTTP2.md), or its messages say them.
_GRPCS = frozenset(
    ("te", "content-type", "user-agent", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding")
    + ("accept-encoding", "grpc-message-type")
)
_UNQUOTED = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")  # "Percent-Byte-Unencoded"
_TIMEOUT_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclass(frozen=True, slots=True)
class Answer:
    """``response`` came after so many ``seconds``; None: none did, and ``error`` says why."""

    response: Response | None
    seconds: float
    error: str = ""


class Sender:
    """An async context manager; connections are kept for the requests that follow."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Sender:
        import grpc.aio  # noqa: F401  # now, so that no request's time has it in it

        self._session = _session()
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request, target: Target) -> Answer:
        """Send it there. Never raises for what the other side does."""
        started = time.perf_counter()
        send = _call if is_grpc(request.headers) else self._ask
        try:
            async with asyncio.timeout(self._patience):
                response, error = await send(request, target)
        except TimeoutError:
            response, error = None, f"no whole answer within {self._patience:g} s"
        return Answer(response, time.perf_counter() - started, error)

    async def _ask(self, request: Request, target: Target) -> tuple[Response | None, str]:
        import aiohttp
        from yarl import URL

        assert self._session is not None, "entered"
        scheme = "https" if target.tls else "http"
        # a path goes out as it was captured: what Envoy makes of it is what is looked at
        url: Any = URL(f"{scheme}://{target.address}{request.path}", encoded=True)
        headers = [*request.headers, ("host", request.authority)]
        body = b"" if request.method == "HEAD" else request.body.data
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                return await _response(answer), ""
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            return None, _words(error)


def _session() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        skip_auto_headers=_AUTOMATIC,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=MAX_FIELDS,
        max_field_size=MAX_FIELDS,
    )


def _words(error: Exception) -> str:
    import aiohttp

    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed before an answer; does the listener want TLS?"
    said = str(error) or type(error).__name__
    return said[:1].lower() + said[1:]


async def _response(answer: aiohttp.ClientResponse) -> Response:
    data, size = bytearray(), 0
    async for piece in answer.content.iter_any():
        size += len(piece)
        data += piece[: MAX_BODY - len(data)]
        if size > 2 * MAX_BODY:  # of an answer without an end no more is waited for
            answer.close()
            break
    fields = Headers.of_bytes([(name.lower(), value) for name, value in answer.raw_headers])
    return Response(answer.status, fields, Body(bytes(data), size > len(data), size))


async def _call(request: Request, target: Target) -> tuple[Response | None, str]:
    """One gRPC call; a stream of messages is sent as one, and a unary call is one of one message
    (grpc's PROTOCOL-HTTP2.md knows no difference on the wire)."""
    import grpc.aio

    try:
        messages = list(_messages(request))
        metadata = list(_metadata(request.headers))
    except Undecodable as error:
        return None, f"its messages can't be sent: {error}"
    async with _channel(request, target) as channel:
        stub = channel.stream_stream(
            request.path, request_serializer=bytes, response_deserializer=bytes
        )
        call = stub(_each(messages), timeout=_timeout(request.headers), metadata=metadata)
        data = bytearray()
        cut = False
        with suppress(grpc.aio.AioRpcError):  # its status is asked for below
            async for message in call:
                cut = cut or len(data) + len(message) > MAX_BODY
                data += b"" if cut else b"\0" + len(message).to_bytes(4, "big") + message
        status = (await call.code()).value[0], await call.details() or ""
        fields = await call.initial_metadata(), await call.trailing_metadata()
    return _grpc_response(request, bytes(data), cut, status, *fields), ""


def _channel(request: Request, target: Target) -> Any:
    import grpc.aio

    options = [
        ("grpc.default_authority", request.authority),
        ("grpc.primary_user_agent", _user_agent(request.headers)),
        ("grpc.max_receive_message_length", MAX_BODY),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
    ]
    if target.tls:
        credentials = grpc.ssl_channel_credentials()
        return grpc.aio.secure_channel(target.address, credentials, options=options)
    return grpc.aio.insecure_channel(target.address, options=options)


def _user_agent(headers: Headers) -> str:
    """The program's own; gRPC adds what it is itself."""
    return (headers.get("user-agent") or "").partition("grpc-")[0].strip()


async def _each(messages: Iterable[bytes]) -> AsyncIterator[bytes]:
    for message in messages:
        yield message


def _messages(request: Request) -> Iterable[bytes]:
    """The messages without their compression. Raises Undecodable."""
    codings = codings_of(request.headers.get_all("grpc-encoding"))
    for frame in frames(request.body.data):
        if frame.missing:
            raise Undecodable(f"{frame.missing:,} bytes of the last one are missing")
        if not frame.flags & COMPRESSED:
            yield frame.data
            continue
        undone = undo(frame.data, codings)
        if not codings or undone.left or undone.cut:
            raise Undecodable("one is compressed, and can't be expanded")
        yield undone.data


def _metadata(headers: Headers) -> Iterable[tuple[str, str | bytes]]:
    """Names that end in ``-bin`` hold bytes in base64, with or without padding."""
    for name, value in headers:
        lower = name.lower()
        if lower in _GRPCS:
            continue
        if lower.endswith("-bin"):
            try:
                yield lower, b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
            except (Error, ValueError) as error:
                raise Undecodable(f"header {lower} is no base64") from error
        else:
            yield lower, value


def _timeout(headers: Headers) -> float | None:
    text = headers.get("grpc-timeout") or ""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or len(number) > 8 or unit not in _TIMEOUT_UNITS:
        return None
    return int(number) * _TIMEOUT_UNITS[unit]


def _grpc_response(
    request: Request,
    data: bytes,
    cut: bool,
    status: tuple[int, str],
    initial: Any,
    trailing: Any,
) -> Response:
    kind = request.headers.get("content-type") or "application/grpc"
    headers = Headers((("content-type", kind), *_fields(initial)))
    told = [("grpc-status", str(status[0]))]
    if status[1]:
        told.append(("grpc-message", quote(status[1], safe=_UNQUOTED)))
    trailers = Headers((*told, *_fields(trailing)))
    return Response(200, headers, Body(data, cut, None if cut else len(data)), trailers)


def _fields(metadata: Any) -> list[tuple[str, str]]:
    return [
        (name, b64encode(value).decode() if isinstance(value, bytes) else value)
        for name, value in metadata or ()
    ]

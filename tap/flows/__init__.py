"""The door to mitmproxy: its flow files as exchanges, and exchanges as flow files.

Imported where it is needed and not before: mitmproxy takes about 0.25 s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from mitmproxy import connection, exceptions, http
from mitmproxy.io import FlowReader, FlowWriter

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.export.words import remarks, to_bytes, to_text
from tap.live.wire import exchange_from_json, exchange_to_json

META = "meshloom"  # the key of a flow's metadata that has what mitmproxy has no field for


class FlowsError(Exception):
    """A file is no flow file, or one of another version: the message says where and why."""


def read_flows(path: Path) -> list[Exchange]:
    """The HTTP exchanges of the flow file ``path``, in their order.

    Other flows (TCP, UDP, DNS) are left out. Files of older mitmproxy versions are read, too.
    Raises FlowsError.
    """
    try:
        with path.open("rb") as file:
            return list(_exchanges(path, file))
    except OSError as error:
        raise FlowsError(f"{path}: {error.strerror}") from error


def _exchanges(path: Path, file: BinaryIO) -> Iterator[Exchange]:
    count = 0
    try:
        for flow in FlowReader(file).stream():
            count += 1
            if isinstance(flow, http.HTTPFlow):
                yield _exchange(flow)
    except exceptions.FlowReadException as error:
        raise FlowsError(f"{path}: after {count} flows: {error}") from error


def flow_bytes(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """A flow file, in one part for each exchange; mitmproxy 11 and 12 read it.

    A body that was cut off is told in the flow's comment.
    """
    buffer = BytesIO()
    writer = FlowWriter(buffer)  # type: ignore[no-untyped-call] # as mitmproxy has it
    for exchange in exchanges:
        writer.add(flow_of(exchange))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def flow_of(exchange: Exchange) -> http.HTTPFlow:
    """The flow that mitmproxy shows, saves and replays."""
    request, response, started = exchange.request, exchange.response, exchange.started
    ended = started + (exchange.duration or 0.0)
    host, port = host_and_port(request)
    client = connection.Client(
        peername=_peer(exchange.source.address), sockname=("", 0), timestamp_start=started
    )
    server = connection.Server(address=(host, port), timestamp_start=started)
    flow = http.HTTPFlow(client, server)
    flow.request = http.Request(
        host=host,
        port=port,
        method=to_bytes(request.method),
        scheme=to_bytes(request.scheme),
        authority=b"",
        path=to_bytes(request.path),
        http_version=b"HTTP/1.1",
        headers=_fields(request.headers if "host" in request.headers else _with_host(request)),
        content=request.body.data,
        trailers=_trailers(request.trailers),
        timestamp_start=started,
        timestamp_end=started,
    )
    if response is not None:
        flow.response = http.Response(
            http_version=b"HTTP/1.1",
            status_code=response.status,
            reason=b"",
            headers=_fields(response.headers),
            content=response.body.data,
            trailers=_trailers(response.trailers),
            timestamp_start=ended,
            timestamp_end=ended,
        )
    flow.comment = "; ".join(remarks(exchange))
    flow.metadata[META] = _beyond(exchange)
    return flow


def _with_host(request: Request) -> Headers:
    host = (("host", request.authority),) if request.authority else ()
    return Headers((*host, *request.headers.fields))


def _fields(headers: Headers) -> http.Headers:
    return http.Headers([(to_bytes(name), to_bytes(value)) for name, value in headers])


def _trailers(headers: Headers) -> http.Headers | None:
    return _fields(headers) if headers else None


def host_and_port(request: Request) -> tuple[str, int]:
    """What mitmproxy shows of the authority; a port that is not written is the scheme's."""
    host, _, port = request.authority.rpartition(":")
    if host and port.isascii() and port.isdigit() and int(port[:6]) < 65536:
        return to_text(host.strip("[]")), int(port)
    return to_text(request.authority.strip("[]")), 443 if request.scheme == "https" else 80


def _peer(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    known = port.isascii() and port.isdigit() and len(port) < 6
    return (to_text(host.strip("[]")), int(port)) if known else ("", 0)


def _beyond(exchange: Exchange) -> dict[str, Any]:
    bodies = [exchange.request.body] + ([exchange.response.body] if exchange.response else [])
    without = replace(exchange, request=Request(), response=None)
    return {
        "exchange": json.dumps(exchange_to_json(without)),
        "bodies": [[body.truncated, body.size] for body in bodies],
    }


def _exchange(flow: http.HTTPFlow) -> Exchange:
    """Of a flow that we wrote, with what mitmproxy has no field for."""
    plain = _plain_exchange(flow)
    try:
        return _restored(plain, flow.metadata[META])
    except (KeyError, TypeError, ValueError, IndexError):  # somebody else's flow
        return plain


def _restored(plain: Exchange, beyond: dict[str, Any]) -> Exchange:
    request, response, bodies = plain.request, plain.response, beyond["bodies"]
    known = exchange_from_json(json.loads(beyond["exchange"]))
    for name in Exchange.__struct_fields__:
        if not isinstance(getattr(known, name), _TYPES.get(name, object)):
            raise TypeError(f"{name} is {getattr(known, name)!r}")
    return replace(
        known,
        request=replace(request, body=_restored_body(request.body.data, bodies[0])),
        response=response and replace(response, body=_restored_body(response.body.data, bodies[1])),
    )


_TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "node", "request_id", "direction", "route", "cluster"), str),
    **dict.fromkeys(("details", "upstream_local"), str),
    "started": float,
    "duration": float | None,
    "attempts": int,
}


def _restored_body(data: bytes, known: list[Any]) -> Body:
    """Its size, unless somebody has edited it since."""
    truncated, size = bool(known[0]), None if known[1] is None else int(known[1])
    return Body(data, truncated, size if truncated or size == len(data) else None)


def _plain_exchange(flow: http.HTTPFlow) -> Exchange:
    request = flow.request
    return Exchange(
        id=flow.id,
        node="",
        request=Request(
            request.method,
            request.path,
            request.host_header or _address(request),
            request.scheme,
            _headers(request.headers).removed("host"),
            Body(request.raw_content or b""),
            _headers(request.trailers),
        ),
        response=None if flow.response is None else _response(flow.response),
        started=request.timestamp_start,
    )


def _address(request: http.Request) -> str:
    default = {"http": 80, "https": 443}.get(request.scheme)
    return request.host if request.port == default else f"{request.host}:{request.port}"


def _response(response: http.Response) -> Response:
    body = Body(response.raw_content or b"")
    return Response(
        response.status_code, _headers(response.headers), body, _headers(response.trailers)
    )


def _headers(headers: http.Headers | None) -> Headers:
    return Headers.of_bytes(headers.fields if headers is not None else ())

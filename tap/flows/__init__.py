"""The door to mitmproxy: its flow files as exchanges.

Imported where it is needed and not before: mitmproxy takes about 0.25 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mitmproxy import exceptions, http
from mitmproxy.io import FlowReader

from mesh_traffic import Body, Exchange, Headers, Request, Response


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


def _exchange(flow: http.HTTPFlow) -> Exchange:
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

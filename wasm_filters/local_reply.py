"""What Envoy makes of a local response before it goes through the filters.

Source: envoy, source/common/http/utility.cc (prepareLocalReply).
"""

from __future__ import annotations

from urllib.parse import quote

from mesh_traffic import Body, Headers, Response
from wasm_filters.context import LocalReply
from wasm_filters.header_map import INLINE_RESPONSE, HeaderMap
from wasm_filters.properties import grpc_status

_UNQUOTED = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def local_response(reply: LocalReply, request: HeaderMap) -> Response:
    """The response to ``request``: with length and type of the body, or as gRPC to a gRPC call."""
    fields = HeaderMap([(b":status", b"%d" % reply.status), *reply.headers], INLINE_RESPONSE)
    if (request.get(b"content-type") or b"").startswith(b"application/grpc"):
        return _grpc_response(reply, fields)
    if reply.body:
        fields.replace(b"content-length", b"%d" % len(reply.body))
        if fields.get(b"content-type") is None:
            fields.add(b"content-type", b"text/plain")
    else:
        fields.remove(b"content-length")
        fields.remove(b"content-type")
    return Response.of_fields(Headers.of_bytes(fields.pairs), Body(reply.body))


def _grpc_response(reply: LocalReply, fields: HeaderMap) -> Response:
    status = reply.grpc_status
    if status is None:
        status = grpc_status(reply.status)
    fields.replace(b":status", b"200")
    fields.replace(b"content-type", b"application/grpc")
    fields.replace(b"grpc-status", b"%d" % status)
    if reply.body:
        fields.replace(b"grpc-message", quote(reply.body, safe=_UNQUOTED).encode())
    return Response.of_fields(Headers.of_bytes(fields.pairs))

"""What Envoy makes of a local response before it goes through the filters.

Source: envoy, source/common/http/utility.cc (prepareLocalReply).
"""

from __future__ import annotations

from urllib.parse import quote

from wasm_filters.properties import grpc_status
from wasm_filters.state.context import LocalReply
from wasm_filters.state.header_map import INLINE_RESPONSE, HeaderMap

_UNQUOTED = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def is_grpc(content_type: bytes | None) -> bool:
    """Whether a request's content-type makes it gRPC to Envoy (Grpc::Common)."""
    return content_type is not None and (
        content_type == b"application/grpc" or content_type.startswith(b"application/grpc+")
    )


def reply_to(reply: LocalReply, grpc: bool, head: bool) -> tuple[HeaderMap, bytes]:
    """The fields, with length and type of the body, and the body; to a gRPC call as gRPC.

    A HEAD request gets the fields only.
    """
    fields = HeaderMap([(b":status", b"%d" % reply.status), *reply.headers], INLINE_RESPONSE)
    if grpc:
        _make_grpc(reply, fields)
        return fields, b""
    if reply.body:
        fields.put(b"content-length", b"%d" % len(reply.body))
        if fields.get(b"content-type") is None:
            fields.add(b"content-type", b"text/plain")
    else:
        fields.remove(b"content-length")
        fields.remove(b"content-type")
    return fields, b"" if head else reply.body


def _make_grpc(reply: LocalReply, fields: HeaderMap) -> None:
    status = reply.grpc_status
    if status is None:
        status = grpc_status(reply.status)
    fields.put(b":status", b"200")
    fields.put(b"content-type", b"application/grpc")
    fields.put(b"grpc-status", b"%d" % status)
    if reply.body:
        fields.put(b"grpc-message", quote(reply.body, safe=_UNQUOTED).encode())

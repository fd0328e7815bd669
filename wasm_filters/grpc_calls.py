"""gRPC calls that plugins make: one message and its answer, or a stream of them.

A cluster answers a gRPC request as HTTP/2 carries it: a POST to ``/service/method`` whose body is
framed messages, and a response with framed messages and ``grpc-status`` in the trailers. Each
message that a plugin sends on a stream is a request of its own to that function.

Source: envoy, source/extensions/common/wasm/context.cc (grpcCall, grpcStream, onGrpcReceive…).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import partial

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.abi import BufferType, MapType, Status
from wasm_filters.buffer import Buffer
from wasm_filters.callouts import MAX_PENDING, Caller, Callout, Callouts, with_timeout
from wasm_filters.context import Context
from wasm_filters.header_map import HeaderMap, Pair
from wasm_filters.properties import grpc_status
from wasm_filters.upstream import Upstream, answer_of

CALL, STREAM = 1, 2  # the low two bits of an id
_FRAME = struct.Struct(">BI")


@dataclass(slots=True, eq=False)
class GrpcCall:
    """A call or stream that is open. ``ended``: the plugin has sent its last message."""

    id: int
    caller: Caller
    root: Context
    cluster: str
    service: Upstream
    request: Request
    timeout: float = 0.0
    started: bool = False
    ended: bool = False

    @property
    def is_stream(self) -> bool:
        return self.id & 3 == STREAM


class GrpcCalls:
    """All open gRPC calls of one worker, by VM and id."""

    def __init__(self, callouts: Callouts) -> None:
        self._callouts = callouts
        self._coming = 0  # answers that are on their way
        self._open: dict[tuple[Caller, int], GrpcCall] = {}

    def open(
        self, call_id: int, caller: Caller, root: Context, cluster: str, path: str,
        metadata: list[Pair], timeout: float,
    ) -> GrpcCall | Status:  # fmt: skip
        """Open a call or stream to ``path``.

        PARSE_FAILURE: no such cluster. INTERNAL_FAILURE: too many are open (a limit of this host).
        """
        service = self._callouts.world.clusters.get(cluster)
        if service is None:
            return Status.PARSE_FAILURE
        if len(self._open) >= MAX_PENDING:
            return Status.INTERNAL_FAILURE
        given = Headers.of_bytes(metadata)
        fields = Headers((("content-type", "application/grpc"), ("te", "trailers"), *given))
        request = Request("POST", path, cluster, "http", fields)
        call = GrpcCall(call_id, caller, root, cluster, service, request, timeout)
        self._open[caller, call_id] = call
        return call

    def send(self, caller: Caller, call_id: int, message: bytes, ends: bool) -> Status:
        """Send one message. BAD_ARGUMENT: no stream's id. NOT_FOUND: no such stream.
        INTERNAL_FAILURE: too many answers are on their way (a limit of this host)."""
        if call_id & 3 != STREAM:
            return Status.BAD_ARGUMENT
        call = self._open.get((caller, call_id))
        if call is None:
            return Status.NOT_FOUND
        if self._coming >= MAX_PENDING:
            return Status.INTERNAL_FAILURE
        call.ended = ends
        self.ask(call, message)
        return Status.OK

    def ask(self, call: GrpcCall, message: bytes) -> None:
        """Let the service answer one message."""
        request = Request(
            call.request.method, call.request.path, call.request.authority, call.request.scheme,
            call.request.headers, Body(frame(message)),
        )  # fmt: skip
        answer = with_timeout(answer_of(call.service, request), call.timeout)
        self._callouts.remember(Callout(call.cluster, request, answer.response))
        response = answer.response
        if response is not None:
            self._coming += 1
            after = answer.after
            self._callouts.world.loop.after(after, lambda: self._arrived(call, response))

    def _arrived(self, call: GrpcCall, response: Response) -> None:
        self._coming -= 1
        if self._open.get((call.caller, call.id)) is call:
            self._answered(call, response)

    def close(self, caller: Caller, call_id: int, cancels: bool) -> Status:
        """Half-close a stream, or end a call or stream (``cancels``); nothing is delivered then.

        BAD_ARGUMENT: no gRPC id. NOT_FOUND: no such call.
        """
        if call_id & 3 not in (CALL, STREAM):
            return Status.BAD_ARGUMENT
        call = self._open.get((caller, call_id))
        if call is None:
            return Status.NOT_FOUND
        call.ended = True
        if cancels or not call.is_stream:
            self._forget(call)
        return Status.OK

    def _forget(self, call: GrpcCall) -> None:
        self._open.pop((call.caller, call.id), None)

    def _answered(self, call: GrpcCall, response: Response) -> None:
        status, message = outcome(response)
        messages = unframe(response.body.data)
        if call.is_stream:
            self._stream_answered(call, response, messages, status, message)
            return
        self._forget(call)
        if status == 0 and messages:
            self._receive(call, messages[0])
        else:
            self._close(call, status or 13, message)

    def _stream_answered(
        self, call: GrpcCall, response: Response, messages: list[bytes], status: int, message: bytes
    ) -> None:
        if not call.started:
            call.started = True
            fields = HeaderMap(response.fields().to_bytes())
            self._metadata(call, MapType.GRPC_CALL_INITIAL_METADATA, fields)
        for one in messages:
            self._receive(call, one)
        if call.ended or status:
            fields = HeaderMap(response.trailers.to_bytes())
            self._metadata(call, MapType.GRPC_CALL_TRAILING_METADATA, fields)
            self._forget(call)
            self._close(call, status, message)

    def _metadata(self, call: GrpcCall, kind: MapType, fields: HeaderMap) -> None:
        root = call.root
        root.maps[kind] = fields
        which = "initial" if kind is MapType.GRPC_CALL_INITIAL_METADATA else "trailing"
        name = f"proxy_on_grpc_receive_{which}_metadata"
        call.caller.call(name, root, root.id, call.id, len(fields))
        root.maps.pop(kind, None)

    def _receive(self, call: GrpcCall, message: bytes) -> None:
        root = call.root
        root.buffers[BufferType.GRPC_CALL_MESSAGE] = Buffer(message)
        call.caller.later(partial(root.buffers.pop, BufferType.GRPC_CALL_MESSAGE, None))
        call.caller.call("proxy_on_grpc_receive", root, root.id, call.id, len(message))

    def _close(self, call: GrpcCall, status: int, message: bytes) -> None:
        root = call.root
        root.status = (status, message)
        call.caller.call("proxy_on_grpc_close", root, root.id, call.id, status)


def frame(message: bytes) -> bytes:
    """One message as gRPC frames it: not compressed, its length, itself."""
    return _FRAME.pack(0, len(message)) + message


def unframe(body: bytes) -> list[bytes]:
    """The whole messages of a body; what is cut off at the end is left out."""
    messages, at = [], 0
    while at + _FRAME.size <= len(body):
        _, size = _FRAME.unpack_from(body, at)
        at += _FRAME.size + size
        if at <= len(body):
            messages.append(body[at - size : at])
    return messages


def outcome(response: Response) -> tuple[int, bytes]:
    """The gRPC status and message: of the trailers, else the headers, else the HTTP status."""
    for fields in (response.trailers, response.headers):
        text = fields.get("grpc-status")
        if text is not None and text.isdigit():
            return int(text), (fields.get("grpc-message") or "").encode()
    if response.status != 200:
        return grpc_status(response.status), response.body.data
    return 2, b"missing grpc-status"

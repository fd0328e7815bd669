"""gRPC calls that plugins make: one message and its answer, or a stream of them.

A cluster answers a gRPC request as HTTP/2 carries it: a POST to ``/service/method`` whose body is
framed messages, and a response with framed messages and ``grpc-status`` in the trailers. Each
message that a plugin sends on a stream is a request of its own to that function, and the end of
the plugin's messages is one without a body, if it comes alone; the status of the last one counts.

Source: envoy, source/extensions/common/wasm/context.cc (grpcCall, grpcStream, onGrpcReceive…).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import partial

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.abi import BufferType, MapType, Status
from wasm_filters.properties import grpc_status
from wasm_filters.services.callouts import MAX_PENDING, Caller, Callout, Callouts
from wasm_filters.services.grpc_service import Target
from wasm_filters.services.http_client import Delivered, through_client
from wasm_filters.services.upstream import (
    NO_ENDPOINTS,
    Answer,
    Upstream,
    answer_of,
    no_endpoints,
)
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context
from wasm_filters.state.header_map import HeaderMap, Pair

_UNKNOWN, _INTERNAL, _UNAVAILABLE = 2, 13, 14  # gRPC statuses
CALL, STREAM = 1, 2  # the low two bits of an id
_FRAME = struct.Struct(">BI")


@dataclass(slots=True, eq=False)
class GrpcCall:
    """A call or stream that is open. ``ended``: the plugin has sent its last message. ``asked``
    counts the messages that the service has not answered yet."""

    id: int
    caller: Caller
    root: Context
    cluster: str
    service: Upstream
    request: Request
    timeout: float = 0.0
    started: bool = False
    ended: bool = False
    asked: int = 0
    answering: bool = False

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
        self, call_id: int, caller: Caller, root: Context, target: Target, path: str,
        metadata: list[Pair], timeout: float,
    ) -> GrpcCall | Status:  # fmt: skip
        """Open a call or stream to ``path``.

        INTERNAL_FAILURE: ``target`` is no cluster here, or one that a stream finds no endpoint in;
        the plugin is told of its end all the same. Or too many are open (a limit of this host).
        """
        if len(self._open) >= MAX_PENDING:
            return Status.INTERNAL_FAILURE
        service = self._callouts.world.clusters.get(target.name)
        given = (*target.metadata, *Headers.of_bytes(metadata))
        fields = Headers((("content-type", "application/grpc"), ("te", "trailers"), *given))
        request = Request("POST", path, target.authority or target.name, "http", fields)
        call = GrpcCall(call_id, caller, root, target.name, service or _undialled, request, timeout)
        if service is None and not target.google:
            return self._fail(call, _UNAVAILABLE, b"Cluster not available")
        if service is no_endpoints and call.is_stream:
            answer = GrpcAnswer.of(through_client(NO_ENDPOINTS, 0))
            self._metadata(call, MapType.GRPC_CALL_INITIAL_METADATA, answer.initial)
            self._metadata(call, MapType.GRPC_CALL_TRAILING_METADATA, answer.trailing)
            return self._fail(call, answer.status, answer.told)
        self._open[caller, call_id] = call
        return call

    def call(self, call: GrpcCall, message: bytes) -> Status:
        """Send the one message of a call that is open. INTERNAL_FAILURE: its cluster has no
        endpoint; the plugin is told of its end all the same."""
        call.ended = True
        request = _with_body(call, frame(message))
        answered = answer_of(call.service, request)
        if answered.no_endpoints:
            self._forget(call)
            answer = GrpcAnswer.of(through_client(answered, 0))
            return self._fail(call, answer.status, answer.told)
        self._answer(call, request, answered)
        return Status.OK

    def _fail(self, call: GrpcCall, status: int, told: bytes) -> Status:
        """Envoy fails while the plugin's callback runs, and tells the plugin after it."""
        call.caller.later(partial(self._close, call, status, told))
        return Status.INTERNAL_FAILURE

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
        self.ask(call, frame(message))
        return Status.OK

    def ask(self, call: GrpcCall, body: bytes) -> None:
        """Let the service answer one framed message, or the end of them."""
        request = _with_body(call, body)
        self._answer(call, request, answer_of(call.service, request))

    def _answer(self, call: GrpcCall, request: Request, answered: Answer) -> None:
        answer = through_client(answered, call.timeout)
        self._callouts.remember(Callout(call.cluster, request, answer.response))
        call.asked += 1
        if answer.response is not None:
            self._coming += 1
            self._callouts.world.loop.after(answer.after, lambda: self._arrived(call, answer))

    def _arrived(self, call: GrpcCall, delivered: Delivered) -> None:
        self._coming -= 1
        if self._open.get((call.caller, call.id)) is call:
            self._answered(call, delivered)

    def close(self, caller: Caller, call_id: int, cancels: bool) -> Status:
        """Half-close a stream, or end a call or stream (``cancels``); nothing is delivered then.

        BAD_ARGUMENT: no gRPC id. NOT_FOUND: no such call.
        """
        if call_id & 3 not in (CALL, STREAM):
            return Status.BAD_ARGUMENT
        call = self._open.get((caller, call_id))
        if call is None:
            return Status.NOT_FOUND
        if cancels or not call.is_stream:
            self._forget(call)
        elif not call.ended:
            call.ended = True
            if not call.asked and not call.answering:
                self.ask(call, b"")
        return Status.OK

    def _forget(self, call: GrpcCall) -> None:
        self._open.pop((call.caller, call.id), None)

    def _answered(self, call: GrpcCall, delivered: Delivered) -> None:
        call.asked -= 1
        answer = GrpcAnswer.of(delivered)
        if call.is_stream:
            self._stream_answered(call, answer)
            return
        self._forget(call)
        if answer.status == 0 and answer.messages:
            self._receive(call, answer.messages[0])
        else:
            self._close(call, answer.status or _INTERNAL, answer.told)

    def _stream_answered(self, call: GrpcCall, answer: GrpcAnswer) -> None:
        if not call.started:
            call.started = True
            self._metadata(call, MapType.GRPC_CALL_INITIAL_METADATA, answer.initial)
        call.answering = True
        for one in answer.messages:
            self._receive(call, one)
        call.answering = False
        if answer.status or (call.ended and not call.asked):
            self._metadata(call, MapType.GRPC_CALL_TRAILING_METADATA, answer.trailing)
            self._forget(call)
            self._close(call, answer.status, answer.told)

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


def _undialled(request: Request) -> Response:
    """gRPC's own library could not connect, which Envoy tells as INTERNAL."""
    return Response(200, trailers=Headers((("grpc-status", str(_INTERNAL)),)))


def _with_body(call: GrpcCall, body: bytes) -> Request:
    return Request(
        call.request.method, call.request.path, call.request.authority, call.request.scheme,
        call.request.headers, Body(body),
    )  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class GrpcAnswer:
    """A response as gRPC; ``told`` is the message that the plugin can ask for: the service's own,
    and in braces how Envoy came by it."""

    initial: HeaderMap
    trailing: HeaderMap
    messages: tuple[bytes, ...]
    status: int
    told: bytes

    @classmethod
    def of(cls, delivered: Delivered) -> GrpcAnswer:
        """A response without messages and trailers has its headers as trailers, and no headers."""
        response = delivered.response or Response()
        if delivered.made_here:
            response = _as_grpc(response)
        messages = tuple(unframe(response.body.data))
        initial = HeaderMap(response.fields().to_bytes())
        trailing = HeaderMap(response.trailers.to_bytes())
        if not messages and not len(trailing):
            initial, trailing = HeaderMap(), initial
        status, message = _outcome(trailing, response.status)
        details = delivered.details.encode()
        told = b"%b{%b}" % (message, details) if message else details
        return cls(initial, trailing, messages, status, told)


def _as_grpc(response: Response) -> Response:
    """What Envoy answers itself, to a gRPC call."""
    fields = (
        ("content-type", "application/grpc"),
        ("grpc-status", str(grpc_status(response.status))),
        ("grpc-message", response.body.text),
    )
    return Response(200, Headers(fields))


def _outcome(trailing: HeaderMap, http_status: int) -> tuple[int, bytes]:
    """The gRPC status and message: of the trailers, else what the HTTP status stands for."""
    text = trailing.get(b"grpc-status")
    if text is not None and text.isdigit():
        return int(text), trailing.get(b"grpc-message") or b""
    return (grpc_status(http_status) if http_status != 200 else _UNKNOWN), b""

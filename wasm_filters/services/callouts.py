"""Calls that plugins make to other services, and how their answers come back.

A cluster is a function that answers a request. Answers come to the root context, when no callback
runs, whether the request that was the cause of it is still there or not.

Source: envoy, source/extensions/common/wasm/context.cc (httpCall, onHttpCallSuccess); compared with
Envoy 1.40 in tests/wasm_filters/test_chain_fidelity.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import mesh_traffic
from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.abi import BufferType, MapType, Status
from wasm_filters.loop import Loop
from wasm_filters.services.http_client import through_client
from wasm_filters.services.upstream import Upstream, answer_of
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context
from wasm_filters.state.header_map import INLINE_REQUEST, INLINE_RESPONSE, HeaderMap, Pair

MAX_PENDING = 10_000  # per worker; beyond it a call answers INTERNAL_FAILURE
MAX_KEPT = 10_000  # calls that are remembered for the outcome of requests
MAX_KEPT_BODY = 64 * 1024  # bytes of the body of each; what was longer is marked as cut


@dataclass(frozen=True, slots=True)
class Callout:
    """A call that a filter made to another service: to which ``cluster``, what, and the answer.

    ``response`` is None if there was none. A gRPC call is told as HTTP/2 carries it.
    """

    cluster: str
    request: Request
    response: Response | None = None


class Caller(Protocol):
    """The VM that is called back."""

    def call(self, name: str, context: Context, /, *arguments: int) -> int | None: ...

    def later(self, action: Callable[[], object], /) -> None:
        """Do ``action`` first when the next callback has returned."""
        ...


class World(Protocol):
    """The worker: which services there are, and the time."""

    clusters: Mapping[str, Upstream]
    loop: Loop


class Callouts:
    """All calls of one worker. ``made`` remembers them, the oldest go first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made: deque[Callout] = deque(maxlen=MAX_KEPT)
        self.count = 0
        self.pending = 0

    def remember(self, callout: Callout) -> None:
        self.count += 1
        body = callout.request.body
        if len(body.data) > MAX_KEPT_BODY:
            cut = Body(body.data[:MAX_KEPT_BODY], truncated=True, size=len(body.data))
            callout = replace(callout, request=mesh_traffic.replace(callout.request, body=cut))
        self.made.append(callout)

    def since(self, count: int) -> tuple[Callout, ...]:
        """The calls that were made since there were ``count`` of them."""
        new = self.count - count
        return tuple(self.made)[-new:] if new else ()

    def http_call(
        self, caller: Caller, root: Context, call_id: int, cluster: str, request: Request,
        timeout: float,
    ) -> Status:  # fmt: skip
        """Send a call to ``cluster``, which is known; ``timeout`` in seconds, 0 for none.

        INTERNAL_FAILURE: the cluster has no endpoint, or too many calls are waiting.
        """
        if self.pending >= MAX_PENDING:
            return Status.INTERNAL_FAILURE
        answered = answer_of(self.world.clusters[cluster], request)
        if answered.no_endpoints:
            return Status.INTERNAL_FAILURE
        answer = through_client(answered, timeout)
        self.remember(Callout(cluster, request, answer.response))
        if answer.response is None:
            return Status.OK  # and no answer ever
        response = answer.response
        self.pending += 1

        def deliver() -> None:
            self.pending -= 1
            _deliver(caller, root, call_id, response)

        self.world.loop.after(answer.after, deliver)
        return Status.OK


def _deliver(caller: Caller, root: Context, call_id: int, response: Response) -> None:
    fields = HeaderMap(response.fields().to_bytes(), INLINE_RESPONSE)
    trailers = HeaderMap(response.trailers.to_bytes())
    root.maps[MapType.HTTP_CALL_RESPONSE_HEADERS] = fields
    if len(trailers):
        root.maps[MapType.HTTP_CALL_RESPONSE_TRAILERS] = trailers
    body = root.buffers[BufferType.HTTP_CALL_RESPONSE_BODY] = Buffer(response.body.data)

    def forget() -> None:
        root.maps.pop(MapType.HTTP_CALL_RESPONSE_HEADERS, None)
        root.maps.pop(MapType.HTTP_CALL_RESPONSE_TRAILERS, None)
        root.buffers.pop(BufferType.HTTP_CALL_RESPONSE_BODY, None)

    caller.later(forget)
    arguments = (root.id, call_id, len(fields), len(body), len(trailers))
    caller.call("proxy_on_http_call_response", root, *arguments)


def request_of(pairs: list[Pair], body: bytes, trailers: list[Pair]) -> Request | None:
    """The request of a call; None if ``:method``, ``:path`` or ``:authority`` is missing."""
    fields = HeaderMap(pairs, INLINE_REQUEST)
    if any(fields.get(name) is None for name in (b":method", b":path", b":authority")):
        return None
    if body:
        fields.replace(b"content-length", b"%d" % len(body))
    return Request.of_fields(Headers.of_bytes(fields.pairs), Body(body), Headers.of_bytes(trailers))

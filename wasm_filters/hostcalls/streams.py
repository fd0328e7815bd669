"""Spec section "Common stream operations", and the local response of section "HTTP".

What a filter asks for here happens when its callback has returned, as in Envoy.
https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#common-stream-operations
"""

from __future__ import annotations

from functools import partial

from wasm_filters.abi import BufferType, MapType, Status, StreamType
from wasm_filters.hostcalls.fields import pairs_or_none
from wasm_filters.state.context import LocalReply
from wasm_filters.state.host import Host

_PAUSING = frozenset(
    f"proxy_on_{way}_{part}"
    for way in ("request", "response")
    for part in ("headers", "body", "trailers")
)
MAX_ACTIONS = 1000  # that may wait for the end of one callback
MAX_GRPC_STATUS = 16  # SDKs pass -1 for none


def continue_stream(host: Host, stream: int) -> Status:
    """Go on with a direction that a callback paused, and give up its headers and body.

    BAD_ARGUMENT: unknown stream. UNIMPLEMENTED: the upstream side of a TCP connection.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_continue_stream
    """
    if stream > StreamType.UPSTREAM:
        return Status.BAD_ARGUMENT
    if stream == StreamType.UPSTREAM:
        return Status.UNIMPLEMENTED
    context = host.current
    _later(host, stream, resume=True)
    if stream <= StreamType.RESPONSE:  # Envoy gives up the request's for either
        context.maps.pop(MapType.REQUEST_HEADERS, None)
        context.maps.pop(MapType.REQUEST_TRAILERS, None)
        context.buffers.pop(BufferType.REQUEST_BODY, None)
    if host.calling in _PAUSING:
        host.warn(
            "continue_stream inside the callback that decides by its answer: Envoy 1.40 may send"
            " the request twice, or not at all; answer Continue instead"
        )
    return Status.OK


def close_stream(host: Host, stream: int) -> Status:
    """Reset a direction; the client sees a closed stream.

    BAD_ARGUMENT: unknown stream.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_close_stream
    """
    if stream > StreamType.UPSTREAM:
        return Status.BAD_ARGUMENT
    host.stopping = True
    _later(host, stream, resume=False)
    return Status.OK


def _later(host: Host, stream: int, resume: bool) -> None:
    """Resume or close when the callback has returned; nothing where there is no stream."""
    target = host.current.stream
    if len(host.actions) >= MAX_ACTIONS:
        host.warn(f"more than {MAX_ACTIONS} things to do after one callback; the rest is left out")
    elif target is not None:
        act = target.resume if resume else target.close
        host.actions.append(partial(act, StreamType(stream)))


def continue_request(host: Host) -> Status:
    """ABI 0.1.0 only: continue_stream for the request. Always OK."""
    return continue_stream(host, StreamType.REQUEST)


def continue_response(host: Host) -> Status:
    """ABI 0.1.0 only: continue_stream for the response. Always OK."""
    return continue_stream(host, StreamType.RESPONSE)


def clear_route_cache(host: Host) -> Status:
    """ABI 0.1.0 only: choose the route anew. There is one upstream here, so nothing changes."""
    return Status.OK


def get_status(host: Host, code_at: int, message_at: int, size_at: int) -> Status:
    """Write how the last call of the plugin ended: 0 and nothing while none has failed.

    INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_status
    """
    code, message = host.current.root.status
    host.memory.write_u32(code_at, code)
    host.memory.hand_over(message, message_at, size_at)
    return Status.OK


def send_local_response(
    host: Host,
    status: int,
    details: int,
    details_size: int,
    body: int,
    body_size: int,
    headers: int,
    headers_size: int,
    grpc_status: int,
) -> Status:
    """Answer the request here instead of upstream. Of several in one request the first counts.

    OK always (Envoy), also on a root context, where nothing happens. INVALID_MEMORY_ACCESS: a
    pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_send_local_response
    """
    memory = host.memory
    reply = LocalReply(
        status=status,
        details=memory.read(details, details_size).decode("utf-8", "replace").replace(" ", "_"),
        body=memory.read(body, body_size),
        headers=tuple(pairs_or_none(host, memory.read(headers, headers_size))),
        grpc_status=grpc_status if grpc_status <= MAX_GRPC_STATUS else None,
    )
    context = host.current
    host.stopping = True
    if len(host.actions) >= MAX_ACTIONS:
        host.warn(f"more than {MAX_ACTIONS} things to do after one callback; the rest is left out")
    elif context.stream is None:
        host.warn("a local response outside of a request goes nowhere")
    elif context.logged is not None:
        host.warn("a local response when all is over: Envoy 1.40 dies of it")
    else:
        host.actions.append(partial(context.stream.reply, reply))
    return Status.OK

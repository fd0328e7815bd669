"""Spec sections "HTTP calls" and "gRPC calls".

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#http-calls
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.hostcalls.fields import pairs_or_none
from wasm_filters.services.callouts import Caller, request_of
from wasm_filters.services.grpc_calls import CALL, STREAM, GrpcCall
from wasm_filters.services.grpc_service import NoTargetError, Target, target_of
from wasm_filters.state.host import Host

HTTP = 0
_MAX_TIMEOUT = 0x7FFF_FFFF


def http_call(
    host: Host,
    upstream: int,
    upstream_size: int,
    headers: int,
    headers_size: int,
    body: int,
    body_size: int,
    trailers: int,
    trailers_size: int,
    timeout: int,
    id_at: int,
) -> Status:
    """Send an HTTP request to a cluster; ``proxy_on_http_call_response`` tells the answer.

    BAD_ARGUMENT: no such cluster, no ``:method``, ``:path`` or ``:authority``, or a ``timeout``
    (ms, 0 for none) above 2³¹-1. INTERNAL_FAILURE: the cluster has no endpoint, or too many calls
    are waiting (a limit of this host). INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_http_call
    """
    memory = host.memory
    cluster = memory.read(upstream, upstream_size).decode("utf-8", "replace")
    fields = pairs_or_none(host, memory.read(headers, headers_size))
    content = memory.read(body, body_size)
    trailing = pairs_or_none(host, memory.read(trailers, trailers_size))
    request = request_of(fields, content, trailing)
    clusters = host.worker.callouts.world.clusters
    if cluster not in clusters:
        known = ", ".join(sorted(clusters)) or "none"
        host.warn(f"a call to cluster {cluster!r}, which is not known here (known: {known})")
        return Status.BAD_ARGUMENT
    if request is None or timeout > _MAX_TIMEOUT:
        return Status.BAD_ARGUMENT
    call_id = host.next_call(HTTP)
    status = host.worker.callouts.http_call(
        _caller(host), host.current.root, call_id, cluster, request, timeout / 1000
    )
    if status is Status.OK:
        memory.write_u32(id_at, call_id)
    return status


def _caller(host: Host) -> Caller:
    assert host.caller is not None  # set before any code of the module runs
    return host.caller


def grpc_call(
    host: Host,
    upstream: int,
    upstream_size: int,
    service: int,
    service_size: int,
    method: int,
    method_size: int,
    metadata: int,
    metadata_size: int,
    message: int,
    message_size: int,
    timeout: int,
    id_at: int,
) -> Status:
    """Send one gRPC message; ``proxy_on_grpc_receive`` or ``proxy_on_grpc_close`` tell the answer.

    ``upstream`` is a cluster's name or a GrpcService message. PARSE_FAILURE: neither. BAD_ARGUMENT:
    a message with metadata that Envoy refuses. INTERNAL_FAILURE: the message's cluster is not known
    or the cluster has no endpoint, which ``proxy_on_grpc_close`` tells as well; or too many are
    open (a limit of this host). INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_call
    """
    memory = host.memory
    opened = _open(
        host,
        CALL,
        memory.read(upstream, upstream_size),
        memory.read(service, service_size) + b"/" + memory.read(method, method_size),
        memory.read(metadata, metadata_size),
        timeout,
    )
    content = memory.read(message, message_size)
    if isinstance(opened, Status):
        return opened
    status = host.worker.grpc.call(opened, content)
    if status is Status.OK:
        memory.write_u32(id_at, opened.id)
    return status


def grpc_stream(
    host: Host,
    upstream: int,
    upstream_size: int,
    service: int,
    service_size: int,
    method: int,
    method_size: int,
    metadata: int,
    metadata_size: int,
    id_at: int,
) -> Status:
    """Open a gRPC stream, to be used with ``proxy_grpc_send``.

    ``upstream`` is a cluster's name or a GrpcService message. PARSE_FAILURE: neither. BAD_ARGUMENT:
    a message with metadata that Envoy refuses. INTERNAL_FAILURE: the message's cluster is not known
    or the cluster has no endpoint, which ``proxy_on_grpc_close`` tells as well; or too many are
    open (a limit of this host). INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_stream
    """
    memory = host.memory
    opened = _open(
        host,
        STREAM,
        memory.read(upstream, upstream_size),
        memory.read(service, service_size) + b"/" + memory.read(method, method_size),
        memory.read(metadata, metadata_size),
        0,
    )
    if isinstance(opened, Status):
        return opened
    memory.write_u32(id_at, opened.id)
    return Status.OK


def _open(
    host: Host, kind: int, upstream: bytes, path: bytes, metadata: bytes, timeout: int
) -> GrpcCall | Status:
    fields = pairs_or_none(host, metadata)
    target = _target(host, upstream)
    if target is Status.PARSE_FAILURE:
        return target
    call_id = host.next_call(kind)
    if isinstance(target, Status):
        return target
    return host.worker.grpc.open(
        call_id,
        _caller(host),
        host.current.root,
        target,
        "/" + path.decode("utf-8", "replace"),
        fields,
        timeout / 1000,
    )


def _target(host: Host, upstream: bytes) -> Target | Status:
    clusters = host.worker.callouts.world.clusters
    try:
        target = target_of(upstream, clusters)
    except NoTargetError as error:
        host.warn(f"{error}, which is the end of it: panic, unset oneof")
        return Status.INTERNAL_FAILURE
    if target is Status.BAD_ARGUMENT:
        host.warn("Envoy refuses the initial_metadata of the GrpcService that a gRPC call names")
        return target
    name = target.name if isinstance(target, Target) else upstream.decode("utf-8", "replace")
    if name not in clusters:
        host.warn(f"a gRPC call to cluster {name!r}, which is not known here")
    return target


def grpc_send(host: Host, stream: int, message: int, size: int, ends: int) -> Status:
    """Send a message on a stream; ``ends`` is not 0 for the last one.

    BAD_ARGUMENT: not a stream's id. NOT_FOUND: no such stream. INVALID_MEMORY_ACCESS: a pointer
    is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_send
    """
    content = host.memory.read(message, size)
    return host.worker.grpc.send(_caller(host), stream, content, ends != 0)


def grpc_cancel(host: Host, call: int) -> Status:
    """End a call or stream; nothing of it is told any more.

    BAD_ARGUMENT: not a gRPC id. NOT_FOUND: no such call.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_cancel
    """
    return host.worker.grpc.close(_caller(host), call, cancels=True)


def grpc_close(host: Host, call: int) -> Status:
    """Send no more on a stream, or end a call. Its statuses are those of grpc_cancel.

    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_close
    """
    return host.worker.grpc.close(_caller(host), call, cancels=False)

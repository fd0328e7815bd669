"""Every attribute of Envoy, and when it is there: a table from its name to how it is made.

An attribute is there while its source is. ``request.path`` is, only as long as the filter can read
the request's headers; ``upstream.address``, once the router chose a host. The functions answer
None for what is not there now.
Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes and
envoy, source/extensions/filters/common/expr/context.cc; compared with Envoy 1.40, callback by
callback, in tests/wasm_filters/test_property_fidelity.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING

from wasm_filters.abi import MapType
from wasm_filters.properties.surroundings import Tls, port
from wasm_filters.properties.values import (
    FAMILY,
    NULL,
    Duration,
    Fields,
    Timestamp,
    Uint,
    Value,
)
from wasm_filters.state.header_map import HeaderMap

if TYPE_CHECKING:
    from wasm_filters.properties.stream import StreamProperties

Attribute = Callable[["StreamProperties"], Value]

_GRPC_STATUS = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_GRPC_UNKNOWN = 2


def grpc_status(code: int) -> int:
    """The gRPC status that stands for an HTTP one.

    https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
    """
    return _GRPC_STATUS.get(code, _GRPC_UNKNOWN)


def _request_headers(stream: StreamProperties) -> HeaderMap | None:
    return stream.context.readable(MapType.REQUEST_HEADERS)


def _response_headers(stream: StreamProperties) -> HeaderMap | None:
    return stream.context.readable(MapType.RESPONSE_HEADERS)


def _response_trailers(stream: StreamProperties) -> HeaderMap | None:
    return stream.context.readable(MapType.RESPONSE_TRAILERS)


def _size(fields: HeaderMap | None) -> int:
    return fields.byte_size if fields is not None else 0


def _header(name: bytes) -> Attribute:
    def value(stream: StreamProperties) -> Value:
        fields = stream.context.readable(MapType.REQUEST_HEADERS)
        return fields.get(name) if fields is not None else None

    return value


def _url_path(stream: StreamProperties) -> Value:
    fields = _request_headers(stream)
    return (fields.get(b":path") or b"").partition(b"?")[0] if fields is not None else None


def _query(stream: StreamProperties) -> Value:
    fields = _request_headers(stream)
    if fields is None:
        return None
    return (fields.get(b":path") or b"").partition(b"?")[2].partition(b"#")[0]


def _request_size(stream: StreamProperties) -> Value:
    """What ``content-length`` says, while that can be read."""
    fields = _request_headers(stream)
    length = fields.get(b"content-length") if fields is not None else None
    if length is None:
        return stream.info.received
    return int(length) if length.isdigit() and len(length) < 19 else None


def _duration(stream: StreamProperties) -> Value:
    info = stream.info
    return Duration(info.ended - info.started) if info.ended is not None else None


def _response_total(stream: StreamProperties) -> Value:
    return stream.info.sent + _size(_response_headers(stream)) + _size(_response_trailers(stream))


def _grpc_status(stream: StreamProperties) -> Value:
    """The trailers' ``grpc-status``, or the headers', or what the response's code stands for."""
    for found in (_response_trailers(stream), _response_headers(stream)):
        given = found.get(b"grpc-status") if found is not None else None
        if given is not None:
            return int(given) if given.isdigit() and int(given) < 1 << 31 else -1
    code = stream.info.code
    return grpc_status(code) if code is not None else None


def _backend_latency(stream: StreamProperties) -> Value:
    info = stream.info
    if info.answered is None or info.routed is None:
        return None
    return Duration(info.answered - info.routed)


def _given(name: str) -> Attribute:
    """What the surroundings say, always."""
    get = attrgetter(f"surroundings.{name}")
    return lambda stream: get(stream)


def _port(name: str) -> Attribute:
    return lambda stream: port(getattr(stream.surroundings, name))


def _message(name: str) -> Attribute:
    return lambda stream: stream.surroundings.message(name)


def _routed(attribute: Attribute) -> Attribute:
    """There once the router has chosen a host."""
    return lambda stream: attribute(stream) if stream.info.routed is not None else None


def _with_route(attribute: Attribute) -> Attribute:
    """There if a route matches; a connection of bytes has none."""

    def value(stream: StreamProperties) -> Value:
        there = stream.info.http and stream.surroundings.route_name is not None
        return attribute(stream) if there else None

    return value


def _with_cluster(attribute: Attribute) -> Attribute:
    """There once the cluster is known: with the route, or else with the connection to it."""

    def value(stream: StreamProperties) -> Value:
        info = stream.info
        there = stream.surroundings.route_name is not None if info.http else info.routed is not None
        return attribute(stream) if there else None

    return value


def _of_http(attribute: Attribute) -> Attribute:
    return lambda stream: attribute(stream) if stream.info.http else None


def _host_metadata(name: str) -> Attribute:
    def value(stream: StreamProperties) -> Value:
        around = stream.surroundings
        return NULL if getattr(around, name) is None else around.message(name)

    return _routed(value)


def _tls(side: str, name: str) -> Attribute:
    def value(stream: StreamProperties) -> Value:
        tls: Tls | None = getattr(stream.surroundings, side)
        if tls is None:
            return None
        found: str = getattr(tls, name)
        return found if found or name.startswith(("subject", "version")) else None

    return value


def _tls_attributes(family: str, side: str) -> dict[str, Attribute]:
    names = [field.name for field in fields(Tls) if field.name not in ("version", "mutual")]
    found = {f"{family}.{name}": _tls(side, name) for name in names}
    return {f"{family}.tls_version": _tls(side, "version"), **found}


def _mutual(stream: StreamProperties) -> Value:
    tls = stream.surroundings.tls
    return tls is not None and tls.mutual


_REQUEST: Mapping[str, Attribute] = {
    "request.path": _header(b":path"),
    "request.url_path": _url_path,
    "request.host": _header(b":authority"),
    "request.scheme": _header(b":scheme"),
    "request.method": _header(b":method"),
    "request.referer": _header(b"referer"),
    "request.useragent": _header(b"user-agent"),
    "request.id": _header(b"x-request-id"),
    "request.query": _query,
    "request.headers": lambda stream: Fields(_request_headers(stream)),
    "request.headers_bytes": lambda stream: _size(_request_headers(stream)),
    "request.time": lambda stream: Timestamp(stream.info.started),
    "request.duration": _duration,
    "request.protocol": _of_http(_given("protocol")),
    "request.size": _request_size,
    "request.total_size": lambda s: s.info.received + _size(_request_headers(s)),
}
_RESPONSE: Mapping[str, Attribute] = {
    "response.code": lambda stream: stream.info.code,
    "response.code_details": lambda stream: stream.info.details or None,
    "response.flags": lambda stream: stream.info.flags,
    "response.grpc_status": _grpc_status,
    "response.headers": lambda stream: Fields(_response_headers(stream)),
    "response.headers_bytes": lambda stream: _size(_response_headers(stream)),
    "response.trailers": lambda stream: Fields(_response_trailers(stream)),
    "response.size": lambda stream: stream.info.sent,
    "response.total_size": _response_total,
    "response.backend_latency": _backend_latency,
}
_CONNECTION: Mapping[str, Attribute] = {
    "connection.id": lambda stream: Uint(stream.surroundings.connection_id),
    "connection.mtls": _mutual,
    "connection.requested_server_name": _given("requested_server_name"),
    **_tls_attributes("connection", "tls"),
    "source.address": _given("source"),
    "source.port": _port("source"),
    "destination.address": _given("destination"),
    "destination.port": _port("destination"),
}
_UPSTREAM: Mapping[str, Attribute] = {
    "upstream.address": _routed(_given("upstream")),
    "upstream.port": _routed(_port("upstream")),
    "upstream.local_address": _routed(_given("upstream_local")),
    "upstream.locality": _routed(_message("upstream_locality")),
    "upstream.transport_failure_reason": lambda stream: (
        "" if stream.info.routed is not None or not stream.info.http else None
    ),
    "upstream.request_attempt_count": lambda stream: Uint(int(stream.info.attempted)),
    "upstream.cx_pool_ready_duration": _routed(lambda stream: Duration(0)),
    "upstream.num_endpoints": _with_cluster(lambda stream: Uint(stream.surroundings.endpoints)),
    **{n: _routed(a) for n, a in _tls_attributes("upstream", "upstream_tls").items()},
}
_XDS: Mapping[str, Attribute] = {
    "xds.node": _message("node"),
    "xds.cluster_name": _with_cluster(_given("cluster_name")),
    "xds.cluster_metadata": _with_cluster(_message("cluster_metadata")),
    "xds.route_name": _with_route(_given("route_name")),
    "xds.route_metadata": _with_route(_message("route_metadata")),
    "xds.virtual_host_name": _of_http(_given("virtual_host_name")),
    "xds.virtual_host_metadata": _of_http(_message("virtual_host_metadata")),
    "xds.upstream_host_metadata": _host_metadata("endpoint_metadata"),
    "xds.upstream_host_locality_metadata": _host_metadata("endpoint_locality_metadata"),
    "xds.filter_chain_name": _given("filter_chain_name"),
    "xds.listener_metadata": _message("listener_metadata"),
    "xds.listener_direction": _given("listener_direction"),
}
# what stands alone; a family's own name is no value
_ALONE: Mapping[str, Attribute] = {
    **dict.fromkeys(
        ("request", "response", "connection", "upstream", "source", "destination", "xds"),
        lambda stream: FAMILY,
    ),
    "filter_state": lambda stream: FAMILY,
    "upstream_filter_state": _routed(lambda stream: FAMILY),
    "metadata": _message("metadata"),
}
BY_NAME: Mapping[str, Attribute] = {
    **_REQUEST, **_RESPONSE, **_CONNECTION, **_UPSTREAM, **_XDS, **_ALONE,
}  # fmt: skip
ATTRIBUTES: Mapping[bytes, Attribute] = {
    name.replace(".", "\0").encode(): attribute for name, attribute in BY_NAME.items()
}  # by the path that a guest gives
FAMILIES = frozenset(name.encode() for name in _ALONE)
# where older SDKs look for what Envoy has under ``xds``
MOVED = frozenset(name.partition(".")[2].encode() for name in _XDS)

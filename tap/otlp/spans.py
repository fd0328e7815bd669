"""A span → an exchange: a request as its client or server tells of it, or a step on its way.

Sources: OpenTelemetry, "Tracing API" and the semantic conventions; Envoy, "Tracing". An Envoy's
span of a request has ``node_id``; the one of its try, its child, has only ``component: proxy``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mesh_traffic import Endpoint, Exchange, Request, Timing, Trace
from tap.otlp import http
from tap.otlp.attributes import MAX_NAME, Attributes, Names, address, read

SOURCE = "otlp trace"
INTERNAL, SERVER, CLIENT, PRODUCER, PROXY = "internal", "server", "client", "producer", "proxy"
# opentelemetry.proto.trace.v1.Span.SpanKind; one that is not specified may be taken for internal
KINDS = (INTERNAL, INTERNAL, SERVER, CLIENT, PRODUCER, "consumer")
_SENT = (CLIENT, PRODUCER)
_ERROR = 2  # Status.StatusCode

_NAMES = {
    **http.NAMES,
    "network.peer.address": "peer",
    "net.sock.peer.addr": "peer",
    "net.peer.ip": "peer",
    "peer.address": "peer",
    "network.peer.port": "peer_port",
    "net.sock.peer.port": "peer_port",
    "client.address": "client",
    "client.port": "client_port",
    "peer.service": "peer_service",
    "db.system.name": "system",
    "db.system": "system",
    "messaging.system": "system",
    "upstream_cluster.name": "cluster",
    "upstream_cluster": "cluster",
    "downstream_cluster": "caller",
    "node_id": "node",
    "component": "component",
    "response_flags": "flags",
    "http.route": "route",
    "error.type": "error",
    "error.reason": "error",
    "http.request.resend_count": "again",
    "retry.count": "again",
}
_OF_SENDER = {
    "service.name": "service",
    "service.version": "version",
    "service.instance.id": "instance",
    "node_name": "node",
}

_FLAG = re.compile(r"[A-Z]{2,5}")
_WORDS = re.compile(r"[\w.$-]+(?: [\w.$-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent spans or records: a resource, in OpenTelemetry's words."""

    node: str = ""
    service: str = ""
    version: str = ""
    is_envoy: bool = False  # one whose resource says so; its spans have a component, too

    @classmethod
    def of(cls, resource: Any, names: Names) -> Sender:
        found = read(resource.attributes, _OF_SENDER)
        name, version = (names.clean(found.get(one, "")) for one in ("service", "version"))
        instance = names.clean(found.get("instance", ""))
        node = names.clean(found.get("node", "")) or "/".join(filter(None, (name, instance)))
        return cls(node, names.service(name) or name, version, "node" in found)


def trace_of(message: Any) -> Trace | None:
    """The ids of a span or a record; None where they are not valid (W3C Trace Context, 3.2)."""
    trace_id, span_id, parent = message.trace_id, message.span_id, message.parent_span_id
    if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
        return None
    return Trace(trace_id.hex(), span_id.hex(), parent.hex() if len(parent) == 8 else "")


def exchange_of(
    span: Any, sender: Sender, names: Names, id_: str, is_captured: Callable[[str], bool]
) -> Exchange | None:
    """None: the span has no valid ids. ``is_captured`` of an Envoy's node: its requests are known
    from captures."""
    trace = trace_of(span)
    if trace is None:
        return None
    found = read(span.attributes, _NAMES)
    kind = KINDS[span.kind] if 0 <= span.kind < len(KINDS) else INTERNAL
    request = http.request_of(found, names) if kind in (SERVER, CLIENT) else None
    is_proxy = found.get("component") == PROXY
    node = names.clean(found["node"]) if is_proxy and "node" in found else ""
    hidden = is_proxy and (request is None or is_captured(node))
    started, duration = _times(span)
    authority = request.authority if request is not None else http.host_of(found)
    source, destination = _parties(found, sender, names, (kind, is_proxy), authority)
    clean = names.clean
    return Exchange(
        id_,
        node or sender.node,
        request or Request("", _name(span.name, found), "", ""),
        http.response_of(found) if request is not None else None,
        http.request_id_of(found),
        _direction(kind, is_proxy),
        source,
        destination,
        started,
        duration,
        clean(found["route"]) if "route" in found else "",
        clean(found["cluster"]) if "cluster" in found else "",
        flags_of(found),
        _tries(found),
        clean(found["error"]) if "error" in found else _failed(span),
        timing=Timing(ended=duration),
        sources=(SOURCE,),
        trace=Trace(trace.trace_id, trace.span_id, trace.parent_span_id, PROXY if hidden else kind),
    )


def _direction(kind: str, is_proxy: bool) -> str:
    """Which side of its node a span is of. An Envoy's span says server on either side."""
    if kind == SERVER and not is_proxy:
        return "inbound"
    return "outbound" if kind == CLIENT else ""


def _parties(
    found: Attributes, sender: Sender, names: Names, what: tuple[str, bool], authority: str
) -> tuple[Endpoint, Endpoint]:
    """Who asked, and who was asked; ``what`` is the span's kind, and whether it is an Envoy's."""
    me = Endpoint(sender.service, sender.version)
    kind, is_proxy = what
    if is_proxy and kind == SERVER:
        caller = names.clean(found.get("caller", ""))
        source = Endpoint(caller, "", names.address(found.get("peer", "")))
        return source, _other(found, names, authority)
    if kind in _SENT:
        return me, _other(found, names, authority)
    if kind == INTERNAL:
        return me, Endpoint()
    peer = address(found.get("peer", ""), found.get("peer_port", ""))
    peer = peer or address(found.get("client", ""), found.get("client_port", ""))
    return Endpoint(address=names.address(peer)), me


def _other(found: Attributes, names: Names, authority: str) -> Endpoint:
    """Who was asked: by its name, or by its address, or by the kind of system that it is."""
    host = names.address(authority.rpartition("@")[2])
    named = names.clean(found.get("peer_service", ""))
    service = names.service(host) or names.service(named) or named
    system = found.get("system") or found.get("rpc_system", "")
    return Endpoint(service, "", host or names.clean(system))


def _name(name: str, found: Attributes) -> str:
    """A span's name. Of a call of a system, what may be an operation and its target ("Database
    spans", "Name"): some senders write the whole statement there."""
    if "system" not in found:
        return name[:MAX_NAME]
    met = _WORDS.match(name[:MAX_NAME])
    return met[0] if met is not None else ""


def _times(span: Any) -> tuple[float, float | None]:
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    return start / 1e9, (end - start) / 1e9 if end >= start > 0 else None


def flags_of(found: Attributes) -> tuple[str, ...]:
    if "flags" not in found:
        return ()
    flags = found["flags"].split(",", 16)[:16]
    return tuple(flag for flag in flags if _FLAG.fullmatch(flag))


def _tries(found: Attributes) -> int:
    again = found.get("again", "")
    return int(again) + 1 if again.isascii() and again.isdigit() and len(again) < 5 else 0


def _failed(span: Any) -> str:
    return "error" if span.status.code == _ERROR else ""

"""What goes out: a captured request with what Envoy had added taken away, and one thing changed.

What an Envoy adds to a request that comes in, it adds to the replay again; sent along, it would be
there twice or tell of a caller that there is not. A new ``x-request-id`` makes the replay a
request of its own, and so does leaving the trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mesh_traffic import Body, Exchange, Headers, Request, replace

REQUEST_ID = "x-request-id"
MARK = "x-meshloom-replay-of"  # names the original, if that is wanted

_FRAMING = "follows from what is sent"
_TRACE = "names the original's trace"
_ENVOYS = "Envoy adds it again"
LEFT_OUT: Mapping[str, str] = {
    "host": _FRAMING,
    "content-length": _FRAMING,
    "transfer-encoding": _FRAMING,
    "connection": _FRAMING,
    "keep-alive": _FRAMING,
    "proxy-connection": _FRAMING,
    "traceparent": _TRACE,
    "tracestate": _TRACE,
    "b3": _TRACE,
    "x-b3-traceid": _TRACE,
    "x-b3-spanid": _TRACE,
    "x-b3-parentspanid": _TRACE,
    "x-b3-sampled": _TRACE,
    "x-forwarded-client-cert": _ENVOYS,
}
# What the Envoy that saw a request had added to it, by the side on which it saw it. What an Envoy
# before it had added, it got, and gets again.
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
_BY_ROUTER = {
    "x-envoy-attempt-count": _ENVOYS,
    "x-envoy-expected-rq-timeout-ms": _ENVOYS,
    "x-envoy-original-path": _ENVOYS,
    "x-envoy-decorator-operation": _ENVOYS,
}
_AT_EDGE = {
    "x-forwarded-proto": _ENVOYS,
    "x-envoy-external-address": _ENVOYS,
    "x-envoy-internal": _ENVOYS,
}
ADDED: Mapping[str, Mapping[str, str]] = {
    "ingress": {**_AT_EDGE, **_BY_ROUTER},
    "outbound": _BY_ROUTER,
}
_OF_A_CLIENT = "x-forwarded-for"  # at an ingress its last address is what Envoy has added


@dataclass(frozen=True, slots=True)
class Edit:
    """What is changed. ``set`` replaces a header, or adds it; ``host`` there is the authority.

    None: as it was captured. ``mark``: the original's id goes along, as ``MARK``.
    """

    set: Mapping[str, str] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    method: str | None = None
    path: str | None = None
    body: bytes | None = None
    mark: bool = False

    def __bool__(self) -> bool:
        """Whether anything is another than in the capture."""
        given = (self.method, self.path, self.body)
        return bool(self.set or self.remove) or any(one is not None for one in given)

    def words(self) -> Iterator[str]:
        """What is changed, for people: without values that somebody gave, which may be secret."""
        yield from (f"{name} set" for name in self.set)
        yield from (f"{name} removed" for name in sorted(self.remove))
        if self.method is not None:
            yield f"method {self.method}"
        if self.path is not None:
            yield "path set"
        if self.body is not None:
            yield f"body of {len(self.body):,} bytes"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """``request`` goes out; ``left_out`` are the captured headers that do not, and why."""

    request: Request
    left_out: Mapping[str, str]


def outgoing(exchange: Exchange, edit: Edit, request_id: str, authority: str = "") -> Outgoing:
    """The request for a listener, under its new id. ``authority``: that of another server."""
    captured = exchange.request
    headers, missing = _without_envoys(exchange)
    headers = headers.replaced(REQUEST_ID, request_id)
    if edit.mark:
        headers = headers.added(MARK, exchange.id)
    request = replace(
        captured,
        authority=authority or captured.authority,
        headers=headers,
        trailers=Headers(),
    )
    return Outgoing(edited(request, edit), missing)


def edited(request: Request, edit: Edit) -> Request:
    """``request`` with what ``edit`` changes, and nothing else."""
    headers, authority = request.headers, request.authority
    for name in edit.remove:
        headers = headers.removed(name)
    for name, value in edit.set.items():
        if name.lower() in ("host", ":authority"):
            authority = value
        else:
            headers = headers.replaced(name, value)
    body = request.body
    if edit.body is not None:
        body = Body(edit.body, size=len(edit.body))
        headers = headers.removed("content-encoding") if edit.body else headers
    return replace(
        request,
        method=edit.method or request.method,
        path=edit.path or request.path,
        authority=authority,
        headers=headers,
        body=body,
    )


def left_out(exchange: Exchange) -> dict[str, str]:
    """The headers that a replay of it does not send, and why."""
    return {**LEFT_OUT, **ADDED.get(exchange.direction, {})}


def _without_envoys(exchange: Exchange) -> tuple[Headers, dict[str, str]]:
    kept: list[tuple[str, str]] = []
    reasons = left_out(exchange)
    found: dict[str, str] = {}
    for name, value in exchange.request.headers:
        lower = name.lower()
        if lower in reasons:
            found[lower] = reasons[lower]
        elif lower == _OF_A_CLIENT and exchange.direction == "ingress":
            before, comma, _ = value.rpartition(",")
            found[lower] = "its last address was added by Envoy, which adds one again"
            kept += [(name, before)] if comma else []
        else:
            kept.append((name, value))
    return Headers(tuple(kept)), found

"""One request at one Envoy, as the gate is told of it: what is known so far. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debugger.breakpoints.breakpoint import Breakpoint, Phase
from debugger.gate.edit import Edit, edited, side_of
from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tap.ext_proc.messages import fields_of
from tap.ext_proc.opening import Opening
from tap.topology import Topology

ENVOY_KEEPS = 1024 * 1024  # bytes of a body, at least: per_connection_buffer_limit_bytes, unset

PIECES = {
    "request_headers": Phase.REQUEST,
    "request_body": Phase.REQUEST_BODY,
    "response_headers": Phase.RESPONSE,
    "response_body": Phase.RESPONSE_BODY,
}

_ROUTE, _CLUSTER, _UPSTREAM = "xds.route_name", "xds.cluster_name", "upstream.address"


class Session:
    """``key`` is the door's name for it. ``exchange`` grows with each message; ``phase`` is that of
    the last one, ``ended`` whether its side is whole with it. ``stepping`` holds it in its next
    phase, and ``answer_wanted`` is whether its response will be told of. ``size``: bytes of bodies.
    """

    def __init__(self, key: object, node: str, opening: Opening, topology: Topology) -> None:
        self.key = key
        self.node = node
        self.topology = topology
        self.listener = topology.listener(opening.listener)
        self.phase = Phase.REQUEST
        self.ended = False
        self.whole = True  # all of the body is here, if it is about one
        self.stepping: Breakpoint | None = None
        self.answer_wanted = False
        self.size = 0
        self.attributes: dict[str, str] = {}
        self._opening = opening
        self.exchange = Exchange("", node, Request())

    def take(self, message: Any, room: int) -> bool:
        """A ``ProcessingRequest`` came; whether it is about a phase. ``room``: bytes of a body."""
        piece = message.WhichOneof("request") or ""
        phase = PIECES.get(piece)
        if phase is None:
            return False
        content = getattr(message, piece)
        self.phase, self.ended, self.whole = phase, content.end_of_stream, True
        self.attributes |= _attributes(message.attributes)
        if phase in (Phase.REQUEST, Phase.RESPONSE):
            self._headers(phase, fields_of(content.headers))
        else:
            # without an end: trailers follow, or it is longer than an Envoy keeps for us
            body = content.body
            whole = self.ended or len(body) < ENVOY_KEEPS
            self._body(phase, body[: max(0, room)], whole and len(body) <= room)
        return True

    def _headers(self, phase: Phase, fields: Headers) -> None:
        if phase == Phase.RESPONSE:
            response = Response.of_fields(fields)
            destination = self._destination(self.exchange.request.authority)
            self.exchange = replace(self.exchange, response=response, destination=destination)
            return
        request = Request.of_fields(fields)
        listener, told = self.listener, self.attributes
        self.exchange = Exchange(
            "",
            self.node,
            request,
            request_id=request.headers.get("x-request-id") or "",
            direction=listener.direction if listener else "",
            source=self.topology.source(listener, self._opening.client),
            destination=self._destination(request.authority),
            started=self._opening.started or 0.0,
            route=told.get(_ROUTE, ""),
            cluster=told.get(_CLUSTER, ""),
            sources=("breakpoint",),
        )

    def _destination(self, authority: str) -> Endpoint:
        """Who gets it: by the upstream's address, else by the cluster that the route chose, whose
        name says the service and, where there is a choice, the version. An authority may be any."""
        upstream = self.attributes.get(_UPSTREAM, "")
        service, _, version = self.attributes.get(_CLUSTER, "").partition("/")
        if not upstream and service in self.topology.services():
            return Endpoint(service, version, authority)
        return self.topology.destination(self.listener, upstream, authority)

    def _body(self, phase: Phase, data: bytes, whole: bool) -> None:
        self.size += len(data)
        self.whole = whole
        body = Body(data, not whole, len(data) if whole else None)
        exchange = self.exchange
        if phase == Phase.REQUEST_BODY:
            self.exchange = replace(exchange, request=replace(exchange.request, body=body))
        elif exchange.response is not None:
            self.exchange = replace(exchange, response=replace(exchange.response, body=body))

    def change(self, edit: Edit) -> None:
        """Somebody changed the side that is here."""
        self.exchange = edited(self.exchange, self.phase, edit)

    @property
    def length(self) -> int | None:
        """That of the body at this side, where the message says it."""
        said = side_of(self.exchange, self.phase).headers.get("content-length") or ""
        return int(said) if said.isdecimal() and len(said) < 19 else None

    @property
    def streams(self) -> bool:
        """Whether what follows is no body that could be waited for: it ends when somebody wants."""
        response = self.exchange.response
        if (
            self.exchange.request.headers.get("upgrade")
            or self.exchange.request.method == "CONNECT"
        ):
            return True
        kind = response.headers.get("content-type") if response is not None else ""
        return (kind or "").lower().startswith("text/event-stream")


def _attributes(told: Mapping[str, Any]) -> dict[str, str]:
    """Envoy's attributes, as text."""
    found: dict[str, str] = {}
    for each in told.values():
        for name, value in each.fields.items():
            found[name] = _text(value)
    return found


def _text(value: Any) -> str:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return str(value.string_value)
    if kind == "number_value":
        number = value.number_value
        return str(int(number)) if number == int(number) else str(number)
    return str(value.bool_value).lower() if kind == "bool_value" else ""

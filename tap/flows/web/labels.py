"""Exchange → the flow that the page shows: what a mesh knows, in the fields that mitmproxy has."""

from __future__ import annotations

import re
from typing import TypeVar

from mitmproxy import connection, http
from mitmproxy.flow import Error

from mesh_traffic import Endpoint, Exchange
from tap import lines
from tap.coding import codings_of, undo
from tap.export.words import remarks, told
from tap.flags import in_words
from tap.flows import flow_of
from tap.flows.web.holds import Standing

FAILED = ":red_circle:"  # mitmproxy's marker of flows that deserve a look
_ID = re.compile(r"[0-9a-f-]{1,40}")  # what mitmweb's addresses take for a flow's id


class _Bounded(http.Message):
    """A message whose content codings are undone within bounds.

    mitmproxy undoes them wherever it looks at a body (its filter ``~b``, a download), to any size,
    and takes every codec of Python for one.
    """

    def get_content(self, strict: bool = True) -> bytes | None:
        """What could be decoded, and a body with an unknown coding as it is. Never raises."""
        if self.raw_content is None:
            return None
        return undo(self.raw_content, codings_of(self.headers.get_all("content-encoding"))).data


class BoundedRequest(_Bounded, http.Request):
    pass


class BoundedResponse(_Bounded, http.Response):
    pass


_Kind = TypeVar("_Kind", bound=http.Message)


def _bounded(kind: type[_Kind], message: http.Message) -> _Kind:
    """The same data; mitmproxy's own way to it checks each field's type once more, for 0.1 ms."""
    made = kind.__new__(kind)
    made.data = message.data
    return made


def flow_for(exchange: Exchange, standing: Standing | None = None) -> http.HTTPFlow:
    """With the exchange's own id where it can be one. ``standing``: of one that is or was held."""
    flow = flow_of(exchange)
    if _ID.fullmatch(exchange.id):
        flow.id = exchange.id
    flow.request = _bounded(BoundedRequest, flow.request)
    if flow.response is not None:
        flow.response = _bounded(BoundedResponse, flow.response)
    words = [] if standing is None else [told(one) for one in standing.comment()]
    flow.comment = "; ".join(words + comment(exchange))
    flow.intercepted = standing is not None and standing.held is not None
    ended = standing is None or standing.over or exchange.response is not None
    flow.marked = FAILED if ended and failed(exchange) else ""
    _set_times(flow, exchange)
    _set_peers(flow, exchange)
    if ended and exchange.response is None:
        why = words or ["no response", *_flags(exchange)]
        flow.error = Error("; ".join(why), exchange.started)
    return flow


def failed(exchange: Exchange) -> bool:
    """Whether there is no answer, one of a broken server, or a response flag."""
    return exchange.status is None or exchange.status >= 500 or bool(exchange.flags)


def comment(exchange: Exchange) -> list[str]:
    """Whose request it was, what Envoy says of it, and which bodies are not whole."""
    named = (("route", exchange.route), ("cluster", exchange.cluster), ("node", exchange.node))
    tries = [f"{exchange.attempts} tries"] if exchange.attempts > 1 else []
    details = [exchange.details] if exchange.flags and exchange.details else []
    words = [lines.route(exchange), *_flags(exchange), *details, *tries]
    words += [f"{name} {value}" for name, value in named if value]
    return [told(one) for one in (*words, *remarks(exchange))]


def _flags(exchange: Exchange) -> list[str]:
    return [f"{flag} {in_words(flag)}".strip() for flag in exchange.flags]


def _set_times(flow: http.HTTPFlow, exchange: Exchange) -> None:
    started, timing = exchange.started, exchange.timing
    if timing.asked is not None:
        flow.request.timestamp_end = started + timing.asked
    if timing.sent is not None:
        flow.server_conn.timestamp_start = started + timing.sent
    if flow.response is not None and timing.answered is not None:
        flow.response.timestamp_start = started + timing.answered
    if flow.response is not None and timing.ended is not None:
        flow.response.timestamp_end = started + timing.ended


def _set_peers(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """The two sides as connections. mitmproxy shows what stands for a host, and filters by it."""
    source, destination = exchange.source, exchange.destination
    flow.client_conn.peername = _named(source, exchange.direction)
    flow.client_conn.state = flow.server_conn.state = connection.ConnectionState.CLOSED
    flow.server_conn.address = flow.server_conn.peername = _named(destination, "")


def _named(side: Endpoint, otherwise: str) -> tuple[str, int]:
    """``("productpage v1 at 127.0.0.1", 40000)``."""
    host, _, port = side.address.rpartition(":")
    known = port.isascii() and port.isdigit() and len(port) < 6
    name = f"{side.service} {side.version}".strip() or otherwise
    address = host if known else side.address
    return told(" at ".join(filter(None, (name, address))) or "?"), int(port) if known else 0

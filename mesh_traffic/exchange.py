"""One request with its response, as seen at one place of the mesh."""

from __future__ import annotations

from msgspec import Struct

from mesh_traffic.message import Request, Response


class Endpoint(Struct, frozen=True):
    """One side of an exchange: who it is, as far as the observer knows."""

    service: str = ""
    version: str = ""
    address: str = ""

    def __str__(self) -> str:
        return f"{self.service} {self.version}".strip() or self.address or "?"


class Timing(Struct, frozen=True):
    """When the parts of an exchange passed its node, in seconds since it ``started``.

    None: it did not happen, or nobody saw when. ``sent`` and ``answered`` are the last try's: its
    first byte to the upstream, and the first byte that came back.
    """

    asked: float | None = None  # the last byte of the request came in
    sent: float | None = None
    answered: float | None = None
    ended: float | None = None  # the last byte of the response went out


class Trace(Struct, frozen=True):
    """What a tracer said of an exchange: its trace, its own span, and the span that led to it.

    Ids are in lower-case hex, "" where they are not known. ``kind`` is OpenTelemetry's kind of the
    span ("server", "client", "internal", "producer", "consumer"), "proxy" for an Envoy's own span
    of a request that its captures tell of, and "" where no span told of the exchange.
    """

    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    kind: str = ""


class Exchange(Struct, frozen=True):
    """One request and what became of it, observed at ``node``.

    ``id`` is unique in one running mesh; ``request_id`` is Envoy's ``x-request-id``, shared by
    every hop of one request. ``started`` is in seconds since the epoch, ``duration`` in seconds
    from there to the end of what the source saw (the access log: to the last byte of the response;
    the admin tap: to its headers), ``None`` where it is not known.
    ``response`` is ``None`` when none was seen. ``flags`` are Envoy's response flags (``UF``), and
    ``details`` its response code details. ``attempts`` counts tries, 0 where nobody counted.
    ``upstream_local`` is the ``ip:port`` that the node itself had towards the upstream: there it is
    the client. ``sources`` name what saw it, and ``trace`` is what a tracer knows of it.
    """

    id: str
    node: str
    request: Request
    response: Response | None = None
    request_id: str = ""
    direction: str = ""  # "inbound", "outbound", "ingress": which side of the node saw it
    source: Endpoint = Endpoint()
    destination: Endpoint = Endpoint()
    started: float = 0.0
    duration: float | None = None
    route: str = ""
    cluster: str = ""
    flags: tuple[str, ...] = ()
    attempts: int = 0
    details: str = ""
    upstream_local: str = ""
    timing: Timing = Timing()
    sources: tuple[str, ...] = ()
    trace: Trace = Trace()

    @property
    def is_step(self) -> bool:
        """Whether it is no request of its own, but a span on the way of one: a query of a database,
        a part of a program, or what an Envoy tells again of a request that was captured."""
        return self.trace.kind == "proxy" or bool(self.trace.kind and not self.request.method)

    @property
    def service(self) -> str:
        """The service that it went to."""
        return self.destination.service

    @property
    def version(self) -> str:
        """The version that it went to."""
        return self.destination.version

    @property
    def status(self) -> int | None:
        """The response's status; None without a response."""
        return self.response.status if self.response else None

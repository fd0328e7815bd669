"""One request with its response, as seen at one place of the mesh."""

from __future__ import annotations

from dataclasses import dataclass, field

from mesh_traffic.message import Request, Response


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of an exchange: who it is, as far as the observer knows."""

    service: str = ""
    version: str = ""
    address: str = ""

    def __str__(self) -> str:
        return f"{self.service} {self.version}".strip() or self.address or "?"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it, observed at ``node``.

    ``id`` is unique in one running mesh; ``request_id`` is Envoy's ``x-request-id``, shared by
    every hop of one request. ``started`` is in seconds since the epoch, ``duration`` in seconds
    from there to the end of what the source saw (the admin tap: to the response's headers),
    ``None`` where it is not known.
    ``response`` is ``None`` when none was seen. ``flags`` are Envoy's response flags (``UF``).
    """

    id: str
    node: str
    request: Request
    response: Response | None = None
    request_id: str = ""
    direction: str = ""  # "inbound", "outbound", "ingress": which side of the node saw it
    source: Endpoint = field(default_factory=Endpoint)
    destination: Endpoint = field(default_factory=Endpoint)
    started: float = 0.0
    duration: float | None = None
    route: str = ""
    cluster: str = ""
    flags: tuple[str, ...] = ()
    attempts: int = 0

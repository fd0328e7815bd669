"""What an address of the mesh means: the one thing that a capture can't tell by itself.

Envoy's traces carry addresses. Who builds the mesh knows which listener is whose and which
service answers where, and says it here as plain data; this room knows nothing else of the mesh.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from mesh_traffic import Endpoint as Party

Direction = Literal["inbound", "outbound", "ingress"]


class TopologyError(ValueError):
    """A topology that can't be read."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener of one Envoy, by the address that its clients connect to.

    ``service`` and ``version`` name its owner: of an ``outbound`` listener the caller, of an
    ``inbound`` one the callee. An ``ingress`` listener belongs to the gateway.
    """

    node: str
    direction: Direction
    service: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise TopologyError(
                f"listener of {self.node!r}: unknown direction {self.direction!r},"
                f" expected one of {sorted(get_args(Direction))}"
            )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers at an upstream address: a workload, or the inbound listener before it."""

    service: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """Listeners by their local ``ip:port``, endpoints by the upstream's ``ip:port``."""

    listeners: Mapping[str, Listener] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)

    def listener(self, address: str) -> Listener | None:
        """Whose listener clients reach at ``ip:port``; None for one that nobody named."""
        return self.listeners.get(address)

    def source(self, listener: Listener | None, client: str) -> Party:
        """Who sent a request. An outbound listener's client is its owner; of any other client only
        the address is known."""
        if listener is not None and listener.direction == "outbound":
            return Party(listener.service, listener.version, client)
        return Party(address=client)

    def destination(self, listener: Listener | None, upstream: str, authority: str) -> Party:
        """Who got it: by the upstream's ``ip:port``, the listener's owner, or the authority."""
        if known := self.endpoints.get(upstream):
            return Party(known.service, known.version, upstream)
        if listener is not None and listener.direction == "inbound":
            return Party(listener.service, listener.version, upstream)
        return Party(self.service_of(authority), "", upstream or authority)

    def service_of(self, authority: str) -> str:
        """The service that an ``:authority`` names, or "": for a request that got no upstream.

        Kubernetes' long names count too: ``reviews.default.svc.cluster.local:9080`` is ``reviews``.
        """
        name = authority.partition(":")[0]
        known = self.services()
        if name in known:
            return name
        short = name.partition(".")[0]
        return short if short in known else ""

    def services(self) -> frozenset[str]:
        """Every service that a listener or an endpoint names; a gateway is none."""
        owners = (one.service for one in self.listeners.values() if one.direction != "ingress")
        answering = (endpoint.service for endpoint in self.endpoints.values())
        return frozenset((*owners, *answering)) - {""}

    def to_json(self) -> str:
        return json.dumps(
            {
                "listeners": {address: asdict(one) for address, one in self.listeners.items()},
                "endpoints": {address: asdict(one) for address, one in self.endpoints.items()},
            },
            sort_keys=True,
        )

    @classmethod
    def of_json(cls, text: str) -> Topology:
        """The inverse of :meth:`to_json`; raises TopologyError."""
        try:
            data = json.loads(text)
            listeners = {address: Listener(**one) for address, one in data["listeners"].items()}
            endpoints = {address: Endpoint(**one) for address, one in data["endpoints"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TopologyError(f"no topology: {error}") from error
        return cls(listeners, endpoints)

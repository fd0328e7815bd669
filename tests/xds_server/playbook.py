"""A story of one stream in one expression: ``>>`` is what comes in, ``<<`` what must go out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from xds_server.events import Event
from xds_server.node import NodeInfo
from xds_server.protos import cluster, core, endpoint, listener, route
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.delta import DeltaSession
from xds_server.sessions.messages import DeltaRequest, DeltaResponse, SotwRequest, SotwResponse
from xds_server.sessions.sotw import SotwSession
from xds_server.snapshot import Snapshot

CLUSTER, ENDPOINT = ResourceType.CLUSTER, ResourceType.ENDPOINT
LISTENER, ROUTE = ResourceType.LISTENER, ResourceType.ROUTE
NODE = NodeInfo("node")


@dataclass(frozen=True)
class Sends:
    """A response that is expected: its type, the names in it, its nonce, and what it removes."""

    type: ResourceType
    names: tuple[str, ...]
    nonce: str
    removed: tuple[str, ...] = ()


def sends(kind: ResourceType, *names: str, nonce: int, removed: tuple[str, ...] = ()) -> Sends:
    return Sends(kind, names, str(nonce), removed)


class Playbook:
    """Feeds a session; every response must be read before the next thing comes in."""

    def __init__(self, session: SotwSession | DeltaSession) -> None:
        self.session = session
        self.responses: list[SotwResponse | DeltaResponse] = []
        self.events: list[Event] = []
        self._unread: deque[Sends] = deque()

    def __rshift__(self, came: Snapshot | SotwRequest | DeltaRequest) -> Playbook:
        assert not self._unread, f"not expected: {list(self._unread)}"
        if isinstance(came, Snapshot):
            outputs = self.session.update(came)
        else:
            session: Any = self.session
            outputs = session.receive(came)
        for each in outputs:
            if isinstance(each, (SotwResponse, DeltaResponse)):
                self.responses.append(each)
                self._unread.append(_seen(each))
            else:
                self.events.append(each)
        return self

    def __lshift__(self, expected: Sends | None) -> Playbook:
        found = self._unread.popleft() if self._unread else None
        assert found == expected
        return self

    def __bool__(self) -> bool:
        assert not self._unread, f"not expected: {list(self._unread)}"
        return True


def _seen(response: SotwResponse | DeltaResponse) -> Sends:
    names = tuple(each.name for each in response.resources)
    removed = response.removed if isinstance(response, DeltaResponse) else ()
    return Sends(response.type, names, response.nonce, removed)


def sotw() -> Playbook:
    return Playbook(SotwSession(NODE, clock=lambda: 0.0))


def delta() -> Playbook:
    return Playbook(DeltaSession(NODE, clock=lambda: 0.0))


def wants(kind: ResourceType, *names: str, nonce: int | str = "", version: str = "") -> SotwRequest:
    """A SotW request; with a nonce it is an ACK as well."""
    return SotwRequest(kind.type_url, names, version, str(nonce))


def refuses(kind: ResourceType, *names: str, nonce: int, version: str = "") -> SotwRequest:
    return replace(wants(kind, *names, nonce=nonce, version=version), error="no")


def asks(
    kind: ResourceType,
    *names: str,
    without: tuple[str, ...] = (),
    nonce: int | str = "",
    holds: dict[str, str] | None = None,
    error: str | None = None,
) -> DeltaRequest:
    return DeltaRequest(kind.type_url, names, without, holds or {}, str(nonce), error)


def a_cluster(name: str, content: str = "") -> Resource:
    return Resource.of(cluster.Cluster(name=name, alt_stat_name=content))


def an_eds_cluster(name: str, content: str = "") -> Resource:
    source = core.ConfigSource(ads=core.AggregatedConfigSource())
    return Resource.of(
        cluster.Cluster(
            name=name,
            alt_stat_name=content,
            type=cluster.ClusterDiscoveryType.EDS,
            eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=source),
        )
    )


def an_assignment(name: str, priority: int = 0) -> Resource:
    locality = endpoint.LocalityLbEndpoints(priority=priority)
    return Resource.of(endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[locality]))


def a_listener(name: str, content: str = "") -> Resource:
    return Resource.of(listener.Listener(name=name, stat_prefix=content))


def a_route(name: str, *clusters: str, content: str = "v") -> Resource:
    routes = [route.Route(route=route.RouteAction(cluster=each)) for each in clusters]
    host = route.VirtualHost(name=content, routes=routes)
    return Resource.of(route.RouteConfiguration(name=name, virtual_hosts=[host]))


def snapshot(*resources: Resource) -> Snapshot:
    return Snapshot.of(resources)

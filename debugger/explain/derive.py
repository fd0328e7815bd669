"""From a snapshot and a request to all that could become of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace as changed

from debugger.explain.arriving import routed
from debugger.explain.arriving.asked import Asked
from debugger.explain.arriving.listening import Chain, Listening, chains, host_of, ports_of
from debugger.explain.filters.chain import Levels, filters, verdicts
from debugger.explain.filters.verdict import Passing, Verdict, percentage
from debugger.explain.served import Piece, Served, opened, title
from debugger.explain.upstream.patience import patience
from debugger.explain.upstream.target import Target, target
from debugger.explain.way import Derived, Step, Way
from debugger.routing.arriving.arrival import Arrival, StreamInfo
from debugger.routing.decision import (
    Action,
    Decision,
    Destination,
    Forward,
    NoRoute,
    RouteLook,
)
from xds_server.resource import ResourceType

_NO_HTTP = "no HTTP request was seen on this connection, so no route is derived"
_BY_ITSELF = "there is no Envoy here: a gRPC library decides by this, as far as it reads it"
MANAGER, TCP_PROXY = "HttpConnectionManager", "TcpProxy"
_TLS, _SOCKET_TAP = "DownstreamTlsContext", "Tap"
_SET_BY_ENVOY = (2, 3)  # of ForwardClientCertDetails: APPEND_FORWARD, SANITIZE_SET
_URI = re.compile(r'(?:^|;)URI="?([^;,"]+)"?')


@dataclass(frozen=True, slots=True)
class _Entrance:
    """Where it came in: the network filter that takes it, and its field path."""

    listening: Listening
    message: Any
    path: str
    tls: bool | None

    @property
    def piece(self) -> Piece:
        return self.listening.piece


def derive(served: Served, asked: Asked, listening: Listening) -> Derived:
    """What becomes of a request that this listener takes. Raises ``ServedError``."""
    steps = [_listener_step(listening)]
    if listening.piece.message.HasField("api_listener"):
        manager = opened(listening.piece.message.api_listener.api_listener)
        at = "api_listener.api_listener"
        return _http(served, asked, _Entrance(listening, manager, at, None), steps)
    found = chains(listening.piece.message, asked.connection)
    if not found:
        return Derived(served.node, tuple(steps), closed="no filter chain is for such a connection")
    steps.append(_chain_step(listening.piece, found))
    entrance = _entrance(listening, found)
    if entrance is None:
        kinds = ", ".join(title(each.typed_config) for each in found[0].message.filters)
        why = f"what the filters {kinds or '(none)'} do is not read here"
        return Derived(served.node, tuple(steps), notes=(why,), protocol="other")
    if title_of(entrance.message) == TCP_PROXY:
        return _tcp(served, entrance, steps)
    if asked.opaque:
        return Derived(served.node, tuple(steps), notes=(_NO_HTTP,))
    return _http(served, asked, entrance, steps)


def title_of(message: Any) -> str:
    """The name of a message's type: ``TcpProxy``."""
    return str(message.DESCRIPTOR.name)


def _listener_step(listening: Listening) -> Step:
    piece = listening.piece
    return Step("listener", piece.name, listening.why, piece.place())


def _chain_step(piece: Piece, found: tuple[Chain, ...]) -> Step:
    if len(found) > 1:
        names = " or ".join(each.path for each in found)
        return Step("filter chain", names, found[0].why, piece.place(found[0].path))
    chain = found[0]
    name = chain.message.name or ("default" if chain.index is None else f"number {chain.index + 1}")
    words = ", TLS" if _is_tls(chain.message) else ""
    return Step("filter chain", f"{name}{words}", chain.why, piece.place(chain.path))


def _is_tls(chain: Any) -> bool:
    socket = chain.transport_socket
    kind = title(socket.typed_config)
    if kind == _SOCKET_TAP:
        inner = opened(socket.typed_config)
        kind = title(inner.transport_socket.typed_config) if inner is not None else ""
    return kind == _TLS


def _entrance(listening: Listening, found: tuple[Chain, ...]) -> _Entrance | None:
    """The first filter that sends on; of several chains, the first one's."""
    chain = found[0]
    sure = len({_is_tls(each.message) for each in found}) == 1
    for i, each in enumerate(chain.message.filters):
        if title(each.typed_config) in (MANAGER, TCP_PROXY):
            message = opened(each.typed_config)
            if message is not None:
                path = f"{chain.path}.filters[{i}].typed_config"
                tls = _is_tls(chain.message) if sure else None
                return _Entrance(listening, message, path, tls)
    return None


def _tcp(served: Served, entrance: _Entrance, steps: list[Step]) -> Derived:
    """A connection that is passed on as it is: no route, no request."""
    proxy, piece = entrance.message, entrance.piece
    sent: tuple[Destination, ...]
    if proxy.WhichOneof("cluster_specifier") == "cluster":
        sent = (Destination(proxy.cluster, f"{entrance.path}.cluster"),)
    else:
        at = f"{entrance.path}.weighted_clusters.clusters"
        given = enumerate(proxy.weighted_clusters.clusters)
        sent = tuple(Destination(each.name, f"{at}[{i}]", each.weight) for i, each in given)
    total = sum(each.weight for each in sent)
    action = Forward("cluster", sent, entrance.path, total=total)
    way = Way(None, action, piece.place(entrance.path), (), _targets(served, action, piece, 0))
    return Derived(served.node, tuple(steps), ways=(way,), protocol="tcp")


def _http(served: Served, asked: Asked, entrance: _Entrance, steps: list[Step]) -> Derived:
    table = _table(served, entrance)
    if table is None:
        name = entrance.message.rds.route_config_name
        why = f"route table {name!r} was not served: Envoy answers 404"
        way = Way(None, NoRoute(why), entrance.piece.place())
        return Derived(served.node, tuple(steps), ways=(way,), notes=(*_notes(served),))
    decision, seen = routed.decide(
        served, table, asked, entrance.message, StreamInfo(tls=entrance.tls)
    )
    passing = _passing(decision, seen, entrance)
    ways = tuple(
        _way(served, look, action, decision, table, passing, entrance)
        for look, action in _possible(decision)
    )
    protocol = "grpc" if served.kind == "grpc" else "http"
    notes = (*decision.unread, *_notes(served))
    return Derived(served.node, tuple(steps), decision, table, protocol, ways, notes=notes)


def _table(served: Served, entrance: _Entrance) -> Piece | None:
    manager = entrance.message
    if manager.WhichOneof("route_specifier") != "route_config":
        return served.get(ResourceType.ROUTE, manager.rds.route_config_name)
    piece, prefix = entrance.piece, f"{entrance.path}.route_config"
    inside = {
        path.removeprefix(prefix).lstrip("."): place
        for path, place in piece.origins.items()
        if path.startswith(prefix)
    }
    return Piece(
        ResourceType.ROUTE,
        manager.route_config.name or piece.name,
        piece.version,
        manager.route_config,
        {"": piece.place(prefix), **inside},
    )


def _notes(served: Served) -> Iterator[str]:
    if served.kind == "grpc":
        yield _BY_ITSELF
    if served.refused:
        had = "some of this, so it may go by what it had before"
        yield f"{served.node} has refused {had}: {served.refused}"


def _possible(decision: Decision) -> list[tuple[RouteLook | None, Action]]:
    if decision.action is not None:
        return [(decision.taken, decision.action)]
    looks = [each for each in decision.looked if each.holds is not False]
    found: list[tuple[RouteLook | None, Action]] = [
        (each, each.action) for each in looks if each.action is not None
    ]
    if decision.matched is None:
        found.append((None, NoRoute("no route matches")))
    return found


def _passing(decision: Decision, seen: Asked, entrance: _Entrance) -> Passing:
    connection, manager = seen.connection, entrance.message
    arrival = Arrival(decision.request, StreamInfo(tls=entrance.tls))
    peer = host_of(connection.peer)
    return Passing(
        arrival,
        seen.unsure,
        peer,
        peer if manager.use_remote_address.value else _forwarded_for(arrival, peer),
        _port(connection.port, entrance.piece),
        entrance.tls,
        _principals(arrival, manager, seen, entrance.tls),
    )


def _port(port: int | None, piece: Piece) -> int | None:
    ports = ports_of(piece.message)
    return ports[0] if port is None and len(ports) == 1 else port


def _forwarded_for(arrival: Arrival, peer: str) -> str:
    values = arrival.values("x-forwarded-for")
    return values[0].rpartition(",")[2].strip() if values else peer


def _principals(
    arrival: Arrival, manager: Any, seen: Asked, tls: bool | None
) -> frozenset[str] | None:
    """The names in the client's certificate, where Envoy has written them down."""
    if tls is False:
        return frozenset()
    if not seen.arrived or manager.forward_client_cert_details not in _SET_BY_ENVOY:
        return None
    values = arrival.values("x-forwarded-client-cert")
    if not values:
        return None
    found = frozenset(_URI.findall(values[-1].rpartition(",")[2]))
    return found or None


def _way(
    served: Served,
    look: RouteLook | None,
    action: Action,
    decision: Decision,
    table: Piece,
    passing: Passing,
    entrance: _Entrance,
) -> Way:
    if decision.host is None and not isinstance(action, NoRoute):
        return Way(None, action, entrance.piece.place(entrance.path))  # before any filter
    levels = _levels(decision, look, table)
    priority = routed.route_of(table.message, look.path).route.priority if look else 0
    targets = _targets(served, action, table, priority) if isinstance(action, Forward) else ()
    names = tuple(each.name for each in targets)
    chain = filters(served, entrance.piece, entrance.message, entrance.path, table, levels)
    made = Way(
        look,
        action,
        table.place(look.path if look else action.path),
        _split(verdicts(chain, passing, names), look, table),
        targets,
    )
    if not isinstance(action, Forward) or look is None or decision.host is None:
        return made
    route = routed.route_of(table.message, look.path)
    host = table.message.virtual_hosts[decision.host.index]
    unsure = action.why if any(each.cluster is None for each in action.destinations) else ""
    waits = patience(table, host, decision.host.path, route, look.path)
    if served.kind == "grpc":  # max_stream_duration alone counts (gRFC A31)
        waits = changed(waits, timeout=None)
    return changed(
        made,
        patience=waits,
        mirrors=tuple(_mirrors(table, route, look.path)),
        unsure=unsure,
    )


def _levels(decision: Decision, look: RouteLook | None, table: Piece) -> Levels:
    found: list[tuple[Any, str]] = []
    if look is not None:
        found.append((routed.route_of(table.message, look.path), look.path))
    if look is not None and decision.host is not None:
        found.append((table.message.virtual_hosts[decision.host.index], decision.host.path))
    return (*found, (table.message, "")) if look is not None else ()


def _split(found: tuple[Verdict, ...], look: RouteLook | None, table: Piece) -> tuple[Verdict, ...]:
    """A cluster of a split may have a config of its own for a filter: then chance decides it."""
    if look is None:
        return found
    clusters = routed.route_of(table.message, look.path).route.weighted_clusters.clusters
    own = {name for each in clusters for name in each.typed_per_filter_config}
    why = "the cluster that is chosen has a config of its own for it"
    return tuple(
        changed(each, passes=None, why=why) if each.name in own else each for each in found
    )


def _targets(served: Served, action: Forward, table: Piece, priority: int) -> tuple[Target, ...]:
    return tuple(
        changed(
            target(served, each.cluster, priority),
            weight=each.weight,
            total=action.total,
            chosen=table.place(each.path),
        )
        for each in action.destinations
        if each.cluster is not None
    )


def _mirrors(table: Piece, route: Any, path: str) -> Iterator[tuple[str, str]]:
    for i, each in enumerate(route.route.request_mirror_policies):
        share = ""
        if each.HasField("runtime_fraction"):
            percent = percentage(each.runtime_fraction.default_value)
            share = f" of {percent:g} %" if percent < 100 else ""
        place = table.place(f"{path}.route.request_mirror_policies[{i}]")
        yield f"{each.cluster or each.cluster_header}{share}", place

"""A route table, compiled once and asked often: which route does this request take?

Routes are looked at in their order, and the first that matches is taken. One that only chance can
decide is looked at and passed: what follows it is possible, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from debugger.routing.actions import Act, action
from debugger.routing.arriving.arrival import Arrival, StreamInfo
from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.conditions import fields, stream
from debugger.routing.conditions.path import path_condition
from debugger.routing.conditions.wanted import Wanted
from debugger.routing.decision import Action, Decision, HostChoice, NoRoute, RouteLook, Unread
from debugger.routing.domains import Domains
from debugger.routing.redirects import tls_redirect
from mesh_traffic import Request
from xds_server.mirror import parse
from xds_server.protos import route as route_messages

_NONE, _EXTERNAL_ONLY = 0, 1  # of VirtualHost.TlsRequirementType


@dataclass(frozen=True, slots=True)
class Route:
    """One route, compiled. ``conditions`` are in the order in which Envoy looks at them."""

    index: int
    name: str
    path: str
    conditions: tuple[Wanted, ...]
    act: Act

    def fails(self, arrival: Arrival) -> bool:
        """Whether it surely does not match; no words are made."""
        return any(each.test(arrival) is False for each in self.conditions)

    def look(self, arrival: Arrival) -> RouteLook:
        seen = tuple([each.look(arrival) for each in self.conditions])
        holds: bool | None = True
        for condition in seen:
            if condition.holds is False:
                return RouteLook(self.index, self.name, self.path, seen, False)
            if condition.holds is None:
                holds = None
        return RouteLook(self.index, self.name, self.path, seen, holds, self.act(arrival))


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """One virtual host, compiled."""

    name: str
    path: str
    domains: tuple[str, ...]
    require_tls: int
    has_matcher: bool
    routes: tuple[Route, ...]


class RouteTable:
    """A ``RouteConfiguration``; :meth:`decide` is what Envoy would do."""

    def __init__(self, config: Any) -> None:
        """From the protobuf message, as ``xds_server.mirror.parse`` gives it."""
        self.name: str = config.name
        self._domains = Domains(config)
        ignore = config.ignore_path_parameters_in_path_matching
        self.hosts = tuple(
            _host(host, f"virtual_hosts[{i}]", ignore)
            for i, host in enumerate(config.virtual_hosts)
        )
        self.unread: tuple[str, ...] = ()
        if config.HasField("vhds"):
            self.unread = ("virtual hosts that come by VHDS are not in this table",)

    @classmethod
    def of(cls, body: bytes) -> RouteTable:
        """From the bytes of the message. Raises ``WireError`` where they are none."""
        return cls(parse(route_messages.RouteConfiguration, body))

    def decide(
        self,
        request: Request,
        manager: ConnectionManager | None = None,
        stream: StreamInfo | None = None,
        brief: bool = False,
    ) -> Decision:
        """What becomes of ``request``. With a ``manager`` it is as a client sent it; without, as
        the routes see it: so are captured requests, which Envoy has normalised by then.
        ``brief``: routes that do not match are left out, and no words are made of them.
        """
        if manager is None:
            return self.route(Arrival(request, stream), brief=brief)
        arrived = manager.receive(request, stream)
        if not isinstance(arrived, Arrival):
            why = "Envoy answers before it looks for a route"
            return Decision(request, request.authority, None, why, (), arrived, manager.unread)
        return self.route(arrived, manager.unread, brief)

    def route(
        self, arrival: Arrival, unread: tuple[str, ...] = (), brief: bool = False
    ) -> Decision:
        """What becomes of a request that has come as far as the route table."""
        choice, authority, why = self._domains.find(arrival)
        looked: tuple[RouteLook, ...] = ()
        done: Action | None
        if choice is None:
            done = NoRoute(why)
        else:
            looked, done = self._look(choice, arrival, brief)
        unread = (*unread, *self.unread)
        return Decision(arrival.request, authority, choice, why, looked, done, unread)

    def _look(
        self, choice: HostChoice, arrival: Arrival, brief: bool
    ) -> tuple[tuple[RouteLook, ...], Action | None]:
        host = self.hosts[choice.index]
        if not arrival.forwarded_proto:
            return (), NoRoute("x-forwarded-proto is empty, and then Envoy takes no route")
        if _wants_tls(host, arrival):
            return (), tls_redirect(arrival, f"{host.path}.require_tls")
        if host.has_matcher:
            why = f"virtual host {host.name!r} decides by a matcher tree, which is not read here"
            return (), Unread(why, f"{host.path}.matcher")
        return _first(host, arrival, brief)


def _first(
    host: VirtualHost, arrival: Arrival, brief: bool
) -> tuple[tuple[RouteLook, ...], Action | None]:
    """The routes up to the first that surely matches, and what is done, unless that is in doubt."""
    looked, doubt = [], False
    for route in host.routes:
        if brief and route.fails(arrival):
            continue
        look = route.look(arrival)
        looked.append(look)
        if look.holds:
            return tuple(looked), None if doubt else look.action
        doubt = doubt or look.holds is None
    if doubt:
        return tuple(looked), None
    none = f"none of the {len(host.routes)} routes of virtual host {host.name!r} matches"
    return tuple(looked), NoRoute(none, path=host.path)


def _wants_tls(host: VirtualHost, arrival: Arrival) -> bool:
    if host.require_tls == _NONE or arrival.forwarded_proto == "https":
        return False
    inside = list(arrival.values("x-envoy-internal")) == ["true"]
    return host.require_tls != _EXTERNAL_ONLY or not inside


def _host(host: Any, at: str, ignore_parameters: bool) -> VirtualHost:
    return VirtualHost(
        name=host.name,
        path=at,
        domains=tuple(host.domains),
        require_tls=host.require_tls,
        has_matcher=host.HasField("matcher"),
        routes=tuple(
            _route(i, route, f"{at}.routes[{i}]", ignore_parameters)
            for i, route in enumerate(host.routes)
        ),
    )


def _route(index: int, route: Any, at: str, ignore_parameters: bool) -> Route:
    conditions = tuple(_conditions(route.match, f"{at}.match", ignore_parameters))
    return Route(index, route.name, at, conditions, action(route, at))


def _conditions(match: Any, at: str, ignore_parameters: bool) -> list[Wanted]:
    found = [path_condition(match, at, ignore_parameters)]
    if match.HasField("runtime_fraction"):
        found.append(stream.fraction_condition(match.runtime_fraction, f"{at}.runtime_fraction"))
    if match.HasField("grpc"):
        found.append(stream.grpc_condition(f"{at}.grpc"))
    if match.HasField("tls_context"):
        found += stream.tls_conditions(match.tls_context, f"{at}.tls_context")
    for name, make in _REPEATED.items():
        found += [make(each, f"{at}.{name}[{i}]") for i, each in enumerate(getattr(match, name))]
    return found


_REPEATED = {
    "headers": fields.header_condition,
    "query_parameters": fields.query_condition,
    "cookies": fields.cookie_condition,
    "dynamic_metadata": stream.metadata_condition,
    "filter_state": stream.filter_state_condition,
}

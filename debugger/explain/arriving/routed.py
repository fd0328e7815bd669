"""The route of a request, as ``debugger.routing`` decides it, with what a capture leaves unsure."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from debugger.explain.arriving.asked import Asked, Unsure
from debugger.explain.served import Piece, Served
from debugger.routing.arriving.arrival import Arrival, StreamInfo
from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.decision import Action, Condition, Decision, NoRoute, RouteLook
from debugger.routing.table import RouteTable
from mesh_traffic import Request, replace

ORIGINAL_HOST = "x-envoy-original-host"
_HEADER = re.compile(r"\.headers\[(\d+)\]$")
_COOKIE = re.compile(r"\.cookies\[\d+\]$")
_AFTER = "the route changes it, and the capture shows it as it left"


def decide(
    served: Served, config: Piece, asked: Asked, manager: Any, stream: StreamInfo
) -> tuple[Decision, Asked]:
    """The decision, and the request with what is unsure about it, as filters see it."""
    table: RouteTable = served.remember(f"table {config.name}", lambda: RouteTable(config.message))
    if not asked.arrived:
        made = ConnectionManager.of(manager, asked.connection.port)
        found = table.decide(asked.request, made, stream)
        return found, asked
    return _as_captured(served, table, config.message, asked, stream)


def _as_captured(
    served: Served, table: RouteTable, config: Any, asked: Asked, stream: StreamInfo
) -> tuple[Decision, Asked]:
    """As it came: a host that the route of this very node has rewritten is put back."""
    before = asked.request.headers.get(ORIGINAL_HOST)
    if before is not None:
        request = replace(asked.request, authority=before)
        found, seen = _softly(served, table, config, asked, request, stream)
        if any(_rewrites(each, config, asked.request.authority) for each in _taken(found)):
            return found, seen
    return _softly(served, table, config, asked, asked.request, stream)


def _softly(
    served: Served,
    table: RouteTable,
    config: Any,
    asked: Asked,
    request: Request,
    stream: StreamInfo,
) -> tuple[Decision, Asked]:
    found = table.decide(request, stream=stream)
    unsure = asked.unsure
    if found.host is not None:
        host = config.virtual_hosts[found.host.index]
        key = f"changed {table.name} {host.name}"
        changed = served.remember(key, lambda: _changed(config, host))
        unsure = unsure.also(changed, _AFTER)
    if unsure and found.host is not None and found.looked:
        found = _soft(table, config, found, unsure, stream)
    return found, dataclasses.replace(asked, request=request, unsure=unsure)


def _taken(found: Decision) -> tuple[RouteLook, ...]:
    return tuple(look for look in found.looked if look.holds is not False)


def _rewrites(look: RouteLook, config: Any, authority: str) -> bool:
    """Whether the route makes this the request's authority."""
    return _makes(route_of(config, look.path).route, authority)


def _makes(action: Any, authority: str) -> bool:
    kind = action.WhichOneof("host_rewrite_specifier")
    if kind == "host_rewrite_literal":
        return bool(action.host_rewrite_literal == authority)
    return kind is not None


def hosts_before(config: Any, authority: str) -> tuple[str, ...]:
    """The hosts, one for each virtual host, for which a route may have made it ``authority``."""
    return tuple(
        next((each for each in host.domains if "*" not in each), host.domains[0])
        for host in config.virtual_hosts
        if any(_makes(each.route, authority) for each in host.routes)
    )


def route_of(config: Any, path: str) -> Any:
    """The route at a field path: ``virtual_hosts[0].routes[2]``."""
    host, route = (int(number) for number in re.findall(r"\[(\d+)\]", path)[:2])
    return config.virtual_hosts[host].routes[route]


def _changed(config: Any, host: Any) -> set[str]:
    """The headers that the table, the virtual host or one of its routes changes in a request."""
    found: set[str] = set()
    splits = [each for it in host.routes for each in it.route.weighted_clusters.clusters]
    for level in (config, host, *host.routes, *splits):
        found.update(each.header.key.lower() for each in level.request_headers_to_add)
        found.update(each.lower() for each in level.request_headers_to_remove)
    return found


def _soft(
    table: RouteTable, config: Any, found: Decision, unsure: Unsure, stream: StreamInfo
) -> Decision:
    """The same with nothing decided by what is unsure, so routes behind may be possible, too."""
    assert found.host is not None
    arrival = Arrival(found.request, stream)
    looked: list[RouteLook] = []
    for route in table.hosts[found.host.index].routes:
        look = _softened(route.look(arrival), config, unsure)
        if look.holds is None and look.action is None:
            look = _acting(look, route.act(arrival))
        looked.append(look)
        if look.holds:
            break
    sure = looked and looked[-1].holds
    doubt = any(each.holds is None for each in looked)
    action: Action | None = None
    if not doubt:
        none = f"none of the {len(looked)} routes of virtual host {found.host.name!r} matches"
        action = looked[-1].action if sure else NoRoute(none, path=found.host.path)
    return Decision(
        found.request,
        found.authority,
        found.host,
        found.host_why,
        tuple(looked),
        action,
        found.unread,
    )


def _acting(look: RouteLook, action: Action) -> RouteLook:
    return RouteLook(look.index, look.name, look.path, look.conditions, look.holds, action)


def _softened(look: RouteLook, config: Any, unsure: Unsure) -> RouteLook:
    conditions = tuple(_maybe(each, config, unsure) for each in look.conditions)
    if conditions == look.conditions:
        return look
    holds: bool | None = True
    if any(each.holds is False for each in conditions):
        holds = False
    elif any(each.holds is None for each in conditions):
        holds = None
    return RouteLook(look.index, look.name, look.path, conditions, holds, look.action)


def _maybe(condition: Condition, config: Any, unsure: Unsure) -> Condition:
    """The condition, undecided where it asks for what is unsure."""
    why = unsure.of(_asks(condition, config)) if condition.holds is not None else ""
    return Condition(condition.text, None, why, condition.path) if why else condition


def _asks(condition: Condition, config: Any) -> str:
    """The header that a condition asks for; one that is always known where it asks for none."""
    if found := _HEADER.search(condition.path):
        match = route_of(config, condition.path).match
        return str(match.headers[int(found[1])].name)
    if _COOKIE.search(condition.path):
        return "cookie"
    return "content-type" if condition.path.endswith(".match.grpc") else ":method"

"""Small route tables and requests for tests that need one of a kind."""

from __future__ import annotations

from typing import Any

from debugger.routing.arriving.arrival import Arrival, StreamInfo
from debugger.routing.decision import Condition, Decision
from debugger.routing.table import RouteTable
from mesh_traffic import Headers, Request
from xds_server.mirror import serialize
from xds_server.protos import matcher, route


def request(path: str = "/", host: str = "a", method: str = "GET", **headers: str) -> Request:
    """Underscores in the names of headers stand for dashes."""
    fields = ((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method, path, host, headers=Headers(tuple(fields)))


def exact(value: str, **more: Any) -> matcher.StringMatcher:
    return matcher.StringMatcher(exact=value, **more)


def answers(status: int = 200, **match: Any) -> route.Route:
    """A route that answers itself; it takes all paths unless ``match`` says otherwise."""
    given = {"prefix": "/", **match} if not _has_path(match) else match
    done = route.DirectResponseAction(status=status)
    return route.Route(match=route.RouteMatch(**given), direct_response=done)


def _has_path(match: dict[str, Any]) -> bool:
    names = {"path", "safe_regex", "path_separated_prefix", "path_match_policy", "connect_matcher"}
    return not names.isdisjoint(match)


def sends(**action: Any) -> route.Route:
    """A route that sends everything somewhere."""
    return route.Route(match=route.RouteMatch(prefix="/"), route=route.RouteAction(**action))


def table(*routes: route.Route, domains: tuple[str, ...] = ("*",), **more: Any) -> RouteTable:
    host = route.VirtualHost(name="it", domains=list(domains), routes=list(routes))
    return RouteTable.of(serialize(route.RouteConfiguration(virtual_hosts=[host], **more)))


def decide(routes: RouteTable, asked: Request, **stream: Any) -> Decision:
    return routes.route(Arrival(asked, StreamInfo(**stream)))


def only(decision: Decision) -> Condition:
    """The condition after that on the path, of the only route that was looked at."""
    (look,) = decision.looked
    (condition,) = look.conditions[1:]
    return condition

"""The HTTP filters of a connection manager in order, each with what the route says of it.

A route, its virtual host and the table may each have a config for a filter, and the nearest one
counts; one that is there switches on a filter that is off, and ``disabled`` switches it off.
https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/http/http_filters#route-based-filter-chain
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as changed

from debugger.explain.filters import access, fault
from debugger.explain.filters.verdict import Passing, Verdict
from debugger.explain.served import Piece, Served, opened, title
from xds_server.resource import ResourceType

FILTER_CONFIG = "FilterConfig"


@dataclass(frozen=True, slots=True)
class Filter:
    """One of the chain, as it is for a route. ``config`` is its own, ``own`` the route's, each a
    message or ``None``; ``kind`` the type of ``config``. ``unread`` is why nothing of it is known.
    """

    name: str
    kind: str
    config: Any
    own: Any = None
    path: str = ""
    place: str = ""
    disabled: bool = False
    unread: str = ""


Levels = tuple[tuple[Any, str], ...]  # messages with a typed_per_filter_config, nearest first


def filters(
    served: Served, listener: Piece, manager: Any, path: str, table: Piece | None, levels: Levels
) -> Iterator[Filter]:
    """All of them in order. ``levels`` are of the route table ``table``, with their field paths."""
    for i, each in enumerate(manager.http_filters):
        at = f"{path}.http_filters[{i}]"
        place = listener.origins.get(at, "")
        yield _overridden(_configured(served, each, at, place), each.disabled, table, levels)


def _configured(served: Served, each: Any, at: str, place: str) -> Filter:
    packed = each.typed_config
    if each.WhichOneof("config_type") == "config_discovery":
        piece = served.get(ResourceType.EXTENSION_CONFIG, each.name)
        if piece is None:
            return Filter(each.name, "", None, None, at, place, unread="its config was not served")
        packed, place = piece.message.typed_config, place or piece.place()
    config = opened(packed)
    unread = "" if config is not None else f"{title(packed) or 'its config'} is not read here"
    return Filter(each.name, title(packed), config, None, at, place, unread=unread)


def _overridden(it: Filter, disabled: bool, table: Piece | None, levels: Levels) -> Filter:
    for level, at in levels:
        packed = (
            level.typed_per_filter_config.get(it.name)
            if it.name in level.typed_per_filter_config
            else None
        )
        if packed is None:
            continue
        place = it.place or (table.place(at) if table else "")
        own, off = _own(packed)
        return Filter(it.name, it.kind, it.config, own, it.path, place, off, it.unread)
    return Filter(it.name, it.kind, it.config, None, it.path, it.place, disabled, it.unread)


def _own(packed: Any) -> tuple[Any, bool]:
    """A route's config for a filter, and whether it switches it off."""
    if title(packed) != FILTER_CONFIG:
        return opened(packed), False
    wrapped = opened(packed)
    if wrapped is None:
        return None, False
    inner = wrapped.config if wrapped.HasField("config") and wrapped.config.type_url else None
    return (opened(inner) if inner is not None else None), wrapped.disabled


Judge = Callable[[Filter, Passing, tuple[str, ...]], Verdict]


def verdicts(
    chain: Iterator[Filter], passing: Passing, clusters: tuple[str, ...]
) -> tuple[Verdict, ...]:
    """What each makes of it, up to and with the first that surely stops it."""
    found = []
    for each in chain:
        judged = _judge(each, passing, clusters)
        made = changed(judged, name=each.name, kind=each.kind, path=each.path, place=each.place)
        found.append(made)
        if made.stops:
            break
    return tuple(found)


def _judge(it: Filter, passing: Passing, clusters: tuple[str, ...]) -> Verdict:
    if it.disabled:
        return Verdict("", "", True, "it is off for this route")
    judge = JUDGES.get(it.kind)
    if judge is not None:
        return judge(it, passing, clusters)
    why = it.unread or f"{it.kind} is not read here"
    return Verdict("", "", None, why, changes=True, free=True)


def _passing(why: str) -> Judge:
    return lambda it, passing, clusters: Verdict("", "", True, why, quiet=True)


def _deciding(why: str, *details: str, status: int | None = None) -> Judge:
    """A filter that may answer, by what no configuration tells."""
    found = Verdict("", "", None, why, details=details, status=status)
    return lambda it, passing, clusters: found


def _code(why: str, *details: str) -> Judge:
    """A filter that may do whatever its code does."""
    found = Verdict("", "", None, why, details=details, changes=True, free=True)
    return lambda it, passing, clusters: found


def _fault(it: Filter, passing: Passing, clusters: tuple[str, ...]) -> Verdict:
    return fault.judge(it.own if it.own is not None else it.config, passing, clusters)


def _rbac(it: Filter, passing: Passing, clusters: tuple[str, ...]) -> Verdict:
    if it.own is None:
        return access.judge(it.config, passing)
    if not it.own.HasField("rbac"):
        return Verdict("", "", True, "the route switches it off")
    return access.judge(it.own.rbac, passing)


def _processor(it: Filter, passing: Passing, clusters: tuple[str, ...]) -> Verdict:
    if it.config.observability_mode:
        return Verdict("", "", True, "another process only looks", quiet=True)
    return _code("another process decides", "ext_proc")(it, passing, clusters)


def _matched(it: Filter, passing: Passing, clusters: tuple[str, ...]) -> Verdict:
    """A filter behind a matcher (``ExtensionWithMatcher``): what its rows say is not read here."""
    matcher, packed = it.config.xds_matcher, it.config.extension_config.typed_config
    if not matcher.WhichOneof("matcher_type") and matcher.HasField("on_no_match"):
        return Verdict("", "", True, "its matcher skips it", quiet=True)
    if title(packed) == "ExternalProcessor" and (inner := opened(packed)) is not None:
        return _processor(replace(it, config=inner), passing, clusters)
    return _code("a row of its matcher may hold it", "ext_proc")(it, passing, clusters)


JUDGES: Mapping[str, Judge] = {
    "Router": _passing("sends it on"),
    "Tap": _passing("only looks"),
    "OnDemand": _passing("asks for what is missing"),
    "GrpcStats": _passing("only counts"),
    "HTTPFault": _fault,
    "HttpFault": _fault,
    "RBAC": _rbac,
    "Rbac": _rbac,
    "ExtensionWithMatcher": _matched,
    "Wasm": _code("what its code does is not in the config"),
    "Lua": _code("what its code does is not in the config", "lua_response"),
    "DynamicModuleFilter": _code("what its code does is not in the config"),
    "ExternalProcessor": _processor,
    "ExtAuthz": _deciding("another service decides", "ext_authz_denied", "ext_authz_error"),
    "JwtAuthentication": _deciding("a token decides", "jwt_authn_access_denied", status=401),
    "LocalRateLimit": _deciding("how many came before decides", "local_rate_limited"),
    "RateLimit": _deciding("a rate limit service decides", "request_rate_limited"),
    "Buffer": _deciding("the size of the body decides", "request_payload_too_large", status=413),
    "Cors": _deciding("a preflight request is answered"),
    "HealthCheck": _deciding("a health check is answered", "health_check"),
}

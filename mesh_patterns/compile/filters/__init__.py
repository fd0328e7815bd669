"""HTTP filters: what a request passes inside an Envoy, in one fixed order.

::

    tap → bandwidth_limit → compression → gate → fault → cors → jwt → ext_authz_scope →
    ext_authz → authorization → local_rate_limit → rate_limit → admission_control →
    adaptive_concurrency → session → transcoding → lua → ext_proc → wasm → envoy_filter → router

The tap is first, so it sees what came in and what went out, also when a
later filter answers by itself. At the gate a request can be held before anything has happened to
it. Bytes are counted as they go over the wire. Who may not come in is turned away before anybody
counts or changes the request, what costs nothing before what is asked for elsewhere, and the
filters that somebody wrote himself see only what is let through.

Each kind of filter that patterns put in has a module here, of its name: :class:`FilterModule` is
what it holds. A filter that stands on some edges of a listener only is disabled there, and enabled
by the routes of those edges.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from mesh_patterns.compile.entry import Entry
from mesh_patterns.compile.filters import capture
from mesh_patterns.compile.values import ads
from mesh_patterns.draft import Draft, Filter
from mesh_patterns.model import Instance
from mesh_patterns.placement import Placement
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import Place
from xds_server import protos
from xds_server.mirror import any_of, type_url_of
from xds_server.protos import core, hcm, protobuf, route, router
from xds_server.resource import Resource

GATE = "gate"
ORDER = (
    "bandwidth_limit",
    "compression",
    GATE,
    "fault",
    "cors",
    "jwt",
    "ext_authz_scope",
    "ext_authz",
    "authorization",
    "local_rate_limit",
    "rate_limit",
    "admission_control",
    "adaptive_concurrency",
    "session",
    "transcoding",
    "lua",
    "ext_proc",
    "wasm",
    "envoy_filter",
)
ROUTER = "envoy.filters.http.router"

# Filters that rules have of their own, by kind: such a one does nothing until a route tells it what
# to do. Its module has ``idle() -> Message`` and ``of_rule(meaning) -> Message``.
OF_RULES: Mapping[str, str] = {
    "fault": "envoy.filters.http.fault",
    "cors": "envoy.filters.http.cors",
}

Chain = list[tuple[hcm.HttpFilter, Place | None]]  # each with the line that asked for it


class FilterModule(Protocol):
    """What the module of a kind of filter holds.

    It may also have ``on_route(meaning) -> Message``: what a route says to this filter, where the
    filter's own configuration is not all of it.
    """

    @staticmethod
    def message(meaning: Any, /) -> protos.Message:
        """The filter's own configuration."""


@functools.cache
def module(kind: str) -> FilterModule:
    """The module of a kind; it is imported when the first mesh needs it, with what it needs."""
    return cast(FilterModule, import_module(f"{__name__}.{kind}"))


def at_workload(draft: Draft, instance: Instance) -> tuple[Filter, ...]:
    """The filters that patterns put in front of an instance."""
    return tuple(
        each
        for each in draft.filters_before(instance.service)
        if each.inbound and each.inbound.has(instance)
    )


def http_filters(entry: Entry, placement: Placement) -> Chain:
    """The whole chain."""
    chain: Chain = [(capture.http_filter(placement.processed), None)]
    found = (each for each in entry.filters if each.layer == "http")
    rest = sorted(found, key=lambda each: ORDER.index(each.kind))
    outer = [each for each in rest if ORDER.index(each.kind) < ORDER.index(GATE)]
    chain += [_made(each, entry) for each in outer]
    if placement.gated:
        from mesh_patterns.compile import gate  # with packages that few meshes need

        chain.append((gate.http_filter(), None))
    own = {name for host in entry.hosts for row in host.rows for name in row.rule.settings}
    chain += [(_idle(kind), None) for kind in OF_RULES if kind in own]
    chain += [_made(each, entry) for each in rest[len(outer) :]]
    chain.append((_router(), None))
    return chain


def _made(each: Filter, entry: Entry) -> tuple[hcm.HttpFilter, Place]:
    disabled, message = entry.instance is None, config(each)
    if not each.ecds:
        return _filter(each.name, message, disabled=disabled), each.place
    source = core.ExtensionConfigSource(config_source=ads(), type_urls=[type_url_of(type(message))])
    return (
        hcm.HttpFilter(name=each.name, config_discovery=source, disabled=disabled),
        each.place,
    )


def extensions(found: Iterable[Entry]) -> Iterator[Resource]:
    """The configs of the entries' filters that come apart from their listeners, each once."""
    apart = {each.name: each for entry in found for each in entry.filters if each.ecds}
    for each in apart.values():
        told = core.TypedExtensionConfig(name=each.name, typed_config=any_of(config(each)))
        yield Resource.of(told, origins={"": str(each.place)})


def config(each: Filter) -> protos.Message:
    """A filter's own configuration."""
    return module(each.kind).message(each.config)


def on_edge(each: Filter) -> protobuf.Any:
    """What a route says to switch a disabled filter on, or what the route itself wants of it."""
    return _on_route(each) or any_of(route.FilterConfig(config=protobuf.Any()))


def of_rule(kind: str, meaning: Any) -> protobuf.Any:
    """What a route says to the filter of a kind of ``OF_RULES``."""
    return any_of(cast(Any, module(kind)).of_rule(meaning))


def _idle(kind: str) -> hcm.HttpFilter:
    return _filter(OF_RULES[kind], cast(Any, module(kind)).idle())


def at_instance(entry: Entry) -> Mapping[str, protobuf.Any]:
    """What the one route to a workload says to its filters, by their names."""
    found = (each for each in entry.filters if each.layer == "http")
    said = ((each.name, _on_route(each)) for each in found)
    return {name: found for name, found in said if found is not None}


def exceptions(entry: Entry) -> Mapping[StringMatch, Mapping[str, protobuf.Any]]:
    """What routes to a workload say of their own, by their paths: the filters that are off there.

    Where paths of two filters overlap, the first route decides, and the other filter stays on.
    """
    found: dict[StringMatch, dict[str, protobuf.Any]] = {}
    for each in entry.filters:
        for path in getattr(each.config, "unless", ()):
            off = cast(Any, module(each.kind)).off()
            found.setdefault(path, {})[each.name] = any_of(off)
    return found


def _on_route(each: Filter) -> protobuf.Any | None:
    say = getattr(module(each.kind), "on_route", None)
    return None if say is None else any_of(say(each.config))


@functools.cache
def _router() -> hcm.HttpFilter:
    return _filter(ROUTER, router.Router())


def _filter(name: str, message: protos.Message, *, disabled: bool = False) -> hcm.HttpFilter:
    packed = message if isinstance(message, protobuf.Any) else any_of(message)
    return hcm.HttpFilter(name=name, typed_config=packed, disabled=disabled)

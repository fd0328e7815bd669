"""MeshGateway, and what is routed there: MeshGatewayRoutes, and MeshHTTPRoutes that have it as
their target.

There is one ingress here, on a free port and in plain text.
https://kuma.io/docs/latest/using-mesh/managing-ingress-traffic/gateway-listeners/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.hostnames import ANY, overlap
from mesh_patterns.importers.kuma import gateway_rules, routes
from mesh_patterns.importers.kuma.merging import items, policies
from mesh_patterns.importers.kuma.routes import Row
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.importers.objects import texts
from mesh_patterns.importers.tables import Table, carried
from mesh_yaml.node import Node

_LISTENER = ("hostname", "port", "protocol", "tls", "tags")


@dataclass(frozen=True, slots=True)
class Listener:
    """A name under which a gateway listens, and the tags by which routes find it."""

    gateway: str
    hostname: str
    tags: Mapping[str, str]
    node: Node
    source: Source


def listeners(sources: Sequence[Source]) -> list[Listener]:
    """Those of all gateways; each is one of the services of proxies that its selectors name."""
    found: list[Listener] = []
    for source in sources:
        found += source.notes.collected(_listeners(source))
    return found


def _listeners(source: Source) -> Iterator[Listener]:
    spec = source.object.spec
    source.notes.leftovers(spec, ("selectors", "tags", "conf"), source.owner)
    own = texts(spec.get("tags"))
    for selector in source.list("selectors"):
        match = texts(selector.get("match"))
        own = {**match, **own}
        if match.get("kuma.io/service"):
            source.world.gateways.setdefault(match["kuma.io/service"], {}).update(own)
    conf = spec.get("conf") or Node(None, source.object.place)
    for node in elements(conf, "listeners"):
        source.notes.leftovers(node, _LISTENER, source.owner, "listeners.")
        protocol = text(node, "protocol", "HTTP").upper()
        if protocol not in ("HTTP", "HTTPS"):
            source.skip(f"a listener that speaks {protocol}", node)
            continue
        if protocol == "HTTPS" or node.get("tls") is not None:
            source.approximate("listeners.tls: served in plain text", node.find("tls"))
        hostname = text(node, "hostname", ANY).lower() or ANY
        tags = {**own, **texts(node.get("tags"))}
        yield Listener(source.object.name, hostname, tags, node, source)


def patterns(
    found: Sequence[Listener], old: Sequence[Source], new: Sequence[Source], world: World
) -> list[Node]:
    """What gateways do with requests, by host; services that they lead to are at the ingress."""
    rows: dict[tuple[str, ...], tuple[list[Row], Source]] = {}
    for source in old:
        for names, made in world.notes.collected(_of_old(source, found)):
            rows.setdefault(names, ([], source))[0].extend(made)
    for names, made, source in world.notes.collected(_of_new(new, found)):
        rows.setdefault(names, ([], source))[0].extend(made)
    tables = [_table(names, made, source) for names, (made, source) in rows.items()]
    return world.notes.collected(carried(tables, world.catalog, world.notes))


def _table(names: tuple[str, ...], rows: Iterable[Row], source: Source) -> Table:
    ordered = sorted(rows, key=lambda row: [-number for number in row.rank])
    place = Node(None, source.object.place)
    return Table(names, tuple(row.node for row in ordered), place, source.owner)


Attached = tuple[tuple[str, ...], list[Row]]


def _of_old(source: Source, found: Sequence[Listener]) -> Iterator[Attached]:
    """A MeshGatewayRoute, at the listeners whose tags its selectors name."""
    spec = source.object.spec
    source.notes.leftovers(spec, ("selectors", "conf"), source.owner)
    wanted = [texts(each.get("match")) for each in source.list("selectors")]
    here = [each for each in found if any(_selects(match, each.tags) for match in wanted)]
    conf = needed(spec, "conf", source.owner)
    if conf.get("tcp") is not None:
        source.skip("conf.tcp of a MeshGatewayRoute", conf.find("tcp"))
    http = conf.get("http")
    if http is None:
        return
    source.notes.leftovers(http, ("hostnames", "rules"), source.owner, "conf.http.")
    hosts = [each.text().lower() for each in elements(http, "hostnames")] or [ANY]
    names = _names(hosts, here, source)
    if names:
        yield names, gateway_rules.rows(http, source)


def _selects(match: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    return all(value in ("*", tags.get(name)) for name, value in match.items())


def _names(hosts: Sequence[str], here: Sequence[Listener], source: Source) -> tuple[str, ...]:
    """The names that a route and the listeners have in common; without any gateway its own."""
    if not here:
        message = f"no MeshGateway in the given files takes {source.owner}: taken for one of any"
        source.notes.warn(source.object.place, f"{message} host")
        return tuple(hosts)
    common = dict.fromkeys(
        name for host in hosts for name in overlap(host, [each.hostname for each in here])
    )
    if not common:
        message = f"none of its hostnames is a listener's: nothing reaches {source.owner} there"
        source.notes.warn(source.object.place, message)
    return tuple(common)


def _of_new(sources: Sequence[Source], found: Sequence[Listener]) -> Iterator[Any]:
    """MeshHTTPRoutes at gateways: those to Mesh, by their hostnames."""
    mine = [s for s in sources if is_at_gateway(s)]
    for item in items(policies(mine, ("to",)), ("rules", "hostnames")):
        source, ref = item.policy.source, item.policy.ref
        name = text(ref, "name") if ref is not None else ""
        tags = texts(ref.get("tags")) if ref is not None else {}
        here = [e for e in found if e.gateway == name and tags.items() <= e.tags.items()]
        hosts = [each.text().lower() for each in elements(item.node, "hostnames")] or [ANY]
        names = _names(hosts, here, source)
        if names:
            yield names, routes.rows_of([item], None), source


def is_at_gateway(source: Source) -> bool:
    """Whether a route is for requests that come to a gateway."""
    ref = source.object.spec.get("targetRef")
    return ref is not None and text(ref, "kind") == "MeshGateway"

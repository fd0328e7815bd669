"""VirtualNodes and VirtualServices: which services there are, and which versions of them.

A virtual node is what its pods are, or what its host name leads to, where files have that. Else it
is a version of the virtual service that leads to it, or a service of its own.
https://docs.aws.amazon.com/app-mesh/latest/userguide/virtual_nodes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.importers import selection
from mesh_patterns.importers.app_mesh.world import Source, World, aws_name, referred
from mesh_patterns.importers.catalog import DOMAIN, Entry, Variant
from mesh_patterns.importers.fields import elements, needed, text, whole_number
from mesh_patterns.importers.outside import Outside, Port
from mesh_yaml.node import Node

PROTOCOLS = {"http": "http", "http2": "http", "grpc": "grpc", "tcp": "tcp"}
_INSIDE = (".local", ".internal", ".svc", ".localhost")


def listener(node: Source) -> Node:
    """The one that counts; there is one port to a service here."""
    found = node.list("listeners")
    if len(found) > 1:
        node.skip("a second listener", found[1])
    return found[0] if found else Node(None, node.object.place)


def targets(node: Source) -> tuple[str, ...]:
    """What ``to:`` says of a virtual node."""
    found = _by_pods(node) or _by_host(node)
    if found:
        return found
    for entry in node.world.entries(node):
        variants = [v for v in entry.variants.values() if node.object.name in v.workloads]
        return tuple(entry.target(each) for each in variants) or (entry.name,)
    return ()


def _by_pods(node: Source) -> tuple[str, ...]:
    given = node.object.spec.get("podSelector")
    if given is None or not given.value:
        return ()
    wanted = selection.selector(given)

    def holds(variant: Variant) -> bool:
        return any(wanted(labels) for labels in variant.labels)

    return tuple(selection.with_holds(node.world.catalog, node.object.namespace, holds))


def hostname(node: Source) -> Node | None:
    """Where its hosts are found, by DNS."""
    return node.object.spec.find("serviceDiscovery", "dns").get("hostname")


def _by_host(node: Source) -> tuple[str, ...]:
    host = hostname(node)
    if host is None:
        return ()
    catalog, namespace = node.world.catalog, node.object.namespace
    part = catalog.part(host.text(), namespace)
    if part is not None:
        return part.targets()
    entry = catalog.lookup(host.text(), namespace)
    known = entry is not None and (entry.members or entry.own)
    return (entry.name,) if entry is not None and known else ()


def place(world: World) -> None:
    """Give each virtual node and each virtual service its service."""
    for node in world.of("VirtualNode"):
        for target in world.notes.guard(targets, node) or ():
            _belongs(node, world.catalog.entries[target.partition("/")[0]])
    for service in world.of("VirtualService"):
        world.notes.guard(_service, service)
    for node in world.of("VirtualNode"):
        if not world.entries(node):
            world.notes.guard(_alone, node)


def _belongs(source: Source, entry: Entry) -> None:
    found = source.world.catalog.of.setdefault(source.object.ref, [])
    if entry not in found:
        found.append(entry)


def _service(service: Source) -> None:
    world, own = service.world, service.object
    behind = providers(service)
    free = [node for node in behind if not world.entries(node)]
    entry = _entry(service, behind, free)
    _belongs(service, entry)
    for node in free:
        name = node.object.name
        plain = name.removeprefix(f"{entry.name}-") if len(behind) > 1 else ""
        _version(node, entry, plain)
    if not behind:
        service.notes.warn(own.place, f"{service.owner} leads nowhere: it answers 404")


def _entry(service: Source, behind: Sequence[Source], free: Sequence[Source]) -> Entry:
    """The service of that name; else the one that all its nodes are of, else a new one."""
    world, own = service.world, service.object
    catalog, name = world.catalog, aws_name(service.object)
    found = catalog.lookup(name, own.namespace)
    if found is not None:
        return found
    known = {e.name: e for node in behind for e in world.entries(node)}
    short, _, rest = name.partition(".")
    if len(known) == 1 and not free:
        entry = next(iter(known.values()))
        if not entry.own and name not in entry.hosts:
            catalog.alias(entry, short, own.namespace)
            entry.hosts.extend([name] if name not in entry.hosts and rest else [])
        return entry
    inside = rest.endswith((".svc", f".{DOMAIN}", DOMAIN))
    namespace = rest.partition(".")[0] if inside else own.namespace
    entry = catalog.add(short, namespace, own.place)
    if rest and name not in entry.hosts:
        entry.hosts.append(name)
    return entry


def providers(service: Source) -> list[Source]:
    """The virtual nodes that a virtual service leads to."""
    provider = service.object.spec.get("provider") or Node(None, service.object.place)
    node, router = provider.get("virtualNode"), provider.get("virtualRouter")
    if node is not None:
        found = referred(node, "VirtualNode", service)
        return [found] if found is not None else []
    if router is None:
        return []
    through = referred(router, "VirtualRouter", service)
    nodes = (each for route in routes(through) for each in _weighted(route)) if through else ()
    return list({id(each): each for each in nodes}.values())


def router(service: Source) -> Source | None:
    """The virtual router that a virtual service has."""
    node = service.object.spec.find("provider").get("virtualRouter")
    return referred(node, "VirtualRouter", service) if node is not None else None


def routes(router_: Source) -> list[tuple[Node, Source]]:
    """Its routes: in it, or documents of their own."""
    found = [(node, router_) for node in router_.list("routes")]
    apart = router_.world.routes.get(aws_name(router_.object), ())
    return [*found, *((each.object.spec, each) for each in apart)]


def _weighted(route: tuple[Node, Source]) -> Iterator[Source]:
    node, source = route
    for name in ("httpRoute", "http2Route", "grpcRoute", "tcpRoute"):
        action = node.find(name).get("action")
        for each in elements(action, "weightedTargets") if action is not None else ():
            found = referred(each, "VirtualNode", source)
            if found is not None:
                yield found


def _alone(node: Source) -> None:
    own = node.object
    entry = node.world.catalog.add(own.name, own.namespace, own.place)
    _belongs(node, entry)
    _version(node, entry, "")


def _version(node: Source, entry: Entry, name: str) -> None:
    """What a node adds to its service; one that lies outside is no version."""
    _belongs(node, entry)
    given = text(listener(node).find("portMapping"), "protocol", "http")
    if given not in PROTOCOLS:
        node.approximate(f"protocol {given} is taken as plain HTTP", listener(node))
    entry.protocol = PROTOCOLS.get(given, "http")
    outside = _outside(node)
    if outside is not None and not name and not entry.variants:
        entry.outside, entry.port = outside, outside.port.number
        node.approximate("serviceDiscovery.dns: a host outside, reached as it is", outside.hosts[0])
        return
    variant = entry.variant(name, node.object.place)
    variant.workloads.append(node.object.name)
    variant.labels.append({"version": name})


def _outside(node: Source) -> Outside | None:
    """A host that is none of the mesh's, as far as its name tells."""
    host = hostname(node)
    port = listener(node).find("portMapping").get("port")
    spec = node.object.spec
    ours = spec.get("podSelector") or spec.get("backends") or spec.get("backendGroups")
    if host is None or port is None or ours is not None:
        return None
    name = host.text()
    if "." not in name or name.endswith(_INSIDE):
        return None
    number = whole_number(port, "a port is a whole number")
    given = text(listener(node).find("portMapping"), "protocol", "http").upper()
    known = Port(number, given)
    return Outside([host], [known], known, host.place)


def calls(world: World) -> None:
    """Who calls whom, as backends say."""
    for node in world.of("VirtualNode"):
        callees = world.notes.collected(_called(node))
        for entry in world.entries(node):
            for callee in callees:
                if callee is not entry and not entry.own:
                    entry.calls.setdefault(callee.name)


def _called(node: Source) -> Iterator[Entry]:
    for each in node.list("backends"):
        service = needed(each, "virtualService", "a backend")
        yield from _reached(referred(service, "VirtualService", node))
    for each in node.list("backendGroups"):
        group = referred(each, "BackendGroup", node)
        for ref in group.list("virtualservices") if group is not None else ():
            yield from _of_group(ref, group or node)


def _of_group(ref: Node, group: Source) -> Iterator[Entry]:
    if text(ref, "name") == "*":
        for service in group.world.of("VirtualService"):
            yield from _reached(service)
        return
    yield from _reached(referred(ref, "VirtualService", group))


def _reached(service: Source | None) -> Iterator[Entry]:
    """A virtual service, and the services of the nodes that it leads to."""
    if service is None:
        return
    for source in (service, *providers(service)):
        yield from source.world.entries(source)

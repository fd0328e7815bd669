"""ServiceEntry: names of the world outside, and where they are.

What is outside the mesh is reached as it is: by address, or by a name that is looked up. What is a
part of the mesh, but described as one that others run, has the echo to stand in for it.
https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, text, whole_number
from mesh_patterns.importers.istio.source import Source
from mesh_patterns.importers.outside import Outside, Port, main
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

MAX_ADDRESSES = 64  # of one service, as our language has it
_KNOWN = ("hosts", "ports", "location", "resolution", "endpoints", "addresses", "exportTo")
_PORT = ("number", "name", "protocol", "targetPort")
_ENDPOINT = ("address", "ports")
_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", ""})


def read(source: Source) -> None:
    """Learn the entry's hosts: one service of several names where it says where that is, else one
    for each name, which is looked up.

    Raises:
        DocumentError: it has no hosts.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    hosts = source.list("hosts")
    if not hosts:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'hosts'")
    named = [host for host in hosts if "*" not in host.text()]
    for host in (host for host in hosts if host not in named):
        source.skip("a ServiceEntry's host with a wildcard", host)
    if named:
        _learn(named, source)


def _learn(named: Sequence[Node], source: Source) -> None:
    spec = source.object.spec
    catalog = source.world.catalog
    if any(catalog.lookup(host.text(), source.object.namespace) for host in named):
        source.approximate("a ServiceEntry for a service that is here already", named[0])
        return
    ports = [_port(node, source) for node in source.list("ports")]
    found = [address for address, _ in _endpoints(source)]
    if found or text(spec, "location") == "MESH_INTERNAL":
        _add(named, found, ports, source)
        return
    resolution = text(spec, "resolution", "NONE")
    if resolution in ("NONE", "STATIC"):
        what = f"resolution: {resolution} without endpoints, so the name is looked up"
        source.approximate(what, named[0])
    for host in named:
        _add([host], [host], ports, source)


def _add(names: Sequence[Node], at: Sequence[Node], ports: Sequence[Port], source: Source) -> None:
    """A service of these names, which is there."""
    first, catalog = names[0], source.world.catalog
    entry = catalog.outside([n.text() for n in names], source.object.namespace, first.place)
    if text(source.object.spec, "location") == "MESH_INTERNAL":
        _stand_in(entry, ports, first, source)
        return
    if not ports:
        source.approximate("a ServiceEntry without ports: taken for port 80", first)
    known = ports or [Port(80)]
    entry.outside = Outside(at, known, main(known), first.place)
    entry.port = entry.outside.port.number
    _tell_ports(entry.outside, first, source)


def _stand_in(entry: Entry, ports: Sequence[Port], name: Node, source: Source) -> None:
    entry.port = ports[0].number if ports else None
    entry.protocol = "grpc" if ports and ports[0].protocol == "GRPC" else "http"
    for port, node in zip(ports, source.list("ports"), strict=True):
        if port.protocol not in _HTTP:
            what = f"ports.protocol: {port.protocol} is taken as plain HTTP"
            source.approximate(what, node.find("protocol"))
    source.approximate("MESH_INTERNAL, so the echo stands in", name)


def _endpoints(source: Source) -> list[tuple[Node, Node]]:
    """Where it is, if that is said: the addresses, each with what is said of it."""
    found = []
    for each in source.list("endpoints"):
        source.notes.leftovers(each, _ENDPOINT, source.owner, "endpoints.")
        address = each.get("address")
        if address is not None and "/" in address.text():
            source.skip("an endpoint that is a Unix socket", address)
        elif address is not None:
            found.append((address, each))
    if len(found) > MAX_ADDRESSES:
        source.skip(f"more than {MAX_ADDRESSES} endpoints", found[MAX_ADDRESSES][0])
    return found[:MAX_ADDRESSES]


def _port(node: Node, source: Source) -> Port:
    source.notes.leftovers(node, _PORT, source.owner, "ports.")
    number, target = node.get("number"), node.get("targetPort")
    name = text(node, "name")
    return Port(
        _number(number, node),
        text(node, "protocol", "HTTP").upper(),
        _number(target, node) if target is not None and target.value else None,
        tuple(_at(source, name)),
    )


def _at(source: Source, name: str) -> Iterator[int | None]:
    """Where each endpoint listens, by the port's name."""
    for _, each in _endpoints(source):
        ports = each.get("ports")
        port = ports.get(name) if ports is not None and name else None
        yield _number(port, each) if port is not None else None


def _number(node: Node | None, within: Node) -> int:
    return whole_number(node or Node(None, within.place), "a port is a number")


def _tell_ports(outside: Outside, name: Node, source: Source) -> None:
    others = [str(port.number) for port in outside.ports if port is not outside.port]
    if others:
        what = f"a second port: {', '.join(others)}"
        source.skip(what, name)
    if elements(source.object.spec, "addresses"):
        source.approximate("addresses of a ServiceEntry: callers know it by name", name)

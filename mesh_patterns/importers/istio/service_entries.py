"""ServiceEntry: names of the world outside, and what is there. Nothing is reached from here: the
echo stands in for it. https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from mesh_patterns.importers.istio.source import Source
from mesh_yaml.place import DocumentError

_KNOWN = ("hosts", "ports", "location", "resolution", "endpoints", "addresses", "exportTo")
_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", ""})


def read(source: Source) -> None:
    """Learn the entry's hosts as one service of several names.

    Raises:
        DocumentError: it has no hosts.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    hosts = source.list("hosts")
    if not hosts:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'hosts'")
    named = [host for host in hosts if "*" not in host.text()]
    for host in hosts:
        if host not in named:
            source.skip("a ServiceEntry's host with a wildcard", host)
    if not named:
        return
    names = [host.text() for host in named]
    catalog = source.world.catalog
    if any(catalog.lookup(name, source.object.namespace) for name in names):
        source.approximate("a ServiceEntry for a service that is here already", named[0])
        return
    entry = catalog.outside(names, source.object.namespace, named[0].place)
    protocols = [_protocol(source, number) for number in range(len(source.list("ports")))]
    entry.protocol = "grpc" if protocols[:1] == ["GRPC"] else "http"
    ports = source.list("ports")
    number = ports[0].get("number") if ports else None
    entry.port = number.value if number is not None and isinstance(number.value, int) else None
    source.approximate("outside of the mesh, so the echo stands in", named[0])


def _protocol(source: Source, number: int) -> str:
    port = source.list("ports")[number]
    given = port.get("protocol")
    name = given.text().upper() if given is not None and given.value else ""
    if name not in _HTTP and given is not None:
        source.approximate(f"ports.protocol: {name} is taken as plain HTTP", given)
    return name

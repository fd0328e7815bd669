"""ingress-gateway and terminating-gateway: what the outside reaches, and what is outside.

https://developer.hashicorp.com/consul/docs/connect/config-entries/ingress-gateway
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.consul.world import Source
from mesh_patterns.importers.fields import elements, needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

ANY = "*"
_LISTENER = ("port", "protocol", "services", "tls")
_SERVICE = ("name", "hosts")
_PROTOCOLS = ("http", "http2", "grpc", "tcp")


def ingress(source: Source) -> list[str]:
    """Give services their hosts at the ingress; they are named.

    Raises:
        DocumentError: a listener speaks something unknown.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, ("listeners", "tls"), source.owner)
    _plain(spec.get("tls"), source)
    listeners = source.list("listeners")
    found = [pair for node in listeners for pair in _services(node, source)]
    alone = len({entry.name for entry, _ in found}) == 1
    for entry, node in found:
        for host in _hosts(entry, node, alone):
            entry.ingress.setdefault(host.text(), host)
    return [entry.name for entry, _ in found]


def _plain(tls: Node | None, source: Source) -> None:
    enabled = tls.get("enabled") if tls is not None else None
    if enabled is not None and enabled.value is True:
        source.approximate("tls: served in plain text", enabled)


def _services(listener: Node, source: Source) -> Iterator[tuple[Entry, Node]]:
    source.notes.leftovers(listener, _LISTENER, source.owner, "listeners.")
    _plain(listener.get("tls"), source)
    protocol = text(listener, "protocol", "tcp")
    if protocol not in _PROTOCOLS:
        wanted = f"expected one of {', '.join(_PROTOCOLS)}"
        raise DocumentError.at(listener.place, f"unknown protocol {protocol!r}, {wanted}")
    if protocol == "tcp":
        source.skip("a listener of TCP", listener)
        return
    for node in elements(listener, "services"):
        source.notes.leftovers(node, _SERVICE, source.owner, "services.")
        name = needed(node, "name", "a service")
        if name.value == ANY:
            entries = source.world.catalog.entries.values()
            yield from ((entry, node) for entry in list(entries) if not entry.own)
        else:
            yield source.service(name), node


def _hosts(entry: Entry, node: Node, alone: bool) -> Iterator[Node]:
    """Those that are said, else ``NAME.ingress.consul``; any host, where there is one service."""
    given = elements(node, "hosts")
    if given:
        yield from given
    elif alone:
        yield Node(ANY, node.place)
    else:
        yield Node(f"{entry.name}.ingress.consul", node.place)


def terminating(source: Source) -> None:
    """Services outside, for which the echo stands in."""
    spec, catalog = source.object.spec, source.world.catalog
    source.notes.leftovers(spec, ("services",), source.owner)
    for node in source.list("services"):
        name = needed(node, "name", "a service")
        if name.value == ANY:
            source.skip("all services outside", node)
            continue
        source.notes.leftovers(node, ("name",), source.owner, "services.")
        if catalog.lookup(name.text(), source.object.namespace) is None:
            catalog.outside([name.text()], source.object.namespace, name.place)
            source.approximate("outside of the mesh, so the echo stands in", name)

"""EgressNetwork: the world outside. Hosts of routes that are attached to one become services, for
which the echo stands in; others are reached by nobody.

https://linkerd.io/2/reference/egress-network/
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.importers.fields import needed
from mesh_patterns.importers.linkerd.world import Source, World
from mesh_patterns.importers.objects import Object
from mesh_yaml.place import DocumentError

_KNOWN = ("networks", "trafficPolicy")
_ROUTES = {"HTTPRoute": "http", "GRPCRoute": "grpc", "TLSRoute": "tls"}


def read(source: Source) -> None:
    """Tell what a network means here.

    Raises:
        DocumentError: it says neither that traffic is allowed nor that it is not.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    policy = needed(spec, "trafficPolicy", source.owner)
    if policy.value not in ("Allow", "Deny"):
        raise DocumentError.at(policy.place, f"expected Allow or Deny, got {policy.kind}")
    if policy.value == "Allow":
        source.approximate("trafficPolicy: Allow: for hosts that files name", policy)
    if (networks := spec.get("networks")) is not None:
        source.approximate("networks: hosts are known by their names", networks)


def services(world: World) -> None:
    """The hosts of routes at EgressNetworks."""
    for it in world.objects:
        if it.kind in _ROUTES and any(_parents(it)):
            world.notes.guard(_hosts, Source(it, world))


def _parents(it: Object) -> Iterator[bool]:
    found = it.spec.get("parentRefs")
    nodes = found.value if found is not None and isinstance(found.value, tuple) else ()
    for node in nodes:
        kind = node.get("kind")
        yield kind is not None and kind.value == "EgressNetwork"


def _hosts(source: Source) -> None:
    it, catalog = source.object, source.world.catalog
    for host in source.list("hostnames"):
        if "*" in host.text():
            source.skip("a host with a wildcard at an EgressNetwork", host)
        elif catalog.lookup(host.text(), it.namespace) is None:
            entry = catalog.outside([host.text()], it.namespace, host.place)
            entry.protocol = _ROUTES[it.kind]
            source.approximate("outside of the mesh, so the echo stands in", host)
    for rule in source.list("rules"):
        if rule.get("matches") is not None or rule.get("filters") is not None:
            source.approximate("a route at an EgressNetwork: its hosts take any request", rule)

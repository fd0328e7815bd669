"""HTTPLocalRateLimitPolicy: how many requests a Server takes in a second, of all or of each client.

https://linkerd.io/2/reference/rate-limiting/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.linkerd import authentications
from mesh_patterns.importers.linkerd.servers import Server
from mesh_patterns.importers.linkerd.world import Source
from mesh_patterns.model import CLIENT
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_KNOWN = ("targetRef", "total", "identity", "overrides")


def patterns(source: Source, servers: Sequence[Server]) -> Iterator[Node]:
    """A limit before the service, and one at each caller, who is known by its identity.

    Raises:
        DocumentError: it names no Server, or a limit that is none.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    goal = needed(spec, "targetRef", source.owner)
    name = needed(goal, "name", "a targetRef")
    if text(goal, "kind", "Server") != "Server":
        raise DocumentError.at(goal.place, f"expected a Server, got {text(goal, 'kind')!r}")
    found = [each for each in servers if _is(each, name.text(), source)]
    if not found:
        message = f"no file has the Server {name.text()!r}: {source.owner} limits nothing"
        source.notes.warn(name.place, message)
    for target in (target for server in found for target in server.targets):
        if (total := spec.get("total")) is not None:
            yield _limit(target, total)
        yield from _of_callers(target.partition("/")[0], source)


def _is(server: Server, name: str, source: Source) -> bool:
    it = server.source.object
    return (it.name, it.namespace) == (name, source.object.namespace)


def _of_callers(service: str, source: Source) -> Iterator[Node]:
    limits: dict[str, Node] = {}
    catalog = source.world.catalog
    callers = [CLIENT, *(e.name for e in catalog.entries.values() if service in e.calls)]
    if (each := source.object.spec.get("identity")) is not None:
        limits |= dict.fromkeys(callers, each)
    for override in source.list("overrides"):
        known = ("requestsPerSecond", "clientRefs")
        source.notes.leftovers(override, known, source.owner, "overrides.")
        clients = override.get("clientRefs")
        nodes = clients.elements() if clients is not None else ()
        for name in authentications.accounts(nodes, source):
            if name in callers:
                limits[name] = override
    if limits:
        told = "limits of identities are counted at the callers, not before the service"
        source.approximate(told, Node(None, source.object.place))
    for caller, node in limits.items():
        yield _limit(f"{caller} -> {service}", node)


def _limit(on: str, node: Node) -> Node:
    rate = needed(node, "requestsPerSecond", "a limit")
    limit = Node(f"{rate.text()}/s", rate.place)
    return Node.of({"pattern": "rate_limit", "on": on, "limit": limit}, node.key or node.place)

"""The egress gateway: what goes to services outside passes an Envoy of its own.

In Istio that takes a Gateway, a VirtualService that sends callers to the gateway's own service and
the gateway on, and a DestinationRule for the way there. Here the mesh says so in a word, and then
it holds for all that is outside.
https://istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from mesh_patterns.importers.istio import gateways
from mesh_patterns.importers.istio.gateways import Gateway, Key
from mesh_patterns.importers.istio.matches import Bound
from mesh_patterns.importers.istio.rules import rules
from mesh_patterns.importers.istio.source import Source
from mesh_patterns.importers.tables import pattern
from mesh_patterns.model import EGRESS
from mesh_yaml.node import Node


def patterns(sources: Sequence[Source], known: Mapping[Key, Gateway]) -> Iterator[Node]:
    """What the egress gateway does with requests to services outside."""
    for source in sources:
        named = gateways.egress(source, known)
        if not named:
            continue
        source.world.catalog.egress = named[0].place
        what = "an egress gateway: all that goes to services outside passes it"
        source.approximate(what, named[0])
        keys = {gateways.key(node.text(), source.object.namespace) for node in named}
        made = rules(Bound(partial(_means, source, keys)), source) if source.list("http") else ()
        for host in source.list("hosts") if made else ():
            entry = source.service(host)
            if entry.outside is not None:
                yield pattern(f"{EGRESS} -> {entry.name}", made, host)


def _means(source: Source, keys: set[Key], given: Node) -> bool:
    return any(gateways.key(e.text(), source.object.namespace) in keys for e in given.elements())

"""A cluster that is several, one after the other: the hosts of the next take what the first can't.

Each keeps its own settings, its own certificates, and its own hosts, whose priorities come after
those of the one before.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mesh_patterns.compile import traffic_policy
from mesh_patterns.draft import Draft
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import cluster
from xds_server.resource import Resource

if TYPE_CHECKING:
    from mesh_patterns.compile.clusters import Outbound

_NAME = "envoy.clusters.aggregate"
PROVIDED = cluster.ClusterLbPolicy.CLUSTER_PROVIDED  # what Envoy wants of one


def outbound(draft: Draft, known: Outbound, **fields: Any) -> Iterator[Resource]:
    """The aggregate that begins with a cluster, if there is one; ``fields`` are more of it."""
    placed = known.policy.get("takeover")
    name = traffic_policy.cluster_name(draft, known.caller, known.target)
    if placed is None or name != f"{traffic_policy.AGGREGATE}{known.name}":  # a filter's own
        return
    others = [traffic_policy.own_name(draft, known.caller, each) for each in placed.value]
    made = message(name, [known.name, *others], **fields)
    yield Resource.of(made, origins={"": str(placed.place)})


def message(name: str, members: Iterable[str], **fields: Any) -> cluster.Cluster:
    """A cluster of these clusters. It counts the answers, and each member what it was asked."""
    config = protos.aggregate.ClusterConfig(clusters=list(members))
    return cluster.Cluster(
        name=name,
        cluster_type=cluster.ClusterCustomClusterType(name=_NAME, typed_config=any_of(config)),
        **fields,
    )

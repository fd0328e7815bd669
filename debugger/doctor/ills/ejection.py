"""Outlier detection that can't take a single host out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from debugger.configs.pushed import Pushed
from debugger.doctor.finding import Finding
from debugger.doctor.picture import Picture
from xds_server.resource import ResourceType

DEFAULT = 10  # percent


def none_may_go(picture: Picture) -> Iterator[Finding]:
    """Where one host is more than ``max_ejection_percent`` of all: Envoy 1.39 ejects none then.

    A limit of 0 that is written down is what somebody wants.
    https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto
    """
    for node in picture.nodes:
        for pushed in node.pushed:
            detection = pushed.content.get("outlier_detection")
            if pushed.type is not ResourceType.CLUSTER or detection is None:
                continue
            limit = min(int(detection.get("max_ejection_percent", DEFAULT)), 100)
            hosts = _hosts(pushed, node.pushed)
            if not limit or hosts < 2 or detection.get("always_eject_one_host"):
                continue
            if 100 / hosts > limit:
                yield Finding(
                    node.name,
                    f"outlier detection of cluster {pushed.name!r} never ejects a host",
                    (f"one of {hosts} hosts is {100 / hosts:.0f}%, at most {limit}% may be out",),
                    pushed.place_of("outlier_detection.max_ejection_percent"),
                    "give 'always_eject_one_host', or raise 'max_ejection_percent'",
                )


def _hosts(cluster: Pushed, all_of: Iterable[Pushed]) -> int:
    """How many it has; 0 where nobody says."""
    content = cluster.content
    eds = content.get("eds_cluster_config")
    if eds is None:
        return _count(content.get("load_assignment", {}))
    name = eds.get("service_name") or cluster.name
    for each in all_of:
        if each.type is ResourceType.ENDPOINT and each.name == name:
            return _count(each.content)
    return 0


def _count(assignment: object) -> int:
    found = assignment.get("endpoints", ()) if isinstance(assignment, dict) else ()
    return sum(len(each.get("lb_endpoints", ())) for each in found)

"""What tests of bootstraps share: short ones, and what they become."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.conversion import convert
from mesh_yaml import yaml
from mesh_yaml.place import DocumentError

MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
    "HttpConnectionManager"
)
FILTERS = "type.googleapis.com/envoy.extensions.filters.http."

Made = dict[str, Any]


@dataclass(frozen=True)
class Imported:
    """A tree of ours as plain data, and the notes without their places."""

    tree: Made
    notes: list[str]

    @property
    def services(self) -> Made:
        found: Made = self.tree["mesh"]["services"]
        return found

    def patterns(self, kind: str) -> list[Made]:
        """Those of a kind, without what is the same in all."""
        found = [each for each in self.tree["patterns"] if each["pattern"] == kind]
        return [
            {name: value for name, value in each.items() if name != "pattern"} for each in found
        ]

    @property
    def rules(self) -> list[Made]:
        return [rule for each in self.patterns("route") for rule in each["rules"]]


def imported(*bootstraps: Made, own: str = "") -> Imported:
    documents = [node for each in bootstraps for node in yaml.parse(json.dumps(each), "e.yaml")]
    made = convert(documents, yaml.parse(own, "own.yaml") if own else [])
    tree = made.trees[0].plain()
    assert isinstance(tree, dict)
    return Imported(tree, [each.message for each in made.warnings])


def refusal(*bootstraps: Made) -> str:
    """Why they are refused."""
    try:
        imported(*bootstraps)
    except DocumentError as error:
        return "; ".join(each.message for each in error.problems)
    raise AssertionError("it was imported")


def cluster(name: str, *addresses: str, **more: Any) -> Made:
    """A cluster with hosts at these."""
    pairs = [each.rpartition(":") for each in addresses]
    hosts = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}
        for host, _, port in pairs
    ]
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}
    return {"name": name, "type": "STRICT_DNS", "load_assignment": assignment, **more}


def listener(port: int, network: Made, name: str = "main", **more: Any) -> Made:
    at = {"socket_address": {"address": "0.0.0.0", "port_value": port}}
    return {"name": name, "address": at, "filter_chains": [{"filters": [network], **more}]}


def manager(hosts: Sequence[Made], filters: Sequence[Made] = (), **more: Any) -> Made:
    """The network filter that has these virtual hosts."""
    config = {
        "@type": MANAGER,
        "stat_prefix": "main",
        "route_config": {"virtual_hosts": list(hosts)},
        "http_filters": [*filters, {"name": "envoy.filters.http.router"}],
        **more,
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def host(*routes: Made, domains: Sequence[str] = ("*",), **more: Any) -> Made:
    return {"name": "all", "domains": list(domains), "routes": list(routes), **more}


def http_filter(kind: str, **config: Any) -> Made:
    """``fault.v3.HTTPFault`` with its fields."""
    return {
        "name": f"envoy.filters.http.{kind.partition('.')[0]}",
        "typed_config": {"@type": FILTERS + kind, **config},
    }


def bootstrap(listeners: Sequence[Made], clusters: Sequence[Made], **more: Any) -> Made:
    static: Mapping[str, Any] = {"listeners": list(listeners), "clusters": list(clusters)}
    return {"static_resources": dict(static), **more}


BACKEND = cluster("backend", "10.0.0.1:80")
OTHER = cluster("other", "10.0.0.2:80")


def of_routes(*routes: Made, clusters: Sequence[Made] = (BACKEND, OTHER), **more: Any) -> Imported:
    """One listener with these routes; ``more`` is its virtual host's."""
    return imported(bootstrap([listener(8080, manager([host(*routes, **more)]))], clusters))


def of_cluster(name: str, *addresses: str, **fields: Any) -> Imported:
    """One listener that leads to this cluster."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": name}}
    return of_routes(route, clusters=[cluster(name, *addresses, **fields)])


def of_filters(*filters: Made) -> Imported:
    """One listener with these HTTP filters."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
    entrance = listener(8080, manager([host(route)], filters))
    return imported(bootstrap([entrance], [BACKEND, OTHER]))

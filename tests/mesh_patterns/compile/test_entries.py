from __future__ import annotations

from typing import Any

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.entries import entries
from mesh_patterns.placement import Placement, proxies
from tests.mesh_patterns.conftest import Read
from xds_server.mirror import render
from xds_server.resource import ResourceType

MESH = """\
mesh:
  dataplane: node
  services:
    page: {calls: [web], ingress: true}
    web: {ingress: 8080}
    api: {ingress: {port: 8080, hosts: [api.shop]}}
patterns:
- {pattern: fault, on: page -> web, abort: {status: 500}}
- {pattern: fault, on: web, abort: {status: 500}}
"""


def test_an_envoy_listens_for_each_workload_each_caller_and_each_port_of_the_edge(
    read: Read,
) -> None:
    draft = read(MESH)
    placement = Placement.imagined(draft.mesh, first=100)
    (proxy,) = proxies(draft.mesh)
    found = [(e.name, e.direction, len(e.ports)) for e in entries(draft, proxy, placement)]
    assert found == [
        ("inbound-page", "inbound", 1),
        ("inbound-web", "inbound", 1),
        ("inbound-api", "inbound", 1),
        ("outbound-page", "outbound", 2),
        ("outbound-client", "outbound", 4),
        ("ingress-any", "ingress", 1),
        ("ingress-8080", "ingress", 1),
    ]


def test_a_filter_is_on_before_a_workload_and_off_at_a_caller_until_an_edge_wants_it(
    read: Read,
) -> None:
    draft = read(MESH)
    snapshot = compile_mesh(draft, Placement.imagined(draft.mesh))["node"]
    found = snapshot.resources(ResourceType.LISTENER)
    chains = {name: _chain(found[name]) for name in ("inbound-web", "outbound-page", "ingress-any")}
    ends = [("envoy.filters.http.tap", False), ("envoy.filters.http.router", False)]
    assert chains == {
        "inbound-web": [ends[0], ("fault.2", False), ends[1]],
        "outbound-page": [ends[0], ("fault", True), ends[1]],
        "ingress-any": ends,
    }
    path = "filter_chains[0].filters[0].typed_config.http_filters[1]"
    assert found["inbound-web"].place_of(f"{path}.typed_config") == "mesh.yaml:9:3"


def _chain(resource: Any) -> list[tuple[str, bool]]:
    shown = render(resource.type.type_url, resource.body)
    manager = shown["filter_chains"][0]["filters"][0]["typed_config"]
    return [(each["name"], each.get("disabled", False)) for each in manager["http_filters"]]

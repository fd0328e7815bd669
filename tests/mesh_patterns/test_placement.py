from __future__ import annotations

from mesh_patterns.placement import Caller, Placement, kinds, needs, proxies, proxyless, reached
from tests.mesh_patterns.conftest import Read

MESH = """\
mesh:
  dataplane: %s
  services:
    page: {calls: [web], ingress: true, versions: {v1: , v2: }}
    web: {port: 9000, ingress: {port: 8080, hosts: [web.shop]}}
    api: {ingress: {port: 8080, hosts: [api.shop]}}
"""


def test_every_version_has_a_sidecar_and_the_edge_an_envoy_of_its_own(read: Read) -> None:
    found = proxies(read(MESH % "sidecar").mesh)
    assert [(p.node, [str(i) for i in p.inbound], p.callers, p.ingress) for p in found] == [
        ("page-v1", ["page v1"], (Caller("page", "page-v1", "v1"),), False),
        ("page-v2", ["page v2"], (Caller("page", "page-v2", "v2"),), False),
        ("web", ["web"], (), False),
        ("api", ["api"], (), False),
        ("ingress", [], (Caller("client", "client"),), True),
    ]


def test_one_envoy_may_be_for_all(read: Read) -> None:
    (found,) = proxies(read(MESH % "node").mesh)
    assert (found.node, found.ingress) == ("node", True)
    assert [str(instance) for instance in found.inbound] == ["page v1", "page v2", "web", "api"]
    assert [caller.id for caller in found.callers] == ["page-v1", "page-v2", "client"]


def test_every_port_is_needed_once_and_always_in_the_same_order(read: Read) -> None:
    mesh = read(MESH % "sidecar").mesh
    keys = [need.key for need in needs(mesh)]
    assert keys == [
        *("ingress:any", "ingress:8080"),
        *("workload:page-v1", "inbound:page-v1", "workload:page-v2", "inbound:page-v2"),
        *("workload:web", "inbound:web", "workload:api", "inbound:api"),
        *("outbound:page-v1", "call:page-v1:web", "outbound:page-v2", "call:page-v2:web"),
        *("outbound:client", "call:client:page", "call:client:web", "call:client:api"),
    ]
    assert keys == [need.key for need in needs(mesh)]
    assert set(keys) == {need.key for need in needs(read(MESH % "node").mesh)}


def test_a_port_that_a_file_asks_for_is_asked_for_at_its_place(read: Read) -> None:
    asked = [need for need in needs(read(MESH % "sidecar").mesh) if need.port]
    assert [(need.key, need.port, str(need.place)) for need in asked] == [
        ("ingress:8080", 8080, "mesh.yaml:5:32"),
        ("workload:web", 9000, "mesh.yaml:5:5"),
    ]


def test_imagined_ports_are_counted_up_but_for_those_that_are_asked_for(read: Read) -> None:
    placement = Placement.imagined(read(MESH % "node").mesh, first=100)
    keys = ("ingress:any", "ingress:8080", "workload:page-v1", "workload:web", "call:client:api")
    assert [placement.port(key) for key in keys] == [100, 8080, 102, 9000, 117]
    assert placement.address("ingress:any") == "127.0.0.1:100"


WITHOUT = """\
mesh:
  services:
    web: {calls: [api], dataplane: grpc, versions: {v1: , v2: }}
    api: {protocol: grpc}
"""


def test_without_an_envoy_there_is_a_port_of_its_own_and_no_other(read: Read) -> None:
    mesh = read(WITHOUT).mesh
    assert [proxy.node for proxy in proxies(mesh)] == ["api", "ingress"]
    assert [each.node for each in proxyless(mesh)] == ["web-v1", "web-v2"]
    assert [need.key for need in needs(mesh)] == [
        *("workload:web-v1", "workload:web-v2", "workload:api", "inbound:api"),
        *("outbound:client", "call:client:web", "call:client:api"),
    ]
    assert [reached(mesh, instance) for instance in mesh.instances()] == [
        "workload:web-v1", "workload:web-v2", "inbound:api"
    ]  # fmt: skip


def test_the_one_envoy_for_all_is_not_for_those_that_want_none(read: Read) -> None:
    mesh = read(WITHOUT.replace("mesh:", "mesh:\n  dataplane: node")).mesh
    (found,) = proxies(mesh)
    assert [str(instance) for instance in found.inbound] == ["api"]
    assert [caller.id for caller in found.callers] == ["client"]
    assert len(proxyless(mesh)) == 2


def test_what_each_node_is(read: Read) -> None:
    assert kinds(read(WITHOUT).mesh) == {
        "api": "envoy", "ingress": "envoy", "web-v1": "grpc", "web-v2": "grpc"
    }  # fmt: skip

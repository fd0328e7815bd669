"""Taps in transport sockets: everywhere when they are wanted, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.sockets import RAW, TAP
from mesh_patterns.compile.tls import SOCKET
from mesh_patterns.placement import Placement
from tests.mesh_patterns.conftest import Read
from xds_server import mirror
from xds_server.protos import cluster, listener, socket_tap
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

MESH = """\
name: shop
mesh: {services: {web: {ingress: true, calls: [api, open]}, api: , open: }}
patterns: [{pattern: mtls, on: api, mode: permissive}]
"""


def inside(socket: Any) -> str:
    """The name of the socket that has a tap around it."""
    assert socket.name == TAP
    found: str = mirror.parse(socket_tap.Tap, socket.typed_config.value).transport_socket.name
    return found


def parsed(snapshot: Snapshot, kind: ResourceType, cls: Any) -> list[Any]:
    return [mirror.parse(cls, one.body) for one in snapshot.resources(kind).values()]


def test_every_listener_and_every_cluster_with_tls_has_one(read: Read) -> None:
    draft = read(MESH)
    placement = Placement.imagined(draft.mesh)
    plain = compile_mesh(draft, placement)
    made = compile_mesh(draft, replace(placement, sockets=True))
    for node, snapshot in made.items():
        for each in parsed(snapshot, ResourceType.LISTENER, listener.Listener):
            wanted = [SOCKET, RAW] if each.name.startswith("inbound-api") else [RAW]
            assert [inside(one.transport_socket) for one in each.filter_chains] == wanted
        for each in parsed(snapshot, ResourceType.CLUSTER, cluster.Cluster):
            if each.HasField("transport_socket"):
                assert inside(each.transport_socket) == SOCKET
        kinds = (ResourceType.SECRET, ResourceType.ROUTE, ResourceType.ENDPOINT)
        assert all(snapshot.resources(kind) == plain[node].resources(kind) for kind in kinds)
    assert any(
        each.HasField("transport_socket")
        for each in parsed(made["web"], ResourceType.CLUSTER, cluster.Cluster)
    )


def test_without_being_wanted_there_is_none(read: Read) -> None:
    draft = read(MESH)
    for snapshot in compile_mesh(draft, Placement.imagined(draft.mesh)).values():
        for kind in (ResourceType.LISTENER, ResourceType.CLUSTER):
            for one in snapshot.resources(kind).values():
                assert TAP.encode() not in one.body

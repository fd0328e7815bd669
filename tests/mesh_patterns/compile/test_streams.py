"""Whom connections lead to, and who can share a port of the ingress."""

from __future__ import annotations

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.streams import outbound
from mesh_patterns.placement import Placement, needs
from tests.mesh_patterns.conftest import Read, Refusal
from xds_server.resource import ResourceType

MESH = """\
mesh:
  services:
    a: {{protocol: {}, ingress: {}}}
    b: {{protocol: {}, ingress: {}}}
"""


@pytest.mark.parametrize(
    ("services", "told"),
    [
        (
            ("tcp", "9000", "tcp", "9000"),
            "'a' speaks tcp at the same port of the ingress as 'b'; give it a port of its own",
        ),
        (("tls", "9000", "tls", "9000"), "give it 'hosts', which clients name by SNI, or a port"),
        (("tls", "{port: 9000, hosts: [x.y]}", "http", "9000"), "'b' speaks http at the same port"),
        (("tls", "{hosts: [x.y]}", "tls", "{hosts: [x.y]}"), "'x.y' is the name of another at"),
    ],
)
def test_who_can_not_be_told_apart_can_not_share_a_port(
    refusal: Refusal, services: tuple[str, ...], told: str
) -> None:
    assert told in refusal(MESH.format(*services))


def test_who_asks_for_no_port_gets_one_where_it_can_be_told_apart(read: Read) -> None:
    sides = ("tls", "{hosts: [x.y]}", "tcp", "true")
    keys = [need.key for need in needs(read(MESH.format(*sides)).mesh) if "ingress" in need.key]
    assert keys == ["ingress:tls", "ingress:any:b"]


def test_a_version_without_weight_gets_nothing(read: Read) -> None:
    draft = read(
        "mesh: {services: {db: {protocol: tcp, versions: {v1: , v2: }}}}\n"
        "patterns: [{pattern: canary, on: db, weights: {v1: 100, v2: 0}}]"
    )
    stream = outbound(draft, draft.edges["client", "db"])
    assert [weight for _, weight in stream.clusters] == [100]


def test_an_envoy_that_sees_no_requests_has_no_routes_and_nothing_by_ecds(read: Read) -> None:
    draft = read("mesh: {services: {db: {protocol: tcp}}}")
    placement = Placement(Placement.imagined(draft.mesh).ports, gated=True)
    made = compile_mesh(draft, placement)["db"]
    assert not made.resources(ResourceType.ROUTE)
    assert not made.resources(ResourceType.EXTENSION_CONFIG)

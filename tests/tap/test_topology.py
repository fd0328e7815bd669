"""Addresses and what they mean."""

from __future__ import annotations

import pytest

from tap.topology import Endpoint, Listener, Topology, TopologyError

TOPOLOGY = Topology(
    {"127.0.0.1:15001": Listener("web-1", "outbound", "web")},
    {"127.0.0.1:9081": Endpoint("reviews", "v2"), "127.0.0.1:9082": Endpoint("ratings")},
)


def test_a_topology_survives_json() -> None:
    assert Topology.of_json(TOPOLOGY.to_json()) == TOPOLOGY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"listeners": {"a": {}}, "endpoints": {}}',
        '{"listeners": 1, "endpoints": 2}',
    ],
)
def test_what_is_no_topology_is_an_error(text: str) -> None:
    with pytest.raises(TopologyError, match="no topology"):
        Topology.of_json(text)


def test_a_direction_that_is_none_is_an_error() -> None:
    with pytest.raises(TopologyError, match="unknown direction 'up', expected one of"):
        Listener("web-1", "up")  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    ("authority", "service"),
    [
        ("reviews:9080", "reviews"),
        ("reviews.default.svc.cluster.local", "reviews"),
        ("ratings", "ratings"),
        ("web", "web"),
        ("127.0.0.1:9081", ""),
        ("example.com", ""),
        ("", ""),
    ],
)
def test_an_authority_names_a_service_of_the_mesh_or_none(authority: str, service: str) -> None:
    assert TOPOLOGY.service_of(authority) == service


def test_services_are_those_that_listen_or_answer_and_a_gateway_is_none() -> None:
    gateway = {"127.0.0.1:8080": Listener("ingress", "ingress", "ingress")}
    topology = Topology({**TOPOLOGY.listeners, **gateway}, TOPOLOGY.endpoints)
    assert topology.services() == {"web", "reviews", "ratings"}

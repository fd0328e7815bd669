from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    bootstrap,
    cluster,
    host,
    imported,
    listener,
    manager,
    of_cluster,
    refusal,
)

TO_IT = {"match": {"prefix": "/"}, "route": {"cluster": "it"}}


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("::1:80", "[::1]:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("host.docker.internal:80", "127.0.0.1:80"),
        ("API.example.com:443", "api.example.com:443"),
    ],
)
def test_an_address_that_is_good_here_is_a_service_of_others(address: str, there: str) -> None:
    assert of_cluster("it", address).services["it"]["external"] == {"addresses": [there]}


@pytest.mark.parametrize("name", ["backend", "web.shop.svc.cluster.local", "a.internal", "b.svc"])
def test_for_a_name_of_another_network_the_echo_stands_in(name: str) -> None:
    found = of_cluster("it", f"{name}:80", f"{name}:81")
    assert found.services["it"] == {"replicas": 2, "ingress": {"port": 8080, "hosts": ["*"]}}
    assert f"{name}:80, {name}:81: the echo stands in (cluster 'it')" in found.notes


def test_so_it_does_where_hosts_come_by_discovery() -> None:
    found = imported(
        bootstrap([listener(8080, manager([host(TO_IT)]))], [{"name": "it", "type": "EDS"}])
    )
    assert "no address: the echo stands in (cluster 'it')" in found.notes


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("outbound|80||web.default.svc.cluster.local", "outbound-80-web.default.svc.cluster.local"),
        ("web->api/v2", "web--api-v2"),
        ("ingress", "ingress-2"),
        ("::", "cluster"),
        ("x" * 100, "x" * 63),
    ],
)
def test_a_cluster_of_any_name_has_one_that_a_service_may_have(name: str, ours: str) -> None:
    found = of_cluster(name, "10.0.0.1:80")
    assert list(found.services) == [ours]
    assert f"called {ours!r} here (cluster {name!r})" in found.notes


def test_two_clusters_may_lead_to_one_host() -> None:
    routes = [
        {"match": {"prefix": f"/{port}"}, "route": {"cluster": f"c{port}"}} for port in (1, 2, 3)
    ]
    clusters = [cluster(f"c{port}", f"api.example.com:{port}") for port in (1, 2, 3)]
    found = imported(bootstrap([listener(8080, manager([host(*routes)]))], clusters))
    there = [found.services[f"c{port}"].get("external") for port in (1, 2, 3)]
    assert there == [
        {"addresses": ["api.example.com:1"]},
        {"addresses": ["api.example.com.:2"]},  # the same name, to who looks it up
        None,
    ]


def test_a_service_of_our_own_files_is_left_to_them() -> None:
    entrance = listener(8080, manager([host(TO_IT)]))
    found = imported(
        bootstrap([entrance], [cluster("it", "x:1")]), own="mesh: {services: {it: {ingress: 8080}}}"
    )
    assert found.services == {}
    assert [each["on"] for each in found.patterns("route")] == ["ingress -> it"]


def test_where_a_packet_was_headed_nobody_knows_here() -> None:
    told = refusal(
        bootstrap(
            [listener(8080, manager([host(TO_IT)]))], [{"name": "it", "type": "ORIGINAL_DST"}]
        )
    )
    assert told == (
        "cluster 'it' sends to where a packet was headed (ORIGINAL_DST), which takes iptables; "
        "here services are named"
    )


def test_a_cluster_that_nobody_leads_to_is_told() -> None:
    found = imported(
        bootstrap(
            [listener(8080, manager([host(TO_IT)]))],
            [cluster("it", "10.0.0.1:80"), {"name": "xds", "type": "ORIGINAL_DST"}],
        )
    )
    assert "no listener leads to it: left out (cluster 'xds')" in found.notes


@pytest.mark.parametrize(
    ("clusters", "told"),
    [
        ([cluster("it", "a:1"), cluster("it", "a:2")], "another cluster 'it' is there"),
        ({"name": "it"}, "expected a list, got a mapping"),
        (["it"], "expected a mapping, got 'it'"),
    ],
)
def test_clusters_that_envoy_would_not_take_are_one_line(clusters: Any, told: str) -> None:
    made = bootstrap([listener(8080, manager([host(TO_IT)]))], [])
    made["static_resources"]["clusters"] = clusters
    assert refusal(made) == told

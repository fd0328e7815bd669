from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    OTHER,
    Imported,
    bootstrap,
    host,
    imported,
    listener,
    manager,
    refusal,
)  # fmt: skip

NETWORK = "type.googleapis.com/envoy.extensions.filters.network."
TO_IT = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}


def end(kind: str, **config: Any) -> dict[str, Any]:
    return {"name": "end", "typed_config": {"@type": NETWORK + kind, **config}}


def of(network: dict[str, Any], **chain: Any) -> Imported:
    return imported(bootstrap([listener(5432, network, **chain)], [BACKEND, OTHER]))


@pytest.mark.parametrize(
    ("network", "protocol"),
    [
        (end("tcp_proxy.v3.TcpProxy", cluster="backend"), "tcp"),
        (
            end(
                "redis_proxy.v3.RedisProxy",
                prefix_routes={"catch_all_route": {"cluster": "backend"}},
            ),
            "redis",
        ),
        (
            end(
                "thrift_proxy.v3.ThriftProxy",
                route_config={"routes": [{"match": {}, "route": {"cluster": "backend"}}]},
            ),
            "thrift",
        ),
    ],
)
def test_the_last_filter_says_what_is_spoken(network: dict[str, Any], protocol: str) -> None:
    service = of(network).services["backend"]
    assert (service["protocol"], service["ingress"]["port"]) == (protocol, 5432)


def test_what_clients_ask_for_by_name_is_their_own_tls() -> None:
    found = of(
        end("tcp_proxy.v3.TcpProxy", cluster="backend"),
        filter_chain_match={"server_names": ["a.test"]},
    )
    service = found.services["backend"]
    assert (service["protocol"], service["ingress"]["hosts"]) == ("tls", ["a.test"])


def test_of_several_the_largest_gets_all() -> None:
    shares = [{"name": "backend", "weight": 1}, {"name": "other", "weight": 9}]
    found = of(end("tcp_proxy.v3.TcpProxy", weighted_clusters={"clusters": shares}))
    assert list(found.services) == ["other"]
    told = "weighted_clusters of connections: the largest gets them all (listener 'main')"
    assert told in found.notes


def test_a_cluster_of_requests_and_of_connections_is_two_services() -> None:
    entrances = [
        listener(8080, manager([host(TO_IT)])),
        listener(5432, end("tcp_proxy.v3.TcpProxy", cluster="backend")),
    ]
    found = imported(bootstrap(entrances, [BACKEND]))
    assert {name: each.get("protocol") for name, each in found.services.items()} == {
        "backend": None,
        "backend-2": "tcp",
    }


def test_two_ports_that_lead_to_one_cluster_are_two_services() -> None:
    network = end("tcp_proxy.v3.TcpProxy", cluster="backend")
    found = imported(bootstrap([listener(port, network) for port in (5432, 5433)], [BACKEND]))
    assert [each["ingress"]["port"] for each in found.services.values()] == [5432, 5433]


def test_a_filter_that_we_have_not_leaves_its_chain_out() -> None:
    told = refusal(bootstrap([listener(27017, end("mongo_proxy.v3.MongoProxy"))], [BACKEND]))
    assert told.startswith("has no listener that could be an entrance")

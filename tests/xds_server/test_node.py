"""Who a client says that it is."""

from __future__ import annotations

import pytest

from xds_server.node import NodeInfo, by_node_id


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        ("envoy", "envoy"),
        ("gRPC C-core linux Python", "grpc"),  # as grpcio 1.85.1 says it
        ("gRPC Python 1.85.1 linux", "grpc"),
        ("gRPC Node Pure JS", "grpc"),
        ("grpc-node-js/1.14.1", "grpc"),
        ("grpc-go", "grpc"),
        ("gRPC Go", "grpc"),
        ("grpc-java", "grpc"),
        ("ztunnel", "other"),
        ("", "other"),
    ],
)
def test_the_user_agent_tells_the_kind(user_agent: str, kind: str) -> None:
    assert NodeInfo("a", user_agent_name=user_agent).kind == kind


def test_a_client_is_described_by_what_it_calls_itself() -> None:
    assert NodeInfo("a", user_agent_name="gRPC Go").describes == "a gRPC client ('gRPC Go')"
    assert NodeInfo("a", user_agent_name="envoy").describes == "an Envoy ('envoy')"
    assert NodeInfo("a").describes == "a client"


def test_each_node_is_a_group_of_its_own_where_nothing_else_is_said() -> None:
    assert by_node_id(NodeInfo("reviews-v1", cluster="mesh")) == "reviews-v1"

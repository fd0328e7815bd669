"""Requests and responses as bytes; what no request is, is a WireError."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.xds_server.playbook import CLUSTER, ENDPOINT, a_cluster
from xds_server import mirror
from xds_server.errors import WireError
from xds_server.node import NodeInfo
from xds_server.protos import core, discovery, rpc
from xds_server.serving import wire
from xds_server.sessions.messages import DeltaRequest, DeltaResponse, SotwRequest, SotwResponse

NODE = core.Node(
    id="n",
    cluster="c",
    locality=core.Locality(region="r", zone="z", sub_zone="s"),
    user_agent_name="envoy",
    client_features=["f"],
)


def test_a_sotw_request_is_read() -> None:
    data = mirror.serialize(
        discovery.DiscoveryRequest(
            version_info="v",
            node=NODE,
            resource_names=["a", "b"],
            type_url=CLUSTER.type_url,
            response_nonce="7",
            error_detail=rpc.Status(code=13, message="bad"),
        )
    )
    node = NodeInfo("n", "c", "r", "z", "s", "envoy", ("f",))
    assert wire.parse_sotw(data) == SotwRequest(CLUSTER.type_url, ("a", "b"), "v", "7", "bad", node)


def test_a_delta_request_is_read() -> None:
    data = mirror.serialize(
        discovery.DeltaDiscoveryRequest(
            type_url=CLUSTER.type_url,
            resource_names_subscribe=["a"],
            resource_names_unsubscribe=["b"],
            initial_resource_versions={"c": "1"},
            response_nonce="7",
        )
    )
    assert wire.parse_delta(data) == DeltaRequest(
        CLUSTER.type_url, ("a",), ("b",), {"c": "1"}, "7", None, None
    )


def test_a_locator_is_a_name() -> None:
    locator = discovery.ResourceLocator(name="b", dynamic_parameters={"zone": "1"})
    request = discovery.DiscoveryRequest(
        type_url=CLUSTER.type_url, resource_names=["a"], resource_locators=[locator]
    )
    assert wire.parse_sotw(mirror.serialize(request)).names == ("a", "b")
    change = discovery.DeltaDiscoveryRequest(
        type_url=CLUSTER.type_url,
        resource_locators_subscribe=[locator],
        resource_locators_unsubscribe=[discovery.ResourceLocator(name="c")],
    )
    read = wire.parse_delta(mirror.serialize(change))
    assert (read.subscribe, read.unsubscribe) == (("b",), ("c",))


def test_an_empty_error_detail_is_a_nack_all_the_same() -> None:
    data = mirror.serialize(
        discovery.DiscoveryRequest(type_url=CLUSTER.type_url, error_detail=rpc.Status())
    )
    assert wire.parse_sotw(data).error == ""


def test_a_request_without_a_type_url_is_refused() -> None:
    data = mirror.serialize(discovery.DiscoveryRequest(node=NODE))
    for parse in (wire.parse_sotw, wire.parse_delta):
        with pytest.raises(WireError, match="has no type_url"):
            parse(data if parse is wire.parse_sotw else b"")


def test_on_a_stream_of_one_type_the_type_goes_without_saying_and_another_is_refused() -> None:
    silent = mirror.serialize(discovery.DiscoveryRequest(node=NODE))
    assert wire.parse_sotw(silent, CLUSTER).type_url == CLUSTER.type_url
    assert wire.parse_delta(b"", CLUSTER).type_url == CLUSTER.type_url
    other = mirror.serialize(discovery.DiscoveryRequest(type_url=ENDPOINT.type_url))
    with pytest.raises(WireError, match="a stream of Cluster: got a request of 'type.googleapis"):
        wire.parse_sotw(other, CLUSTER)


def test_a_truncated_request_is_refused() -> None:
    data = mirror.serialize(discovery.DiscoveryRequest(node=NODE, type_url=CLUSTER.type_url))
    with pytest.raises(WireError, match="bytes are no DiscoveryRequest"):
        wire.parse_sotw(data[:-1])


@given(st.binary())
@example(b"\x0a\x05a")
@example(b"\x12\x02\x0a\xff")
def test_any_bytes_are_a_request_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        wire.parse_sotw(data)
    with contextlib.suppress(WireError):
        wire.parse_delta(data)


@given(st.data())
def test_a_request_with_any_byte_changed_is_a_request_or_a_wire_error(data: st.DataObject) -> None:
    whole = bytearray(
        mirror.serialize(discovery.DiscoveryRequest(node=NODE, type_url=CLUSTER.type_url))
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        wire.parse_sotw(bytes(whole))


def test_a_sotw_response_is_what_protobuf_reads() -> None:
    one, two = a_cluster("a"), a_cluster("b")
    data = wire.Encoder().encode(SotwResponse(CLUSTER, "v", "9", (one, two)))
    read = mirror.parse(discovery.DiscoveryResponse, data)
    assert (read.version_info, read.nonce, read.type_url) == ("v", "9", CLUSTER.type_url)
    assert [(each.type_url, each.value) for each in read.resources] == [
        (CLUSTER.type_url, one.body),
        (CLUSTER.type_url, two.body),
    ]


def test_a_delta_response_is_what_protobuf_reads() -> None:
    one, two = a_cluster("a"), a_cluster("b")
    data = wire.Encoder().encode(DeltaResponse(CLUSTER, "v", "9", (one, two), ("c",)))
    read = mirror.parse(discovery.DeltaDiscoveryResponse, data)
    assert (read.system_version_info, read.nonce, read.type_url) == ("v", "9", CLUSTER.type_url)
    assert list(read.removed_resources) == ["c"]
    assert [(each.name, each.version, each.resource.value) for each in read.resources] == [
        ("a", one.version, one.body),
        ("b", two.version, two.body),
    ]


def test_aliases_and_unknown_names_are_what_protobuf_reads() -> None:
    one = a_cluster("a")
    response = DeltaResponse(CLUSTER, "v", "9", (one,), (), {"a": ("x",)}, ("gone",))
    read = mirror.parse(discovery.DeltaDiscoveryResponse, wire.Encoder().encode(response))
    assert [(each.name, list(each.aliases)) for each in read.resources] == [
        ("a", ["x"]),
        ("gone", ["gone"]),
    ]
    assert not read.resources[1].HasField("resource")


def test_streams_share_the_bytes_of_one_response_but_for_the_nonce() -> None:
    encoder, resources = wire.Encoder(), (a_cluster("a"),)
    first = encoder.encode(SotwResponse(CLUSTER, "v", "1", resources))
    second = encoder.encode(SotwResponse(CLUSTER, "v", "2", resources))
    assert first[:-1] == second[:-1]
    assert len(encoder._shared) == 1


def test_shared_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_SHARED_BYTES", 300)
    encoder = wire.Encoder()
    for version in range(20):
        encoder.encode(SotwResponse(ENDPOINT, str(version), "1", (a_cluster("a"),)))
    assert sum(len(part) for _, part in encoder._shared.values()) <= 300

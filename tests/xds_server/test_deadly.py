"""What aborts Envoy is not served, however deep it lies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.xds_server.resources import http_listener
from xds_server import deadly
from xds_server.deadly import check_not_deadly
from xds_server.errors import ResourceError
from xds_server.mirror import any_of, serialize
from xds_server.protos import (
    class_of,
    cluster,
    common_matcher,
    common_tap,
    core,
    hcm,
    protobuf,
    route,
    tap,
    tap_config,
)
from xds_server.resource import Resource, ResourceType

GRPC = tap_config.OutputSink(
    streaming_grpc=tap_config.StreamingGrpcSink(
        grpc_service=core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name="taps"))
    )
)
FILE = tap_config.OutputSink(file_per_tap=tap_config.FilePerTapSink(path_prefix="/tmp/t"))
SOCKET: Any = class_of("type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap")
WHERE = "common_config.static_config.output_config.sinks[0].streaming_grpc: aborts Envoy"


def common(sink: tap_config.OutputSink) -> common_tap.CommonExtensionConfig:
    static = tap_config.TapConfig(
        match=common_matcher.MatchPredicate(any_match=True),
        output_config=tap_config.OutputConfig(sinks=[sink]),
    )
    return common_tap.CommonExtensionConfig(static_config=static)


def http_filter(sink: tap_config.OutputSink) -> hcm.HttpFilter:
    return hcm.HttpFilter(name="tap", typed_config=any_of(tap.Tap(common_config=common(sink))))


def socket(sink: tap_config.OutputSink) -> core.TransportSocket:
    raw = core.TransportSocket(name="raw")
    config = SOCKET(common_config=common(sink), transport_socket=raw)
    return core.TransportSocket(name="tap", typed_config=any_of(config))


def test_a_listener_with_a_deadly_tap_filter_is_refused() -> None:
    place = r"Listener 'front': filter_chains\[0\].filters\[0\].typed_config.http_filters\[0\]"
    with pytest.raises(ResourceError, match=f"{place}.typed_config.{_quoted(WHERE)}"):
        http_listener(filters=[http_filter(GRPC)])


def test_a_listener_with_a_deadly_transport_socket_is_refused() -> None:
    place = r"filter_chains\[0\].transport_socket.typed_config"
    with pytest.raises(ResourceError, match=f"{place}.{_quoted(WHERE)}"):
        http_listener(transport_socket=socket(GRPC))


def test_a_cluster_with_a_deadly_transport_socket_is_refused() -> None:
    with pytest.raises(ResourceError, match=f"Cluster 'a': transport_socket.*{_quoted(WHERE)}"):
        Resource.of(cluster.Cluster(name="a", transport_socket=socket(GRPC)))
    within = cluster.ClusterTransportSocketMatch(name="x", transport_socket=socket(GRPC))
    with pytest.raises(ResourceError, match=r"transport_socket_matches\[0\].transport_socket"):
        Resource.of(cluster.Cluster(name="a", transport_socket_matches=[within]))


def test_a_filter_config_of_its_own_is_looked_at_too() -> None:
    config = any_of(tap.Tap(common_config=common(GRPC)))
    with pytest.raises(ResourceError, match="TypedExtensionConfig 'x': typed_config"):
        Resource.of(core.TypedExtensionConfig(name="x", typed_config=config))


def test_a_route_that_configures_a_filter_names_it_in_the_path() -> None:
    config = {"my.tap": any_of(tap.Tap(common_config=common(GRPC)))}
    made = route.RouteConfiguration(name="r", typed_per_filter_config=config)
    with pytest.raises(ResourceError, match=r'typed_per_filter_config\["my.tap"\].common_config'):
        Resource.of(made)


def test_another_prefix_of_the_type_hides_nothing() -> None:
    config = any_of(tap.Tap(common_config=common(GRPC)))
    config.type_url = config.type_url.replace("type.googleapis.com", "example.com")
    with pytest.raises(ResourceError, match="aborts Envoy"):
        Resource.of(core.TypedExtensionConfig(name="x", typed_config=config))


TAP = "envoy.extensions.filters.http.tap.v3.Tap"


@pytest.mark.parametrize(
    ("name", "value"),
    [(TAP, b"\x0a\x28\x0a\x05"), ("xds.type.v3.TypedStruct", f"\x0a\x30{TAP}".encode())],
)
def test_a_tap_in_what_can_not_be_read_is_refused(name: str, value: bytes) -> None:
    config = protobuf.Any(type_url=f"type.googleapis.com/{name}", value=value)
    with pytest.raises(ResourceError, match="TypedExtensionConfig 'x': typed_config: a tap "):
        Resource.of(core.TypedExtensionConfig(name="x", typed_config=config))


def test_configs_nested_without_end_are_refused() -> None:
    config = any_of(tap.Tap(common_config=common(FILE)))
    for _ in range(200):
        config = any_of(core.TypedExtensionConfig(name="x", typed_config=config))
    with pytest.raises(ResourceError, match="more than 100 levels"):
        Resource.of(core.TypedExtensionConfig(name="x", typed_config=config))


def test_taps_that_envoy_survives_are_served() -> None:
    admin = common_tap.CommonExtensionConfig(
        admin_config=common_tap.AdminConfig(config_id="meshloom")
    )
    live = hcm.HttpFilter(name="tap", typed_config=any_of(tap.Tap(common_config=admin)))
    assert http_listener(filters=[live, http_filter(FILE)], transport_socket=socket(FILE))


def test_a_waiting_tap_hides_no_other() -> None:
    """What only waits for /tap is seen at once; anything beside it is looked at."""
    waiting = common_tap.CommonExtensionConfig(admin_config=common_tap.AdminConfig(config_id="m"))
    live = hcm.HttpFilter(name="tap", typed_config=any_of(tap.Tap(common_config=waiting)))
    with pytest.raises(ResourceError, match=r"http_filters\[1\].typed_config.common_config"):
        http_listener(filters=[live, http_filter(GRPC)])
    body = any_of(tap.Tap(common_config=waiting)).value
    merged = body + any_of(tap.Tap(common_config=common(GRPC))).value  # protobuf merges the two
    packed = protobuf.Any(type_url=f"type.googleapis.com/{TAP}", value=merged)
    with pytest.raises(ResourceError, match="aborts Envoy"):
        Resource.of(core.TypedExtensionConfig(name="x", typed_config=packed))


def test_the_tap_of_our_own_listeners_is_seen_without_parsing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = common_tap.AdminConfig(config_id="meshloom")
    own = tap.Tap(
        common_config=common_tap.CommonExtensionConfig(admin_config=admin),
        record_headers_received_time=True,
        record_downstream_connection=True,
        record_upstream_connection=True,
    )
    made = http_listener(filters=[hcm.HttpFilter(name="tap", typed_config=any_of(own))])
    monkeypatch.setattr(deadly, "_in_any", None)
    check_not_deadly(made.type.type_url, made.name, made.body)


def test_a_resource_without_a_tap_is_not_even_parsed() -> None:
    check_not_deadly(ResourceType.LISTENER.type_url, "x", b"\xff\xff no message at all")
    body = serialize(cluster.Cluster(name="x"))
    assert Resource.of_bytes(ResourceType.CLUSTER, "x", body)


def _quoted(text: str) -> str:
    return text.replace("[", r"\[").replace("]", r"\]")

"""Typed messages to bytes and back to something that a person can read."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from xds_server import mirror
from xds_server.errors import MessageError, ResourceError, WireError
from xds_server.protos import (
    Message,
    cluster,
    core,
    endpoint,
    envoy_type,
    hcm,
    listener,
    message_pool,
    protobuf,
    route,
    router,
)

STATIC = cluster.ClusterDiscoveryType.STATIC


def assignment(*ports: int) -> endpoint.ClusterLoadAssignment:
    hosts = [
        endpoint.LbEndpoint(
            endpoint=endpoint.Endpoint(
                address=core.Address(
                    socket_address=core.SocketAddress(address="127.0.0.1", port_value=port)
                )
            )
        )
        for port in ports
    ]
    locality = endpoint.LocalityLbEndpoints(lb_endpoints=hosts)
    return endpoint.ClusterLoadAssignment(cluster_name="a", endpoints=[locality])


def test_the_bytes_are_those_of_the_wire_format() -> None:
    message = cluster.Cluster(name="a", connect_timeout=timedelta(seconds=2.5), type=STATIC)
    assert mirror.serialize(message) == bytes.fromhex(
        "0a0161"  # field 1, "a"
        "1000"  # field 2, a member of a oneof: sent although it is 0
        "2208"
        "0802"
        "1080cab5ee01"  # field 4, a Duration: 2 s, 500,000,000 ns
    )


def test_the_bytes_say_the_same_as_the_messages_own_codec() -> None:
    message = cluster.Cluster(
        name="a",
        type=STATIC,
        connect_timeout=timedelta(seconds=1),
        per_connection_buffer_limit_bytes=0,
        load_assignment=assignment(80, 81),
        metadata=core.Metadata(
            filter_metadata={"x": protobuf.Struct.from_dict({"k": [1, "two", None, True]})}
        ),
        typed_extension_protocol_options={"o": protobuf.Any(type_url="t/x.Y", value=b"\x01")},
    )
    read = mirror.parse(cluster.Cluster, bytes(message))
    assert read.SerializeToString(deterministic=True) == mirror.serialize(message)


def test_an_empty_message_is_sent_where_it_means_something() -> None:
    source = core.ConfigSource(ads=core.AggregatedConfigSource())
    assert mirror.serialize(source) == bytes.fromhex("1a00")


def test_a_wrapper_keeps_its_zero_and_drops_its_none() -> None:
    held = cluster.Cluster(per_connection_buffer_limit_bytes=0)
    assert mirror.serialize(held) == bytes.fromhex("2a00")
    assert mirror.serialize(cluster.Cluster(per_connection_buffer_limit_bytes=None)) == b""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-0.5, "-0.500s"), (-1.25, "-1.250s"), (0, "0s"), (90061.5, "90061.500s")],
)
def test_a_duration_has_the_sign_of_its_time(seconds: float, shown: str) -> None:
    message = cluster.Cluster(connect_timeout=timedelta(seconds=seconds))
    assert mirror.render(*mirror.pack(message)) == {"connect_timeout": shown}


def test_map_entries_come_in_one_order_whatever_their_history() -> None:
    one, other = (
        route.VirtualHost(typed_per_filter_config={k: protobuf.Any(type_url=k) for k in keys})
        for keys in ("abc", "cab")
    )
    assert mirror.serialize(one) == mirror.serialize(other)


def test_fields_that_a_parsed_message_did_not_know_survive() -> None:
    unknown = bytes.fromhex("fa7f0161")  # field 2047, "a"
    message = cluster.Cluster.parse(bytes(cluster.Cluster(name="a")) + unknown)
    assert mirror.serialize(message) == bytes.fromhex("0a0161") + unknown


C, E = cluster.Cluster, endpoint.ClusterLoadAssignment


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (C(name=3), "Cluster.name: got int 3, wanted string"),
        (C(name=[]), "Cluster.name: got list [], wanted str"),
        (C(lb_policy=77), "Cluster.lb_policy: got int 77, wanted a member of ClusterLbPolicy"),
        (C(connect_timeout=3), "Cluster.connect_timeout: got int 3, wanted timedelta"),
        (
            C(per_connection_buffer_limit_bytes=2**32),
            "Cluster.per_connection_buffer_limit_bytes: got int 4294967296, wanted uint32",
        ),
        (
            C(ignore_health_on_host_removal=1),
            "Cluster.ignore_health_on_host_removal: got int 1, wanted bool",
        ),
        (
            C(load_assignment={}),
            "Cluster.load_assignment: got dict {}, wanted ClusterLoadAssignment",
        ),
        (
            C(load_assignment=E(endpoints=[None])),
            "Cluster.load_assignment.endpoints[0]: got NoneType None, wanted LocalityLbEndpoints",
        ),
        (
            C(load_assignment=E(endpoints=endpoint.LocalityLbEndpoints())),
            "Cluster.load_assignment.endpoints: got LocalityLbEndpoints LocalityLbEndpoints(), "
            "wanted list",
        ),
        (
            C(type=STATIC, cluster_type=cluster.ClusterCustomClusterType(name="x")),
            "Cluster.cluster_type: set together with type, wanted only one of the two",
        ),
        (
            C(typed_extension_protocol_options={"a": 3}),
            "Cluster.typed_extension_protocol_options['a']: got int 3, wanted Any",
        ),
        (
            C(typed_extension_protocol_options={3: protobuf.Any()}),
            "Cluster.typed_extension_protocol_options[3]: wanted another type of key",
        ),
        (
            route.VirtualHost(domains=["a", 7]),
            "VirtualHost.domains[1]: got int 7, wanted string",
        ),
        (
            E(
                policy=endpoint.ClusterLoadAssignmentPolicy(
                    drop_overloads=[
                        endpoint.ClusterLoadAssignmentPolicyDropOverload(
                            drop_percentage=envoy_type.FractionalPercent(numerator=-1)
                        )
                    ]
                )
            ),
            "ClusterLoadAssignment.policy.drop_overloads[0].drop_percentage.numerator: "
            "got int -1, wanted uint32",
        ),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_a_wrong_value_is_refused_with_the_path_of_its_field(message: Message, told: str) -> None:
    with pytest.raises(MessageError) as caught:
        mirror.serialize(message)
    assert str(caught.value) == told


def test_render_shows_the_bytes_with_every_any_open() -> None:
    manager = hcm.HttpConnectionManager(
        stat_prefix="x",
        http_filters=[hcm.HttpFilter(name="r", typed_config=mirror.any_of(router.Router()))],
        stream_idle_timeout=timedelta(seconds=5),
    )
    message = listener.Listener(
        name="l",
        filter_chains=[
            listener.FilterChain(
                filters=[listener.Filter(name="hcm", typed_config=mirror.any_of(manager))]
            )
        ],
    )
    base = "type.googleapis.com/envoy.extensions.filters"
    assert mirror.render(*mirror.pack(message)) == {
        "name": "l",
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "hcm",
                        "typed_config": {
                            "@type": f"{base}.network.http_connection_manager.v3"
                            ".HttpConnectionManager",
                            "stat_prefix": "x",
                            "http_filters": [
                                {
                                    "name": "r",
                                    "typed_config": {"@type": f"{base}.http.router.v3.Router"},
                                }
                            ],
                            "stream_idle_timeout": "5s",
                        },
                    }
                ]
            }
        ],
    }


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (C(lb_policy=cluster.ClusterLbPolicy.MAGLEV), {"lb_policy": "MAGLEV"}),
        (
            C(load_assignment=E(named_endpoints={"x": endpoint.Endpoint(hostname="h")})),
            {"load_assignment": {"named_endpoints": {"x": {"hostname": "h"}}}},
        ),
        (
            core.Metadata(filter_metadata={"m": protobuf.Struct.from_dict({"a": [1, None]})}),
            {"filter_metadata": {"m": {"a": [1.0, None]}}},
        ),
        (core.DataSource(inline_bytes=b"\x00\xff"), {"inline_bytes": "AP8="}),
        (envoy_type.DoubleRange(start=float("-inf")), {"start": "-Infinity"}),
        (envoy_type.Int64Range(start=2**60), {"start": "1152921504606846976"}),
        (
            core.TypedExtensionConfig(
                typed_config=protobuf.Any(type_url="x/foo.Bar", value=b"\x01")
            ),
            {"typed_config": {"@type": "x/foo.Bar", "value": "AQ=="}},
        ),
        (
            core.TypedExtensionConfig(typed_config=mirror.any_of(protobuf.StringValue(value="s"))),
            {
                "typed_config": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": "s",
                }
            },
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_render_shows_the_values_of_proto_json(message: Message, shown: dict[str, Any]) -> None:
    assert mirror.render(*mirror.pack(message)) == shown


def test_an_empty_any_is_shown_so_that_it_can_be_read_again() -> None:
    message = route.FilterConfig(config=protobuf.Any())
    type_url, body = mirror.pack(message)
    shown = mirror.render(type_url, body)
    assert shown == {"config": {}}
    assert mirror.from_json({"@type": type_url, **shown}) == (type_url, body)


def test_a_timestamp_is_shown_in_utc() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stamp = protobuf.Timestamp(seconds=int(moment.timestamp()))
    message = core.TypedExtensionConfig(typed_config=mirror.any_of(stamp))
    assert mirror.render(*mirror.pack(message))["typed_config"]["value"] == "2026-01-02T03:04:05Z"


def test_bytes_of_an_unknown_type_or_of_none_are_refused() -> None:
    with pytest.raises(ResourceError, match=r"x/foo\.Bar: Envoy has no message of that type"):
        mirror.render("x/foo.Bar", b"")
    with pytest.raises(WireError, match="2 bytes are no Cluster"):
        mirror.render(mirror.type_url_of(cluster.Cluster), b"\x0a\x05")


def test_every_message_that_a_config_can_hold_has_a_mirror() -> None:
    """All but the descriptors of protobuf itself, which no configuration carries."""
    for cls in message_pool.type_to_url:
        if not cls.__module__.endswith("google.protobuf"):
            assert mirror.mirror_class(cls).DESCRIPTOR.name == cls.__name__


def test_only_what_a_class_reaches_is_built() -> None:
    code = (
        "from xds_server import mirror, protos\n"
        "mirror.mirror_class(protos.discovery.DiscoveryRequest)\n"
        "print('Cluster' in {cls.__name__ for cls in mirror._files})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

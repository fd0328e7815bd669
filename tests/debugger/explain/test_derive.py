"""From snapshots to all that could become of a request, also without HTTP and without an Envoy."""

from __future__ import annotations

from pathlib import Path

from debugger.explain.arriving.asked import Asked, Connection
from debugger.explain.arriving.listening import listening
from debugger.explain.derive import derive
from debugger.explain.served import Served
from debugger.explain.way import Derived
from debugger.routing.decision import NoRoute
from mesh_traffic import Request
from tests.debugger.explain.made import answer, served
from xds_server.mirror import any_of
from xds_server.protos import cluster, core, hcm, listener, protobuf
from xds_server.resource import Resource

GRPC = """
mesh:
  services:
    web: {calls: [greeter], dataplane: grpc, protocol: grpc}
    greeter: {versions: {v1: , v2: }, protocol: grpc}
patterns:
  - {pattern: canary, on: greeter, weights: {v1: 90, v2: 10}}
"""
MESH = """
mesh:
  services:
    web: {calls: [api]}
    api: {versions: {v1: , v2: }}
patterns:
  - {pattern: route, on: api, rules: [{to: v1}]}
  - {pattern: mirror, on: web -> api, to: v2}
"""


def made(of: Served, asked: Asked) -> Derived:
    (found,) = listening(of, asked)
    return derive(of, asked, found)


def at(port: int, *filters: listener.Filter) -> Resource:
    socket = core.SocketAddress(address="127.0.0.1", port_value=port)
    return Resource.of(
        listener.Listener(
            name="l",
            address=core.Address(socket_address=socket),
            filter_chains=[listener.FilterChain(filters=list(filters))],
        ),
        origins={"": "m.yaml:1:1"},
    )


def tcp(cluster_name: str) -> listener.Filter:
    """Written by hand: the door does not have this message."""
    body = b"\x0a\x01x\x12" + bytes([len(cluster_name)]) + cluster_name.encode()
    url = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    return listener.Filter(name="tcp", typed_config=protobuf.Any(type_url=url, value=body))


def test_a_connection_that_is_passed_on_has_a_cluster_and_no_route() -> None:
    of = Served(answer("n", [at(9, tcp("db")), Resource.of(cluster.Cluster(name="db"))]))
    found = made(of, Asked(Request(""), Connection(port=9), opaque=True))
    assert found.protocol == "tcp"
    assert [each.name for each in found.ways[0].targets] == ["db"]


def test_a_connection_without_http_at_a_listener_for_it_has_no_route(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    found = made(of, Asked(Request(""), direction="outbound", owner="web", opaque=True))
    assert found.ways == ()
    assert found.notes == ("no HTTP request was seen on this connection, so no route is derived",)


def test_what_other_filters_do_is_not_pretended_to_be_known() -> None:
    odd = protobuf.Any(type_url="type.googleapis.com/my.Own", value=b"")
    of = Served(answer("n", [at(9, listener.Filter(name="o", typed_config=odd))]))
    found = made(of, Asked(Request(), Connection(port=9)))
    assert found.ways == ()
    assert found.notes == ("what the filters Own do is not read here",)


def test_a_table_that_was_not_served_is_no_route() -> None:
    source = core.ConfigSource(ads=core.AggregatedConfigSource())
    manager = hcm.HttpConnectionManager(rds=hcm.Rds(route_config_name="gone", config_source=source))
    network = listener.Filter(name="m", typed_config=any_of(manager))
    found = made(Served(answer("n", [at(9, network)])), Asked(Request(), Connection(port=9)))
    (way,) = found.ways
    assert isinstance(way.action, NoRoute)
    assert "'gone' was not served" in way.action.why


def test_a_copy_goes_to_another_cluster_and_has_its_line(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    asked = Asked(Request("GET", "/", "api"), direction="outbound", owner="web")
    (way,) = made(of, asked).ways
    assert [each.name for each in way.targets] == ["api/v1"]
    ((cluster_name, place),) = way.mirrors
    assert cluster_name == "api/v2"
    assert place.startswith("m.yaml:")


def test_a_grpc_client_without_an_envoy_decides_by_its_own_listener(tmp_path: Path) -> None:
    of = served(tmp_path, GRPC, "web", kind="grpc")
    asked = Asked(Request("POST", "/x.Y/Z", "greeter"), direction="outbound", owner="web")
    found = made(of, asked)
    assert found.protocol == "grpc"
    assert found.notes[0].startswith("there is no Envoy here")
    (way,) = found.ways
    assert way.patience is not None
    assert way.patience.timeout is None
    assert [(each.name, each.weight) for each in way.targets] == [
        ("greeter/v1", 90),
        ("greeter/v2", 10),
    ]

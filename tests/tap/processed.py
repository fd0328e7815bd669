"""A real Envoy whose captures come by ext_proc, its control plane, and an upstream of all kinds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from mesh_patterns.compile.ext_proc import extension, http_filter
from mesh_patterns.placement import CAPTURES, PROCESSOR
from meshloom.capture import EcdsSwitch
from mini_mesh.bootstrap import NO_WORD_OF_LOSSES, XDS_CLUSTER, EnvoyNode, bootstrap
from mini_mesh.control.plane import ControlPlane
from mini_mesh.ports import Ports
from tap.language.match import read_match
from tap.live.hub import Hub
from tap.live.viewer import Viewer, Wish
from tap.sources.access_log import access_logs
from tap.sources.ext_proc import ExtProc, Processor
from tests.tap.conftest import OPTIONS, Envoy
from tests.tap.watched import attached
from xds_server.mirror import render, serialize, type_url_of
from xds_server.snapshot import Snapshot

NODE = "productpage"
CLUSTERS = (XDS_CLUSTER, CAPTURES, PROCESSOR)


@dataclass
class ProcessedEnvoy(Envoy):
    """As ``Envoy``, with the filter that a mesh's listeners have. ``at_a_time``: how many requests
    it tells of, where that is to be another number than in a mesh."""

    options = NO_WORD_OF_LOSSES
    xds: int = 0
    at_a_time: int | None = None
    ports: Ports = field(default_factory=Ports)

    def __post_init__(self) -> None:
        super().__post_init__()
        file = self.folder / "envoy.json"
        config = json.loads(file.read_text())
        file.write_text(json.dumps(self._processed(config)))

    def _processed(self, config: dict[str, Any]) -> dict[str, Any]:
        node = EnvoyNode(
            NODE, "tests", self.xds, self.admin, captures=self.captures, processor=self.processor
        )
        like = bootstrap(node)
        static = config["static_resources"]
        for each in static["listeners"]:
            manager = each["filter_chains"][0]["filters"][0]["typed_config"]
            made = http_filter()
            manager["http_filters"][0] = render(type_url_of(type(made)), serialize(made))
            manager["http_protocol_options"] = {"enable_trailers": True}
            log = manager["access_log"][0]["typed_config"]["common_config"]["grpc_service"]
            log["envoy_grpc"]["cluster_name"] = CAPTURES
        clusters = [one for one in static["clusters"] if one["name"] != "captures"]
        http1 = {"explicit_http_config": {"http_protocol_options": {"enable_trailers": True}}}
        options = {OPTIONS: {"@type": f"type.googleapis.com/{OPTIONS}", **http1}}
        clusters[0]["typed_extension_protocol_options"] = options
        ours = [one for one in like["static_resources"]["clusters"] if one["name"] in CLUSTERS]
        if self.at_a_time is not None:
            ours[-1]["circuit_breakers"]["thresholds"][0]["max_requests"] = self.at_a_time
        static["clusters"] = [*clusters, *ours]
        config["dynamic_resources"] = {"ads_config": like["dynamic_resources"]["ads_config"]}
        return config

    def port(self) -> int:
        return self.ports.take()

    @property
    def processor(self) -> Path:
        """The socket to which it sends whole requests."""
        return self.folder / "requests.sock"

    async def stat(self, ending: str) -> int:
        """The sum of the counters whose names end so."""
        url = f"http://127.0.0.1:{self.admin}/stats?format=json"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            stats = (await answer.json(content_type=None))["stats"]
        found = [one for one in stats if one.get("name", "").endswith(ending)]
        assert found, ending
        return sum(one["value"] for one in found)


async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers as the path says, and with the length of the body that it got."""
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
            body = await reader.readexactly(size)
            path = head.split()[1]
            if path == b"/hold":
                await asyncio.sleep(1)
            if path == b"/trailers":
                answer = b"transfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n"
                answer += b"5\r\nhello\r\n0\r\nx-end: yes\r\n\r\n"
            elif path == b"/breaks":
                answer = b"content-length: 100\r\n\r\n" + b"part"
            else:
                content = b"y" * 200_000 if path == b"/big" else b"got %d" % len(body)
                answer = b"content-length: %d\r\n\r\n" % len(content) + content
            writer.write(b"HTTP/1.1 200 OK\r\n" + answer)
            await writer.drain()
            if path == b"/breaks":
                break
    writer.close()


@dataclass
class Tapped:
    """The Envoy with its control plane."""

    envoy: ProcessedEnvoy
    control: ControlPlane

    @asynccontextmanager
    async def hub(self, **more: Any) -> AsyncIterator[Hub]:
        """A hub that takes what the Envoy tells."""
        processor = Processor()
        door = ExtProc(EcdsSwitch(self.control))
        hub = Hub(
            [self.envoy.target],
            self.envoy.topology,
            open_source=lambda target, request: door.open(target.node, request),
            **{"logged": True, **more},
        )
        processor.opened = hub.open_stream
        logs = access_logs(self.envoy.captures, hub.open_log)
        async with logs, processor.listening(self.envoy.processor), hub.running():
            yield hub

    @asynccontextmanager
    async def watching(self, match: str = "", **more: Any) -> AsyncIterator[tuple[Hub, Viewer]]:
        async with self.hub(**more) as hub:
            with watch(hub, match) as viewer:
                await attached(viewer)
                yield hub, viewer


def watch(hub: Hub, match: str = "") -> Any:
    """As ``meshloom tap`` does."""
    read = read_match(match)
    return hub.watch(read, Wish(implied=read.implied))


@asynccontextmanager
async def tapped(binary: Path, folder: Path, at_a_time: int | None = None) -> AsyncIterator[Tapped]:
    """One that has started, and captures nothing yet."""
    server = await asyncio.start_server(upstream, "127.0.0.1", 0)
    control = ControlPlane(lambda event: None)
    xds = await control.start(0)
    control.serve({NODE: Snapshot.of([extension(NODE)])})
    port: int = server.sockets[0].getsockname()[1]
    envoy = ProcessedEnvoy(binary, folder, port, xds=xds, at_a_time=at_a_time)
    try:
        await asyncio.to_thread(envoy.start)
        await _listening(envoy.outbound)
        yield Tapped(envoy, control)
    finally:
        envoy.kill()
        envoy.ports.close()
        await control.stop()
        server.close()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)

"""A real grpcio that is told by xDS what to do, in a process of its own, and whom it calls."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from mini_mesh.grpc_bootstrap import GrpcNode, environment
from tests.mesh_patterns.running import DEADLINE
from xds_server.cache import Cache
from xds_server.events import Event, Nacked
from xds_server.resource import Resource
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

NODE = "web"

_CLIENT = """
import grpc, json, sys, time
channels = {}
def ask(target, method, metadata, timeout):
    if target not in channels:
        channels[target] = grpc.insecure_channel("xds:///" + target)
    start = time.perf_counter()
    try:
        call = channels[target].unary_unary(method)
        metadata = [tuple(pair) for pair in metadata]
        said = "OK", call(b"", metadata=metadata, timeout=timeout).decode()
    except grpc.RpcError as error:
        said = error.code().name, error.details()
    return [*said, time.perf_counter() - start]
for line in sys.stdin:
    print(json.dumps(ask(*json.loads(line))), flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """``status`` is gRPC's, by name; ``text`` is who answered, or why nobody did."""

    status: str
    text: str
    seconds: float

    @property
    def said(self) -> str:
        return self.text if self.status == "OK" else self.status


@dataclass
class Upstream:
    """A gRPC server in this process. Metadata say what it is to do: ``wait`` seconds, ``fail`` with
    a status. It counts what arrives, by ``id``, and remembers what was asked last. With a ``load``
    it tells how busy it is, by ORCA.
    """

    mark: str
    port: int = 0
    arrived: Counter[str] = field(default_factory=Counter)
    asked: tuple[str, Mapping[str, Any]] = ("", {})
    load: float | None = None
    _server: Any = None

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Upstream]:
        self._server = server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers([_Handler(self._say)])
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    async def stop(self) -> None:
        """Answer nobody any more."""
        await self._server.stop(None)

    async def _say(self, method: str, context: Any) -> bytes:
        metadata = dict(context.invocation_metadata())
        self.asked = (method, metadata)
        self.arrived[metadata.get("id", "")] += 1
        await asyncio.sleep(float(metadata.get("wait", 0)))
        if "fail" in metadata:
            await context.abort(grpc.StatusCode[metadata["fail"]], "as it was asked to")
        if self.load is not None:
            context.set_trailing_metadata([("endpoint-load-metrics-bin", _report(self.load))])
        return self.mark.encode()


def _report(load: float) -> bytes:
    """xds.data.orca.v3.OrcaLoadReport: rps_fractional is its field 6, application_utilization 9."""
    return struct.pack("<BdBd", 6 << 3 | 1, 100.0, 9 << 3 | 1, load)


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio is untyped
    def __init__(self, say: Callable[[str, Any], Any]) -> None:
        self._say = say

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def handle(request: bytes, context: Any) -> bytes:
            return bytes(await self._say(details.method, context))

        return grpc.unary_unary_rpc_method_handler(handle)


class Client:
    """Asks one thing after the other; ``refused`` is what it NACKed."""

    def __init__(self, process: asyncio.subprocess.Process, refused: list[str]) -> None:
        assert process.stdin
        assert process.stdout
        self.refused = refused
        self._stdin, self._stdout = process.stdin, process.stdout

    async def ask(
        self,
        target: str,
        method: str = "/test.Echo/Say",
        **metadata: str,
    ) -> Answer:
        fields = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        self._stdin.write(json.dumps([target, method, fields, DEADLINE]).encode() + b"\n")
        async with asyncio.timeout(DEADLINE):
            return Answer(*json.loads(await self._stdout.readline()))

    async def says(self, target: str, method: str = "/test.Echo/Say", **metadata: str) -> str:
        """Who answered, or the name of the status."""
        return (await self.ask(target, method, **metadata)).said


@asynccontextmanager
async def client(resources: Iterable[Resource]) -> AsyncIterator[Client]:
    """A client that is served ``resources``."""
    refused: list[str] = []

    def heard(event: Event) -> None:
        if isinstance(event, Nacked):
            refused.append(str(event.record))

    cache = Cache()
    cache.set(NODE, Snapshot.of(resources))
    server = XdsServer(cache, on_event=heard)
    node = GrpcNode(NODE, "test", await server.start())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CLIENT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment(node), "GRPC_VERBOSITY": "NONE"},
    )
    try:
        yield Client(process, refused)
    finally:
        process.kill()
        await process.wait()
        await server.stop()


@asynccontextmanager
async def upstreams(*marks: str) -> AsyncIterator[dict[str, Upstream]]:
    async with AsyncExitStack() as stack:
        yield {mark: await stack.enter_async_context(Upstream(mark).running()) for mark in marks}

"""The oracle: one real Envoy that runs what patterns compile to, and an upstream that obeys.

The Envoy plays every node at once (``dataplane: node``), or takes one snapshot after the other and
says what it thinks of each. Workloads are sockets of this process.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.identity import Identity
from mesh_patterns.load import load
from mesh_patterns.model import CLIENT
from mesh_patterns.placement import Caller, Placement, call, inbound, needs, workload
from mini_mesh.bootstrap import EnvoyNode, arguments, bootstrap
from mini_mesh.certificates.issuer import Issuer
from mini_mesh.envoy_binary import EnvoyNotFound, locate
from mini_mesh.ports import LOOPBACK, Ports
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import wait_for_live
from mini_mesh.processes.supervisor import Supervisor
from xds_server.cache import Cache
from xds_server.clients.status import Status
from xds_server.events import Event, Nacked
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

DEADLINE = 15.0  # seconds until a test that waits for an event gives up
Fields = Mapping[str, str] | Sequence[tuple[str, str]]
NODE = "node"  # the one Envoy of ``dataplane: node``


def drafted(text: str, folder: Path) -> Draft:
    """The draft of a pattern file's text."""
    path = folder / "mesh.yaml"
    path.write_text(dedent(text))
    return load([path])


class Oracle:
    """An Envoy and its control plane; ``refused`` holds the text of every NACK."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.admin = 0  # the port of its admin interface
        self._cache = Cache()
        self._status = Status()
        self._changed = asyncio.Event()

    def heard(self, event: Event) -> None:
        self._status.record(event)
        if isinstance(event, Nacked):
            self.refused.append(str(event.record))
        self._changed.set()

    async def judge(self, snapshot: Snapshot) -> list[str]:
        """What Envoy refuses of a snapshot; nothing when all of it is in effect."""
        before = len(self.refused)
        self._cache.set(NODE, snapshot)
        async with asyncio.timeout(DEADLINE):
            while not self._status.applied(NODE, snapshot) and len(self.refused) == before:
                self._changed.clear()
                await self._changed.wait()
        refused = self.refused[before:]
        if refused:
            self._cache.set(NODE, Snapshot.of([]))  # what was refused once is not sent again
        return refused

    @asynccontextmanager
    async def running(self, ports: Ports) -> AsyncIterator[Oracle]:
        """Inside it the Envoy runs, with no resources yet."""
        try:
            envoy, _ = locate(None, os.environ)
        except EnvoyNotFound as error:
            pytest.skip(str(error))
        server = XdsServer(self._cache, on_event=self.heard)
        self.admin = admin = ports.take()
        self._cache.set(NODE, Snapshot.of([]))
        node = EnvoyNode(NODE, "test", await server.start(), admin)
        spec = ProcessSpec("envoy", arguments(envoy, bootstrap(node)))
        async with Supervisor(grace=0.1) as supervisor:
            process = await supervisor.start(spec)
            try:
                await wait_for_live(process, admin)
                yield self
            finally:
                await server.stop()


@asynccontextmanager
async def oracle() -> AsyncIterator[Oracle]:
    with Ports() as ports:
        async with Oracle().running(ports) as envoy:
            yield envoy


@dataclass
class Upstream:
    """Every workload. A request says how it wants to be answered, and what was asked is counted.

    ``x-answer: 503,503,200`` are the statuses of the first, second, … request of one ``x-id``, the
    last for all that follow; ``x-wait`` are seconds before the answer. A path in ``bodies`` is
    answered with what is there. Each instance tells the load that it has in ``loads``, by ORCA.
    """

    bodies: dict[str, str] = field(default_factory=dict)
    loads: dict[str, str] = field(default_factory=dict)
    reached: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    hosts: Counter[str] = field(default_factory=Counter)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for requests that nobody waits for."""
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self._asked.clear()
                await self._asked.wait()

    def handler(self, instance: str) -> web.Server:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            name = request.headers.get("x-id", "")
            answers = request.headers.get("x-answer", "200").split(",")
            status = int(answers[min(self.tries[name], len(answers) - 1)])
            self.reached[instance] += 1
            self.tries[name] += 1
            self.times.append(asyncio.get_running_loop().time())
            self.hosts[request.headers["host"]] += 1
            self._asked.set()
            await asyncio.sleep(float(request.headers.get("x-wait", "0")))
            fields = [(name.lower(), value) for name, value in request.headers.items()]
            said = {"instance": instance, "path": request.raw_path, "headers": fields}
            headers = {"x-powered-by": "patience", "x-kind": "echo"}
            if instance in self.loads:
                headers["endpoint-load-metrics"] = f"TEXT {self.loads[instance]}"
            if request.path in self.bodies:
                return web.Response(text=self.bodies[request.path], headers=headers)
            return web.json_response(said, status=status, headers=headers)

        return web.Server(handle, access_log=None)


@dataclass(frozen=True)
class Answer:
    """What a client got; ``instance`` answered and saw ``path``, unless Envoy answered itself."""

    status: int
    headers: Mapping[str, str]
    body: str
    seconds: float

    @property
    def said(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.body)
        return answer

    @property
    def instance(self) -> str:
        return str(self.said["instance"])

    @property
    def path(self) -> str:
        return str(self.said["path"])

    def got(self, name: str) -> list[str]:
        """The values of a field, as the upstream received it."""
        return [value for field, value in self.said["headers"] if field == name]


@dataclass
class Running:
    """A mesh that runs in one Envoy."""

    draft: Draft
    placement: Placement
    upstream: Upstream
    http: aiohttp.ClientSession
    admin: int
    identities: Mapping[str, Identity]

    async def stat(self, name: str) -> int:
        """One of Envoy's counters."""
        url = f"http://{LOOPBACK}:{self.admin}/stats?format=json&filter=^{name}$"
        async with self.http.get(url) as response:
            found = (await response.json())["stats"]
        return int(found[0]["value"]) if found else 0

    async def get(
        self,
        to: str,
        path: str = "/",
        headers: Fields = (),
        method: str = "GET",
        caller: str = CLIENT,
        host: str | None = None,
    ) -> Answer:
        """Send what ``caller``'s workload would send to the service ``to``."""
        return await self.send(call(Caller(caller, caller), to), path, headers, method, host or to)

    def url(self, key: str, path: str) -> URL:
        return URL(f"http://{LOOPBACK}:{self.placement.port(key)}{path}", encoded=True)

    async def send(
        self,
        key: str,
        path: str,
        headers: Fields,
        method: str,
        host: str,
    ) -> Answer:
        given = headers.items() if isinstance(headers, Mapping) else headers
        fields = [("host", host), *given]
        url = self.url(key, path)
        now = asyncio.get_running_loop().time
        start = now()
        async with self.http.request(
            method, url, headers=fields, allow_redirects=False
        ) as response:
            body = await response.text()
            return Answer(response.status, response.headers, body, now() - start)


@asynccontextmanager
async def running(
    text: str, folder: Path, issue: Callable[[Draft], Mapping[str, Identity]] | None = None
) -> AsyncIterator[Running]:
    """The mesh that a pattern file describes (``dataplane: node``), accepted and answering.

    ``issue`` makes certificates that are not as they should be.
    """
    draft = drafted(text, folder)
    identities = issue(draft) if issue else Issuer().identities(draft)
    assert draft.mesh.dataplane == "node"
    async with AsyncExitStack() as stack:
        ports = stack.enter_context(Ports())
        placement = Placement({need.key: ports.take(need.port) for need in needs(draft.mesh)})
        upstream = Upstream()
        for instance in draft.mesh.instances():
            runner = web.ServerRunner(upstream.handler(instance.id), shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            port = placement.port(workload(instance))
            await web.TCPSite(runner, LOOPBACK, port, reuse_address=True).start()
        envoy = await stack.enter_async_context(Oracle().running(ports))
        snapshots = compile_mesh(draft, placement, identities)
        refused = await envoy.judge(snapshots[NODE])
        assert refused == [], refused
        http = await stack.enter_async_context(_client())
        mesh = Running(draft, placement, upstream, http, envoy.admin, identities)
        await _until_it_answers(mesh)
        yield mesh


def _client() -> aiohttp.ClientSession:
    quiet = ("user-agent", "accept", "accept-encoding")
    timeout = aiohttp.ClientTimeout(total=DEADLINE)
    return aiohttp.ClientSession(skip_auto_headers=quiet, timeout=timeout)


async def _until_it_answers(mesh: Running) -> None:
    """An ACK of a listener comes before its socket; each is there a moment later."""
    for instance in mesh.draft.mesh.instances():
        await until_open(mesh.placement.port(inbound(instance)))
    for key in mesh.placement.ports:
        if key.startswith(("call:", "outbound:", "ingress:")):
            await until_open(mesh.placement.port(key))


async def until_open(port: int) -> None:
    """Until somebody listens there."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.002)
                continue
            writer.close()
            await writer.wait_closed()
            return

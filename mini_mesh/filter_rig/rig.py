"""The rig: one Envoy, started once, and requests through its filters one after the other.

A door. Each exchange ends when Envoy's own gauges say so: the request is over and its filters are
gone, every callout has ended, and what Envoy has written to the upstreams has arrived there. What
it wrote to its log until then belongs to this request and to no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh_traffic import Request
from mini_mesh.envoy_binary import EnvoyBinary
from mini_mesh.filter_rig.admin import Admin, Pace, Stats
from mini_mesh.filter_rig.client import PATIENCE, Received, pieces, send
from mini_mesh.filter_rig.config import UPSTREAM, Layout, bootstrap, stat_prefix
from mini_mesh.filter_rig.log import FORMAT, TRACED, Line, read_line
from mini_mesh.filter_rig.upstream import Answer, Script, Upstream
from mini_mesh.filter_rig.wire import Message
from mini_mesh.ports import LOOPBACK, Ports
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import NotReady, wait_for_live
from mini_mesh.processes.supervisor import Supervisor

START_TIME = 30.0  # seconds until Envoy has to be there; compiling a large module takes some
LAST_LINES = 10  # of the log, for the person whose filter Envoy refuses
_OF_METRICS = "wasmcustom."
_UNDER_WAY = ("rq_active", "rq_pending_active")


class RigError(Exception):
    """Envoy does not start with these filters, or has ended: the message has its last lines."""


def nothing_special(message: Message) -> Script:
    """What an upstream answers that nobody has told anything: 200 and an empty body."""
    return Script()


@dataclass(frozen=True, slots=True)
class PortsUsed:
    """On loopback: from ``client`` to ``listener``, and from ``envoy`` to ``upstream``."""

    client: int = 0
    listener: int = 0
    envoy: int = 0
    upstream: int = 0


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One request through a chain: what each end saw of it, and what the worker logged meanwhile.

    ``upstream`` and ``callouts``, by cluster, are requests as they arrived, not all of them whole.
    ``ports`` are those of its connections. ``settled`` says that all was over when the log was
    read; else a callout was still under way.
    """

    received: Received
    upstream: tuple[Message, ...]
    callouts: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    ports: PortsUsed = PortsUsed()
    settled: bool = True


class Rig:
    """A running Envoy with its upstreams. ``started`` is what it logged until its workers ran."""

    def __init__(self, layout: Layout, admin: Admin, folder: Path) -> None:
        self.layout = layout
        self.started: tuple[Line, ...] = ()
        self._admin = admin
        self._log = folder / "envoy.log"
        self._read = 0
        self._main = ""  # the thread that started; the worker's is another
        self._ports: Mapping[str, int] = {}
        self._indexes = {name: index for index, name in enumerate(layout.chains)}
        self._upstreams = {
            name: Upstream(nothing_special, Pace(admin, _counter(name, "rx_bytes_total")))
            for name in (UPSTREAM, *layout.clusters)
        }

    async def exchange(
        self,
        chain: str,
        request: Request,
        answers: Mapping[str, Answer] | Answer = nothing_special,
        chunks: Sequence[bytes] | None = None,
        patience: float = PATIENCE,
    ) -> Exchanged:
        """Send ``request`` through ``chain``, its body in ``chunks``.

        Callouts are answered when Envoy has read all of the request: which of its pieces an answer
        comes before is then no matter of luck.
        ``answers`` say what the upstream answers, or by name what ``UPSTREAM`` and each cluster do.
        RigError: Envoy has ended.
        """
        by_name = answers if isinstance(answers, Mapping) else {UPSTREAM: answers}
        sent = asyncio.Event()
        for name, upstream in self._upstreams.items():
            upstream.answer = by_name.get(name, nothing_special)
            upstream.seen = []
            if name != UPSTREAM:
                upstream.gate = sent
        try:
            received = await self._send(chain, request, chunks, sent, patience)
            sent.set()  # who was not read to the end waits for no callout
            settled = await self._settle(chain, patience)
        except OSError as error:
            raise RigError("\n".join(["Envoy has ended:", *self.last_lines()])) from error
        seen = {name: tuple(upstream.seen) for name, upstream in self._upstreams.items()}
        lines = tuple(line for line in self._new_lines() if line.thread != self._main)
        up = self._upstreams[UPSTREAM]
        ports = PortsUsed(received.port, self._ports[chain], up.peer, up.port)
        return Exchanged(received, seen.pop(UPSTREAM), seen, lines, ports, settled)

    async def _send(
        self,
        chain: str,
        request: Request,
        chunks: Sequence[bytes] | None,
        sent: asyncio.Event,
        patience: float,
    ) -> Received:
        counter = f"http.{stat_prefix(self._indexes[chain])}.downstream_cx_rx_bytes_total"
        pace, wire = Pace(self._admin, counter), pieces(request, chunks)
        return await send(self._ports[chain], request.method, wire, pace, sent, patience)

    async def _settle(self, chain: str, patience: float) -> bool:
        """Until the request is over on every side; False if that takes too long."""
        active = f"http.{stat_prefix(self._indexes[chain])}.downstream_rq_active"
        others = (*self.layout.refusing, *self.layout.grpc)
        clusters = "|".join(map(re.escape, (*self._upstreams, *others)))
        counters = "upstream_(rq_active|rq_pending_active|cx_active|cx_total)"
        pattern = f"^({re.escape(active)}|cluster[.]({clusters})[.]{counters})$"

        def over(stats: Stats) -> bool:
            under_way = (stats[name] for name in stats if name.endswith(_UNDER_WAY))
            return not any(under_way) and all(
                _arrived(stats, name, each) for name, each in self._upstreams.items()
            )

        try:
            async with asyncio.timeout(patience):
                await self._admin.until(pattern, over)
        except TimeoutError:
            return False
        return True

    async def metrics(self) -> dict[str, int]:
        """The counters and gauges that filters defined, by the names that they gave them."""
        stats = await self._admin.stats(f"^{_OF_METRICS}")
        return {name.removeprefix(_OF_METRICS): value for name, value in stats.items()}

    def last_lines(self) -> list[str]:
        """The end of Envoy's log, of what went wrong if anything did."""
        lines = _lines(self._whole_lines(0))
        wrong = [
            line
            for line in lines
            if line.level in ("critical", "error") and not line.message.startswith("#")  # a frame
        ]
        return [f"  {line}" for line in (wrong or lines)[-LAST_LINES:]]

    def _new_lines(self) -> tuple[Line, ...]:
        data = self._whole_lines(self._read)
        self._read += len(data)
        return tuple(_lines(data))

    def _whole_lines(self, start: int) -> bytes:
        """The log is a file, so that what Envoy has written is there at once."""
        with self._log.open("rb") as file:
            file.seek(start)
            data = file.read()
        return data[: data.rfind(b"\n") + 1]

    async def start(self, envoy: EnvoyBinary, supervisor: Supervisor, ports: Ports) -> None:
        """Start the upstreams and Envoy, and wait until its worker runs. Raises RigError."""
        folder = self._log.parent
        listening = {name: await each.start() for name, each in self._upstreams.items()}
        refusing = {name: ports.take() for name in self.layout.refusing}  # bound, never listening
        config = bootstrap(self.layout, {**listening, **refusing}, self._admin.port, folder)
        (folder / "envoy.json").write_text(json.dumps(config))
        command = [str(envoy.path), "-c", str(folder / "envoy.json"), "--concurrency", "1"]
        command += ["--disable-hot-restart", "--log-format", FORMAT, *TRACED]
        spec = ProcessSpec("envoy", f"exec {shlex.join(command)} 2>{shlex.quote(str(self._log))}")
        process = await supervisor.start(spec)
        try:
            await wait_for_live(process, self._admin.port, START_TIME)
        except NotReady as error:
            raise RigError("\n".join([error.message, *self.last_lines()])) from error
        self._ports = await self._admin.ports()
        await self._wait_for_worker()
        self.started = self._new_lines()
        self._main = self.started[0].thread

    async def _wait_for_worker(self) -> None:
        """A worker makes its VMs before it takes its first connection."""
        _, writer = await asyncio.open_connection(LOOPBACK, next(iter(self._ports.values())))
        try:
            pattern = "^http[.]chain-.*[.]downstream_cx_total$"
            await self._admin.until(pattern, lambda stats: any(stats.values()))
        finally:
            writer.close()

    async def close(self) -> None:
        self._admin.close()
        for upstream in self._upstreams.values():
            await upstream.close()


def _lines(data: bytes) -> list[Line]:
    return [read_line(text) for text in data.decode(errors="replace").split("\n")[:-1]]


def _counter(cluster: str, name: str) -> str:
    return f"cluster.{cluster}.upstream_cx_{name}"


def _arrived(stats: Stats, cluster: str, upstream: Upstream) -> bool:
    """Whether every connection that Envoy opened is here, and every one that it closed has ended.

    What it wrote before it closed one has been read then; one that it keeps has been answered.
    """
    total, active = (stats[_counter(cluster, name)] for name in ("total", "active"))
    return (total, active) == (upstream.accepted, upstream.open)


@contextlib.asynccontextmanager
async def open_rig(envoy: EnvoyBinary, layout: Layout, folder: Path) -> AsyncIterator[Rig]:
    """A rig of ``layout``, its files in ``folder``. Nothing of it runs afterwards.

    RigError: Envoy does not start, as when a filter refuses its configuration.
    """
    with Ports() as ports:
        rig = Rig(layout, Admin(ports.take()), folder)
        try:
            async with Supervisor(grace=0) as supervisor:  # it has nothing to save
                await rig.start(envoy, supervisor, ports)
                yield rig
        finally:
            await rig.close()

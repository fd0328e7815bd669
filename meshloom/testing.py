"""Meshes and taps in tests: what ``meshloom up`` and ``meshloom tap`` do, as context managers.

::

    async with mesh("canary.yaml") as m, tap(m, "service == reviews") as captured:
        await m.get("/productpage", headers={"end-user": "jason"})
        assert captured.one().version == "v2"
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_traffic import Exchange, Headers, Response
from meshloom.capture import Name
from meshloom.holding import breakpoint as breakpoint

if TYPE_CHECKING:
    import aiohttp

    from debugger.desk.desk import Desk
    from debugger.replay.replays import Replay
    from mini_mesh.events import Event
    from mini_mesh.mesh import MiniMesh
    from tap.language.terms import Predicate
    from tap.live.coverage import Coverage
    from tap.live.hub import Hub
    from tap.live.viewer import Viewer
    from tap.tree.hops import Hop

PATIENCE = 5.0  # seconds that a capture may take to come
QUIET = 0.08  # seconds without a further hop after which a request has been seen whole
MAX_CAPTURED = 100_000  # exchanges of one tap; beyond it the oldest go
MAX_SHOWN = 20  # lines in an assertion's message


class LiveMesh:
    """A mesh of real Envoys that runs in this process."""

    def __init__(
        self, running: MiniMesh, hub: Hub, desk: Desk, session: aiohttp.ClientSession
    ) -> None:
        self.hub = hub
        self.desk = desk
        self._running = running
        self._session = session
        self.taps: list[Captured] = []

    @property
    def state(self) -> dict[str, Any]:
        """Every address of the mesh, as ``meshloom up --json`` tells them."""
        return self._running.state()

    @property
    def ingress(self) -> str:
        """The URL of its ingress. KeyError: no service asks for one."""
        found = self.state["ingress"]
        if found is None:
            raise KeyError("no service of the mesh has an ingress")
        return str(found)

    def address(self, service: str) -> str:
        """The URL at which a client in the mesh reaches ``service``."""
        services = self.state["services"]
        if service not in services:
            raise KeyError(f"unknown service {service!r}, the mesh has {', '.join(services)}")
        return str(services[service]["url"])

    async def get(self, path: str, **more: Any) -> Response:
        """:meth:`request` by GET."""
        return await self.request("GET", path, **more)

    async def post(self, path: str, body: bytes = b"", **more: Any) -> Response:
        """:meth:`request` by POST."""
        return await self.request("POST", path, body=body, **more)

    async def request(
        self,
        method: str,
        path: str,
        *,
        service: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """Send one request to ``service``, or to the ingress; its response, whatever its status.

        Where a tap is open, it returns when the tap has seen the request on its way.
        Raises aiohttp.ClientError if there is no response.
        """
        from mesh_traffic import Body

        base = self.address(service) if service else self.ingress
        request_id = str(uuid.uuid4())
        given = {"x-request-id": request_id, **(headers or {})}
        async with self._session.request(
            method, f"{base}{path}", headers=given, data=body or None, allow_redirects=False
        ) as answer:
            content = await answer.read()
            fields = Headers.of(answer.headers.items())
            response = Response(answer.status, fields, Body(content, size=len(content)))
        for captured in self.taps:
            await captured.settle(given["x-request-id"])
        return response

    async def replay(
        self,
        exchange: Exchange,
        *,
        headers: Mapping[str, str] | None = None,
        remove: Collection[str] = (),
        method: str | None = None,
        path: str | None = None,
        body: bytes | None = None,
        to: str = "live",
        ignore: Iterable[str] = (),
    ) -> Replay:
        """Send a captured request again, with something changed, to the listener that saw it; its
        ``response``, and the ``differences`` from the captured one. What ``to`` and ``ignore`` say
        is as for ``meshloom debug replay``.

        Raises ValueError: what was captured can't be sent (a masked header, a body that was cut),
        there is nowhere to send it to, or no answer came.
        """
        from debugger.replay.replays import replayed
        from debugger.replay.request.edit import Edit
        from tap.compare import Rules

        edit = Edit(dict(headers or {}), frozenset(remove), method, path, body)
        replay = await replayed(exchange, edit, to, self.state, Rules.of(ignore))
        for captured in self.taps:
            await captured.settle(replay.request_id)
        return replay


class Captured:
    """What a tap has seen since it was opened, in the order in which it came."""

    def __init__(self, hub: Hub, viewer: Viewer, matches: Predicate) -> None:
        self.exchanges: list[Exchange] = []
        self._hub = hub
        self._viewer = viewer
        self._matches = matches
        self._all: dict[str, float] = {}  # request ids seen at all, and when last
        self._came = asyncio.Event()

    def one(self, match: str = "") -> Exchange:
        """The only exchange that matches; AssertionError shows what was captured instead."""
        found = self.all(match)
        if len(found) != 1:
            raise AssertionError(self._told(f"expected one exchange, got {len(found)}", match))
        return found[0]

    def all(self, match: str = "") -> list[Exchange]:
        """Those that match, too, ``match``: a filter expression."""
        from tap.language.match import compile_match

        return list(filter(compile_match(match), self.exchanges))

    def none(self, match: str = "") -> None:
        """AssertionError, with what was captured, if something matches."""
        if self.all(match):
            raise AssertionError(self._told("expected no exchange", match))

    def hops(self) -> list[Hop]:
        """The ways of all requests through the mesh, as trees (``tap.tree.hops``)."""
        from tap.tree.hops import hops_of

        by_id: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            by_id.setdefault(exchange.request_id, []).append(exchange)
        return [root for exchanges in by_id.values() for root in hops_of(exchanges)]

    @property
    def coverage(self) -> Coverage:
        """How much of the traffic it sees."""
        return self._viewer.coverage()

    async def wait(self, count: int, within: float = PATIENCE) -> list[Exchange]:
        """The first ``count`` exchanges; AssertionError if fewer come in ``within`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while len(self.exchanges) < count:
                    await self._news()
        if len(self.exchanges) < count:
            told = f"expected {count} exchanges within {within:g} s, got {len(self.exchanges)}"
            raise AssertionError(self._told(told, ""))
        return self.exchanges[:count]

    async def settle(self, request_id: str) -> None:
        """Wait until the request has been seen, and no further hop of it comes."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            last = self._all.get(request_id)
            quiet = last is not None and time.monotonic() - last > QUIET
            if quiet and not self._hub.waiting:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET):
                    await self._news()

    async def _news(self) -> None:
        self._came.clear()
        await self._came.wait()

    async def follow(self) -> None:
        """Take what the viewer gets, until it is cancelled."""
        while True:
            event = await self._viewer.next()
            if not isinstance(event, Exchange):
                continue
            self._all.pop(event.request_id, None)
            self._all[event.request_id] = time.monotonic()
            if len(self._all) > MAX_CAPTURED:
                del self._all[next(iter(self._all))]
            if self._matches(event):
                self.exchanges.append(event)
                del self.exchanges[:-MAX_CAPTURED]
            self._came.set()

    def _told(self, what: str, match: str) -> str:
        where = f" that matches {match!r}" if match else ""
        return "\n".join((f"{what}{where}; captured:", *self._lines()))

    def _lines(self) -> Iterator[str]:
        from tap.lines import coverage_line, line

        for exchange in self.exchanges[-MAX_SHOWN:]:
            yield f"  {line(exchange)}"
        if len(self.exchanges) > MAX_SHOWN:
            yield f"  … and {len(self.exchanges) - MAX_SHOWN} before"
        yield f"  {coverage_line(self.coverage)}"


@asynccontextmanager
async def mesh(
    *files: Path | str,
    variables: Mapping[str, str] | None = None,
    envoy: Path | None = None,
    capture: Name = "buffered",
) -> AsyncIterator[LiveMesh]:
    """A running mesh of these pattern files, taken down at the end; ``capture`` is as for
    ``meshloom up``.

    Raises DocumentError if the files, or the Envoys that were told of them, refuse something.
    """
    import aiohttp

    from mesh_patterns.load import load
    from meshloom.breakpoints import offer_desk
    from meshloom.running import find_envoy, offer_tap, open_mesh, started

    def heard(event: Event) -> None:
        """Nobody is told: what goes wrong is raised."""

    draft = load([Path(file) for file in files], variables or {})
    async with (
        open_mesh(find_envoy(envoy), heard, findable=True, capture=capture) as running,
        started(running, draft) as begun,
        offer_tap(running, begun, capture=capture) as tapped,
        offer_desk(running) as desk,
        aiohttp.ClientSession() as session,
    ):
        yield LiveMesh(running, tapped.hub, desk, session)


@asynccontextmanager
async def tap(live: LiveMesh, match: str = "", *, bodies: bool = True) -> AsyncIterator[Captured]:
    """Capture what crosses the mesh and matches, while inside; every Envoy is tapped already.

    Raises MatchError if ``match`` is no filter expression.
    """
    from tap.language.match import compile_match
    from tap.live.background import background
    from tap.live.viewer import Wish

    matches = compile_match(match)
    with live.hub.watch(wish=Wish(bodies)) as viewer:
        captured = Captured(live.hub, viewer, matches)
        async with background() as spawn:
            await _attached(viewer)
            spawn(captured.follow(), "captures")
            live.taps.append(captured)
            try:
                yield captured
            finally:
                live.taps.remove(captured)


async def _attached(viewer: Viewer) -> None:
    """Wait until every Envoy is watched."""
    async with asyncio.timeout(PATIENCE):
        while True:
            coverage = viewer.coverage()
            if coverage.watching == coverage.targets:
                return
            await viewer.next()

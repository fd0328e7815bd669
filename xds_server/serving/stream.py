"""The door between one client's session and its gRPC call.

One task reads requests; another one writes, and is there only while there is something to write.
What waits to be written is bounded by the session: one response of each type.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio

from xds_server.errors import RemoteXdsError
from xds_server.events import Event, Sent
from xds_server.serving import wire
from xds_server.serving.limits import Limits, Pace
from xds_server.sessions.messages import DeltaResponse, SotwResponse
from xds_server.sessions.session import Output, Session
from xds_server.snapshot import Snapshot

MAX_WAITING = 64  # responses of one stream; an honest client causes one of each type at most

LARGE = 64 * 1024  # bytes; responses from here on are written a few at a time
AT_ONCE = 16
PATIENCE = 0.25  # seconds after which who still writes, because the client is slow, counts no more

OnEvent = Callable[[Event], None]


class Turns:
    """Who of a server's streams may write a large response now.

    gRPC copies each one that it is given: a thousand clients that connect at once would otherwise
    need room for a thousand copies.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def wait(self) -> AsyncIterator[None]:
        """Waits for a turn, which ends with the block or after ``PATIENCE``."""
        await self._free.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        over = asyncio.get_running_loop().call_later(PATIENCE, give_back)
        try:
            yield
        finally:
            over.cancel()
            give_back()


class Stream:
    """A session at work.

    A snapshot that comes is told to the session by the task that writes, when the event loop comes
    to it: the first stream is on the wire before the last one is asked what it wants, and of
    several snapshots at once only the last one counts.
    """

    def __init__(
        self,
        session: Session,
        parse: Callable[[bytes], Any],
        encoder: wire.Encoder,
        turns: Turns,
        tell: OnEvent,
        limits: Limits,
        context: Any,
    ) -> None:
        self.session = session
        self._parse = parse
        self._encode = encoder.parts
        self._turns = turns
        self._tell = tell
        self._limits = limits
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._pace = Pace(limits.rate, limits.burst, self._loop.time())
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._newest: Snapshot | None = None
        self._waiting: list[tuple[bytes, bytes]] = []
        self._writer: asyncio.Task[None] | None = None
        self._writing_since: float | None = None
        self._beat: asyncio.TimerHandle | None = None

    def update(self, snapshot: Snapshot) -> None:
        """There is a new snapshot."""
        if self._writer is None or self._newest is not None:
            self._newest = snapshot
            self._wake()
        else:
            self._put_out(self.session.update(snapshot))
            self._mind_lifetimes()

    def receive(self, request: Any) -> None:
        """Raises ``RemoteXdsError`` for a client that ACKs responses which it does not read."""
        self._catch_up()
        self._put_out(self.session.receive(request))
        self._mind_lifetimes()
        if len(self._waiting) > MAX_WAITING:
            raise RemoteXdsError(
                f"{MAX_WAITING} responses wait to be read, and still more are asked for",
                "RESOURCE_EXHAUSTED",
            )
        if self._waiting:
            self._wake()

    def check(self, now: float) -> None:
        """Ends the stream of a client that does not read. ``now`` is the event loop's time."""
        since, limit = self._writing_since, self._limits.unread
        if since is not None and now - since > limit:
            self._end(
                RemoteXdsError(
                    f"a response could not be written for {limit:g} s: the client does not read",
                    "RESOURCE_EXHAUSTED",
                )
            )

    async def run(self) -> None:
        """Reads and writes until the client goes away; raises what it is refused for."""
        reader = self._loop.create_task(self._read())
        try:
            await self._ended
        finally:
            for each in (reader, self._writer, self._beat):
                if each is not None:
                    each.cancel()

    def _catch_up(self) -> None:
        if self._newest is not None:
            snapshot, self._newest = self._newest, None
            self._put_out(self.session.update(snapshot))
            self._mind_lifetimes()

    def _mind_lifetimes(self) -> None:
        due = self.session.next_heartbeat(self._loop.time())
        if self._beat is not None:
            self._beat.cancel()
        self._beat = None if due is None else self._loop.call_at(due, self._renew)

    def _renew(self) -> None:
        self._put_out(self.session.heartbeat(self._loop.time()))
        self._mind_lifetimes()
        self._wake()

    def _put_out(self, outputs: list[Output]) -> None:
        """Events are told when all responses are in line: a listener may set a snapshot."""
        size, events = 0, list[Event]()
        for each in outputs:
            if isinstance(each, (SotwResponse, DeltaResponse)):
                parts = self._encode(each)
                size = sum(map(len, parts))
                self._waiting.append(parts)
            elif isinstance(each, Sent):  # it follows its response
                sent = each.node, each.type, each.version, each.names, each.at
                events.append(Sent(*sent, size))
            else:
                events.append(each)
        for event in events:
            self._tell(event)

    def _wake(self) -> None:
        if self._writer is None and not self._ended.done():
            self._writer = self._loop.create_task(self._write())

    def _end(self, error: Exception | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    async def _read(self) -> None:
        try:
            while (data := await self._context.read()) is not grpc.aio.EOF:
                wait = self._pace.wait(self._loop.time())
                if wait:
                    await asyncio.sleep(wait)
                self.receive(self._parse(data))
            if self._writer is not None:
                await asyncio.wait([self._writer])
        except Exception as error:
            self._end(error)
        self._end(None)

    async def _write(self) -> None:
        try:
            self._catch_up()
            while self._waiting:
                await self._write_one(*self._waiting.pop(0))
                self._catch_up()
        except Exception as error:
            self._end(error)
        finally:
            self._writer = self._writing_since = None

    async def _write_one(self, shared: bytes, own: bytes) -> None:
        if len(shared) < LARGE:
            self._writing_since = self._loop.time()
            await self._context.write(shared + own)
        else:
            async with self._turns.wait():
                self._writing_since = self._loop.time()
                await self._context.write(shared + own)
        self._writing_since = None

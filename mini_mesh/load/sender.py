"""A door: sends a load over connections that are kept, and notes when each answer is whole.

Open loop: a request is due at its time, whoever has answered by then. If no connection is free it
waits in line, and its time runs from when it was due: a service that stalls does not slow down the
load, and the stall shows in every request that would have met it ("coordinated omission").
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mini_mesh.load.answer import AnswerReader, NoAnswer
from mini_mesh.load.load import Edge, Load
from mini_mesh.load.result import EdgeResult, Result
from mini_mesh.load.schedule import times

MAX_SELECT = 900  # connections: select(2) has 1,024 descriptors
MAX_WAITING = 1_000_000  # requests in line for a connection; beyond, they are not sent at all
SWEEP = 0.1  # seconds between two looks for answers that are overdue
TURNED_AWAY_PAUSE = 0.05  # seconds until a connection is tried again that was refused
_NS = 1e9


@dataclass(slots=True)
class Ask:
    """A request of edge number ``edge``, due ``due`` seconds after the start, ``sent`` then."""

    edge: int
    due: float
    sent: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request; ``status`` 0 and ``error`` where there was no answer. Times are in
    seconds since the start; ``head`` is the answer's status line and fields."""

    ask: Ask
    finished: float
    status: int = 0
    error: str = ""
    head: bytes = b""


Heard = Callable[[Done], None]


def new_loop(connections: int) -> asyncio.AbstractEventLoop:
    """An event loop whose timers are exact to some 0.1 ms. The usual one's, on epoll, are to 1 ms,
    which would be most of what a proxy takes."""
    if connections > MAX_SELECT:
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def send(load: Load) -> Result:
    """Send all of it; what is answered late is waited for, up to the load's timeout."""
    edges = [EdgeResult(each.name) for each in load.edges]

    def heard(done: Done) -> None:
        if done.ask.due < load.warm_up:
            return
        edge = edges[done.ask.edge]
        if done.error:
            edge.errors[done.error] += 1
            return
        edge.statuses[done.status] += 1
        edge.latency.add(int((done.finished - done.ask.due) * _NS))
        edge.service.add(int((done.finished - done.ask.sent) * _NS))

    sender = Sender(load, heard)
    started = time.time() + load.warm_up
    await sender.run()
    seconds = max(load.seconds, sender.ended - load.warm_up)
    result = Result(edges, load.rate / load.shares, seconds, started, behind=sender.behind)
    for late in sender.lag:
        result.lag.add(late)
    return result


class Sender:
    """One load, once. ``heard`` is told of every request, those of the warm-up too.

    ``lag`` has, in nanoseconds, how late each was sent that had a connection at once; ``behind``
    is how many had none.
    """

    def __init__(self, load: Load, heard: Heard) -> None:
        self.lag: list[int] = []
        self.behind = 0
        self.ended = 0.0  # when the last answer came
        self._load, self._heard = load, heard
        self._pools: dict[str, Pool] = {}
        self._open = 0
        self._quiet = asyncio.Event()
        self._start = 0.0

    async def run(self) -> None:
        addresses = dict.fromkeys(each.address for each in self._load.edges)
        each = max(1, self._load.connections // len(addresses))
        self._pools = {address: Pool(address, each, self) for address in addresses}
        await asyncio.gather(*(pool.fill() for pool in self._pools.values()))
        self._start = time.perf_counter()
        sweeping = asyncio.ensure_future(self._sweep())
        try:
            await self._send_all()
            await self._answered()
        finally:
            sweeping.cancel()
            for pool in self._pools.values():
                pool.close()
            await asyncio.gather(sweeping, return_exceptions=True)

    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def request(self, number: int) -> Edge:
        return self._load.edges[number]

    async def _send_all(self) -> None:
        edges, warm_up = self._load.edges, self._load.warm_up
        pools = [self._pools[each.address] for each in edges]
        number = self._load.share
        for due in times(self._load):
            wait = due - self.now()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % 64 == 0:
                await asyncio.sleep(0)  # late: answers must be read all the same
            which = number % len(edges)
            number += self._load.shares
            self._open += 1
            at_once = pools[which].send(Ask(which, due))
            if due < warm_up:
                continue
            if at_once:
                self.lag.append(int((self.now() - due) * _NS))
            else:
                self.behind += 1

    async def _answered(self) -> None:
        """Wait until nothing is on its way, or the time for it is up."""
        self._quiet.clear()
        if not self._open:
            return
        try:
            await asyncio.wait_for(self._quiet.wait(), self._load.timeout)
        except TimeoutError:
            for pool in self._pools.values():
                pool.give_up()

    def done(self, done: Done) -> None:
        self._open -= 1
        if not done.error:
            self.ended = done.finished
        self._heard(done)
        if not self._open:
            self._quiet.set()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            before = self.now() - self._load.timeout
            for pool in self._pools.values():
                pool.drop_older(before)


class Pool:
    """The connections to one address, and who waits for one of them."""

    def __init__(self, address: str, size: int, sender: Sender) -> None:
        self.sender = sender
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._size = size
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._waiting: deque[Ask] = deque()
        self._opening: set[asyncio.Future[None]] = set()
        self._closing = False

    async def fill(self) -> None:
        await asyncio.gather(*(self._connect() for _ in range(self._size)))

    def send(self, ask: Ask) -> bool:
        """Send it now, or when there is a connection; whether it was now."""
        if self._idle:
            self._idle.pop().send(ask)
            return True
        if len(self._waiting) >= MAX_WAITING:
            self.sender.done(Done(ask, self.sender.now(), error="not sent"))
        else:
            self._waiting.append(ask)
        return False

    def free(self, connection: Connection) -> None:
        """It has its answer, or is new."""
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle.append(connection)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        host = self._host.strip("[]")
        try:
            _, made = await loop.create_connection(lambda: Connection(self), host, self._port)
        except OSError as error:
            self._refused(error)
            await asyncio.sleep(TURNED_AWAY_PAUSE)
            self._again()
            return
        self._all.add(made)
        self.free(made)

    def _refused(self, error: OSError) -> None:
        """With no connection at all, nobody in line can hope for one."""
        why = error.strerror or type(error).__name__
        while self._waiting and not self._all:
            ask = self._waiting.popleft()
            self.sender.done(Done(ask, self.sender.now(), error=f"no connection: {why}"))

    def lost(self, connection: Connection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._again()

    def _again(self) -> None:
        """A connection in place of one that is gone, or could not be made."""
        if self._closing:
            return
        opening = asyncio.ensure_future(self._connect())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    def drop_older(self, before: float) -> None:
        """Give those up that were sent before this time."""
        for each in [*self._all]:
            if each.ask is not None and each.ask.sent < before:
                each.fail("timeout")

    def give_up(self) -> None:
        self._closing = True
        for each in [*self._all]:
            each.fail("timeout")
        while self._waiting:
            self.sender.done(Done(self._waiting.popleft(), self.sender.now(), error="not sent"))

    def close(self) -> None:
        self._closing = True
        for opening in [*self._opening]:
            opening.cancel()
        for each in [*self._all]:
            each.close()


class Connection(asyncio.Protocol):
    """One request at a time. ``ask`` is the one on its way."""

    def __init__(self, pool: Pool) -> None:
        self.ask: Ask | None = None
        self._pool = pool
        self._reader = AnswerReader()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, ask: Ask) -> None:
        sender = self._pool.sender
        edge = sender.request(ask.edge)
        self._reader.expect(edge.head)
        self.ask = ask
        ask.sent = sender.now()
        self._transport.write(edge.request)

    def data_received(self, data: bytes) -> None:
        if self.ask is None:
            self.close()  # an answer that nobody asked for, as 408 before a close
            return
        try:
            whole = self._reader.receive(data)
        except NoAnswer:
            self.fail("no HTTP")
            return
        if whole:
            self._finish()

    def _finish(self) -> None:
        ask, self.ask = self.ask, None
        assert ask is not None
        reader, sender = self._reader, self._pool.sender
        sender.done(Done(ask, sender.now(), reader.status, head=reader.head))
        if reader.reusable:
            self._pool.free(self)
        else:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ask is not None:
            if self._reader.closed():
                self._finish()
            else:
                self.fail("connection reset" if exc else "connection closed")
        self._pool.lost(self)

    def fail(self, error: str) -> None:
        """Its request gets no answer, and the connection goes."""
        ask, self.ask = self.ask, None
        if ask is not None:
            sender = self._pool.sender
            sender.done(Done(ask, sender.now(), error=error))
        self.close()

    def close(self) -> None:
        self._transport.abort()

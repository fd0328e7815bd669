"""A door: a session and the two directions of its gRPC stream, for whichever end opened it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

from mini_mesh.federation.catalogue import FederatedService
from mini_mesh.federation.messages import Message, decode, encode
from mini_mesh.federation.session import Arrival, Refusal, Session

MAX_WAITING = 4096  # messages that the other end does not read; then the stream is over

Take = Callable[[Arrival], Awaitable[str]]  # why it is not taken; "" when it is


class Peer:
    """``take`` is given what the other end publishes, one after the other; ``refused`` hears what
    it has not taken of ours."""

    def __init__(
        self, session: Session, take: Take, refused: Callable[[Refusal], None] = lambda it: None
    ) -> None:
        self.session = session
        self._take, self._refused = take, refused
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING)

    def open(self) -> None:
        """Ask for the other's catalogue."""
        self._send(self.session.open())

    def publish(self, services: Mapping[str, FederatedService]) -> None:
        self._send(self.session.publish(services))

    async def receive(self, data: bytes) -> None:
        """Raises ``NoMessage``, ``Violation``."""
        outcome = self.session.receive(decode(data))
        for refusal in outcome.refusals:
            self._refused(refusal)
        self._send(outcome.send)
        for arrival in outcome.arrivals:
            why = await self._take(arrival)
            accept, refuse = self.session.accept, self.session.refuse
            self._send(refuse(arrival.nonce, why) if why else accept(arrival.nonce))

    async def outgoing(self) -> AsyncIterator[bytes]:
        """What is to be sent, until ``close``."""
        while (data := await self._queue.get()) is not None:
            yield data

    def close(self) -> None:
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self._queue.qsize() >= MAX_WAITING - 1:
                self.close()
                return
            self._queue.put_nowait(encode(message))

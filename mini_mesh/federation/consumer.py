"""A door: listens to another mesh for as long as this one runs, and comes back when it was lost.

A mesh that is lost may be back in a moment, so what it has published stays meanwhile. When it is
back it tells all of it again; what it does not tell within ``FORGOTTEN`` is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from mini_mesh.federation.catalogue import FederatedService
from mini_mesh.federation.messages import MAX_MESSAGE, METHOD, SERVICE, NoMessage
from mini_mesh.federation.owner import nonces
from mini_mesh.federation.peer import Peer
from mini_mesh.federation.session import Arrival, Session, Violation

# "exponential backoff with a minimum delay of 1 second" (Hamlet, "Error Codes")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
FORGOTTEN = 2.0  # seconds after it is back
_FINAL = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class NotFederated(Exception):
    """The other mesh does not let this one listen, which trying again does not change."""


# Of which owner, what it is called, and what it is (None: gone); gives why it is not taken, or "".
Taken = Callable[[str, str, FederatedService | None], Awaitable[str]]


class Consumer:
    """Listens at ``HOST:PORT``, with a ``token`` and ``credentials`` where those are wanted.
    ``state`` hears in words how it stands."""

    def __init__(
        self,
        address: str,
        take: Taken,
        token: str = "",
        credentials: Any = None,
        state: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.address = address
        self._take, self._token, self._credentials, self._state = take, token, credentials, state
        self._have: set[str] = set()
        self._told: set[str] = set()  # since it is connected

    async def follow(self) -> None:
        """Until it is cancelled. Raises ``NotFederated``."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
                pause = FIRST_PAUSE
                self._state(f"{self.address} has ended")
            except grpc.aio.AioRpcError as error:
                if error.code() in _FINAL:
                    raise NotFederated(f"{self.address}: {error.details()}") from error
                self._state(f"{self.address}: {error.details()}")
            except (NoMessage, Violation) as error:
                self._state(f"{self.address}: {error}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _listen(self) -> None:
        """One stream, until it ends. Raises ``AioRpcError``, ``NoMessage``, ``Violation``."""
        bearer = (("authorization", f"Bearer {self._token}"),) if self._token else ()
        peer = Peer(Session(nonces(), context=self.address), self._arrived)
        async with self._channel() as channel:
            call = channel.stream_stream(f"/{SERVICE}/{METHOD}")(peer.outgoing(), metadata=bearer)
            peer.open()
            self._told.clear()
            forgetting = asyncio.ensure_future(self._forget(call))
            try:
                async for data in call:
                    await peer.receive(data)
            finally:
                forgetting.cancel()
                peer.close()
                call.cancel()

    async def _forget(self, call: Any) -> None:
        await call.wait_for_connection()
        self._state(f"listening to {self.address}")
        await asyncio.sleep(FORGOTTEN)
        for name in self._have - self._told:
            await self._take(self.address, name, None)
            self._have.discard(name)

    async def _arrived(self, arrival: Arrival) -> str:
        why = await self._take(self.address, arrival.name, arrival.service)
        if arrival.service is None:
            self._have.discard(arrival.name)
        elif not why:
            self._have.add(arrival.name)
            self._told.add(arrival.name)
        return why

    def _channel(self) -> Any:
        options = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.enable_http_proxy", 0)]
        if self._credentials is None:
            return grpc.aio.insecure_channel(self.address, options=options)
        return grpc.aio.secure_channel(self.address, self._credentials, options=options)

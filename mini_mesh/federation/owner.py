"""A door: Hamlet's DiscoveryService, at which other meshes learn of what this one publishes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from mini_mesh.federation.catalogue import FederatedService
from mini_mesh.federation.messages import MAX_MESSAGE, METHOD, SERVICE, NoMessage
from mini_mesh.federation.peer import Peer
from mini_mesh.federation.session import Arrival, Refusal, Session, Violation
from xds_server.serving.auth import TokenRequired

MAX_PEERS = 100  # meshes that listen at the same time
LAST_WORDS = 1.0  # seconds in which those who listen hear that nothing is published any more
NOT_WANTED = "this mesh takes no services from whoever comes"

Refused = Callable[[Refusal], None]
Stream = AsyncIterator[bytes]


def nonces() -> Iterator[str]:
    while True:
        yield uuid.uuid4().hex


class Owner:
    """A catalogue, and the streams of those who listen; ``refused`` hears what one did not take."""

    def __init__(self, refused: Refused = lambda it: None) -> None:
        self._services: Mapping[str, FederatedService] = {}
        self._peers: set[Peer] = set()
        self._refused = refused

    @property
    def listeners(self) -> int:
        """How many meshes listen."""
        return len(self._peers)

    def publish(self, services: Mapping[str, FederatedService]) -> None:
        """This is the catalogue from now on; all who listen are told what has changed."""
        self._services = services
        for peer in self._peers:
            peer.publish(services)

    async def farewell(self) -> None:
        """Publish nothing any more, and let all hear it."""
        self.publish({})
        ends = asyncio.get_running_loop().time() + LAST_WORDS
        while not all(peer.session.settled for peer in self._peers):
            if asyncio.get_running_loop().time() > ends:
                break
            await asyncio.sleep(0.01)
        for peer in [*self._peers]:
            peer.close()

    def handler(self) -> Any:
        """For a gRPC server."""
        method = grpc.stream_stream_rpc_method_handler(self._establish)
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})

    async def _establish(
        self, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        if len(self._peers) >= MAX_PEERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MAX_PEERS} listen already")
        peer = Peer(Session(nonces()), _not_taken, self._refused)
        peer.publish(self._services)
        self._peers.add(peer)
        wrong: list[str] = []
        reading = asyncio.ensure_future(_read(peer, requests, wrong))
        try:
            async for data in peer.outgoing():
                yield data
        finally:
            self._peers.discard(peer)
            reading.cancel()
        if wrong:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, wrong[0])


async def _read(peer: Peer, requests: Stream, wrong: list[str]) -> None:
    try:
        async for data in requests:
            await peer.receive(data)
    except (NoMessage, Violation) as error:
        wrong.append(str(error))
    finally:
        peer.close()


async def _not_taken(arrival: Arrival) -> str:
    return NOT_WANTED


@asynccontextmanager
async def serving(
    owner: Owner, address: str, token: str = "", credentials: Any = None
) -> AsyncIterator[int]:
    """Serve it at ``HOST:PORT``, whose port is given; with a ``token`` each call has to carry it,
    and with ``credentials`` (``xds_server.serving.auth.tls``) it is TLS. At the end, those who
    listen hear that nothing is published any more.

    Raises ``OSError`` where the address is taken.
    """
    options = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.so_reuseport", 0)]
    wanted = (TokenRequired(token),) if token else ()
    server = grpc.aio.server(interceptors=wanted, options=options)
    server.add_generic_rpc_handlers((owner.handler(),))
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"{address} can't be listened on") from error
    await server.start()
    try:
        yield port
    finally:
        await owner.farewell()
        await server.stop(0.1)

"""The echo over TCP, for what is neither HTTP nor gRPC. A door: it owns the sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit

from mini_mesh.echo.answer import Outcome, Received
from mini_mesh.echo.config import Call, Instance
from mini_mesh.echo.peak import Peak
from mini_mesh.echo.spoken import MAX_WAITING, SPOKEN
from mini_mesh.ports import LOOPBACK

CALL_TIME = 5.0  # seconds that a call waits for its answer
TLS = "tls"
STREAMS = frozenset(SPOKEN)


class StreamListener:
    """One instance on its port. A new ``instance`` for the same port may be set at any time."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._server: asyncio.Server | None = None
        self.peak = Peak()  # of connections
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen. Raises OSError."""
        own = _certified(self.instance.service) if self.instance.protocol == TLS else None
        port = self.instance.port
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, ssl=own)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        who = f"{self.instance.service} {self.instance.version}".strip()
        session = SPOKEN[self.instance.protocol].session(who)
        self._open.add(writer)
        # whoever breaks off or sends what can't be read is not answered any more
        refused = contextlib.suppress(ConnectionError, ValueError, ssl.SSLError)
        with self.peak.one_more(), refused:
            while data := await reader.read(MAX_WAITING):
                writer.write(session.receive(data))
                await writer.drain()
        self._open.discard(writer)
        writer.close()


async def ask(protocol: str, call: Call, got: Received) -> Outcome:
    """One call: what the path says is asked, and the answer's text is told."""
    spoken = SPOKEN[protocol]
    try:
        async with asyncio.timeout(CALL_TIME):
            said = await _asked(protocol, call, spoken.question(got.path))
    except (OSError, TimeoutError, ValueError, EOFError) as error:
        return Outcome(call.service, error=f"{type(error).__name__}: {error}")
    return Outcome(call.service, answer={"text": said})


async def _asked(protocol: str, call: Call, question: bytes) -> str:
    where = urlsplit(call.url)
    client = _trusting() if protocol == TLS else None
    name = call.service if client else None
    reader, writer = await asyncio.open_connection(
        where.hostname, where.port, ssl=client, server_hostname=name
    )
    try:
        writer.write(question)
        received = b""
        while (said := SPOKEN[protocol].answered(received)) is None:
            data = await reader.read(MAX_WAITING)
            received += data
            if not data or len(received) > MAX_WAITING:
                raise EOFError("no answer")
        return said
    finally:
        writer.close()


def _trusting() -> ssl.SSLContext:
    """For calls to echoes, whose certificates nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certified(name: str) -> ssl.SSLContext:
    from mini_mesh.echo.certificate import context  # with a library that few echoes need

    return context(name)

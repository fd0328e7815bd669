"""A door: connections of protocols without requests, each with one question and its answer.

The question is the claim's path, in the protocol's words, as the built-in echo is asked. A sample's
status is 0 where an answer came, and -1 where the connection ended before. What TLS showed of the
other side are its headers.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

from mesh_traffic import Headers
from mini_mesh.echo.spoken import SPOKEN
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import MAX_BODY, Outgoing, Send

ANSWERED = 0
MAX_ANSWER = 64 * 1024  # bytes that are read for one


@asynccontextmanager
async def sender(outgoing: Outgoing) -> AsyncIterator[Send]:
    """While inside, one connection at a call. Those that are ``held`` stay open until as many have
    been tried as there are to be."""
    addresses = cycle(outgoing.addresses)
    held: list[asyncio.StreamWriter] = []

    async def one() -> Sample:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(outgoing.timeout):
                return await _asked(outgoing, next(addresses), held, start)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            spent = time.perf_counter() - start
            return Sample(-1, spent, error=str(error) or type(error).__name__)

    try:
        yield one
    finally:
        for writer in held:
            writer.close()


async def _asked(
    outgoing: Outgoing, address: str, held: list[asyncio.StreamWriter], start: float
) -> Sample:
    host, _, port = address.rpartition(":")
    tls, spoken = outgoing.tls, SPOKEN[outgoing.protocol]
    context = tls.context() if tls else None
    reader, writer = await asyncio.open_connection(
        host, int(port), ssl=context, server_hostname=tls.sni if tls else None
    )
    try:
        writer.write(spoken.question(outgoing.path))
        received = b""
        while (said := spoken.answered(received)) is None:
            data = await reader.read(MAX_ANSWER)
            received += data
            if not data or len(received) > MAX_ANSWER:
                raise EOFError("the connection ended without an answer")
    except BaseException:
        writer.close()
        raise
    (held.append if outgoing.held else _close)(writer)
    spent = time.perf_counter() - start
    return Sample(ANSWERED, spent, _shown(writer), said[:MAX_BODY])


def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()


def _shown(writer: asyncio.StreamWriter) -> Headers:
    """What the other side showed: nothing without TLS."""
    secured: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if secured is None:
        return Headers()
    certificate = secured.getpeercert(binary_form=True) or b""
    return Headers.of(
        {
            "tls-version": secured.version() or "",
            "tls-certificate-sha256": hashlib.sha256(certificate).hexdigest(),
        }
    )

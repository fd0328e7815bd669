"""A door: WebSockets, each with one message and its answer. The status is that of the upgrade."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

from mesh_traffic import Headers
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import MAX_BODY, Outgoing, Send
from mini_mesh.proving.senders.http import client, url

SWITCHED = 101


@asynccontextmanager
async def sender(outgoing: Outgoing) -> AsyncIterator[Send]:
    """While inside, one WebSocket at a call, which is closed after the answer."""
    import aiohttp

    urls = cycle([url(outgoing, address) for address in outgoing.addresses])
    headers = [*outgoing.headers, ("Host", outgoing.host)]

    async def one() -> Sample:
        start = time.perf_counter()
        try:
            async with session.ws_connect(next(urls), headers=headers) as socket:
                return await _asked(socket, outgoing, start)
        except aiohttp.WSServerHandshakeError as refused:
            spent = time.perf_counter() - start
            return Sample(refused.status, spent, Headers.of((refused.headers or {}).items()))
        except (aiohttp.ClientError, TimeoutError) as error:
            spent = time.perf_counter() - start
            return Sample(-1, spent, error=str(error) or type(error).__name__)

    async with client(outgoing) as session:
        yield one


async def _asked(socket: Any, outgoing: Outgoing, start: float) -> Sample:
    """Send the body as a message; what comes back is the sample's body."""
    import aiohttp

    await socket.send_str(outgoing.body.decode(errors="replace"))
    message = await socket.receive(timeout=outgoing.timeout)
    spent = time.perf_counter() - start
    if message.type is not aiohttp.WSMsgType.TEXT:
        return Sample(-1, spent, error=f"closed with {socket.close_code}")
    return Sample(SWITCHED, spent, body=message.data[:MAX_BODY])

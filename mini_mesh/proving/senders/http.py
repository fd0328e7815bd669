"""A door: HTTP/1.1 requests, by aiohttp."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

from mesh_traffic import Headers
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import MAX_BODY, Outgoing, Send


@asynccontextmanager
async def sender(outgoing: Outgoing) -> AsyncIterator[Send]:
    """While inside, one request at a call. Connections are kept, and cookies of a ``session``."""
    import aiohttp

    headers = [*outgoing.headers, ("Host", outgoing.host)]
    # a path is sent as it was written: what Envoy makes of it is what is being tested
    urls = cycle([url(outgoing, address) for address in outgoing.addresses])
    tls: dict[str, Any] = {}
    if outgoing.tls is not None:
        tls = {"ssl": outgoing.tls.context(), "server_hostname": outgoing.tls.sni}

    async def one() -> Sample:
        start = time.perf_counter()
        try:
            async with session.request(
                outgoing.method, next(urls), headers=headers, data=outgoing.body or None,
                allow_redirects=False, **tls,
            ) as response:  # fmt: skip
                text = (await response.text(errors="replace"))[:MAX_BODY]
                spent = time.perf_counter() - start
                answered = Headers.of(response.headers.items())
                return Sample(response.status, spent, answered, text)
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError) as error:
            spent = time.perf_counter() - start
            return Sample(-1, spent, error=str(error) or type(error).__name__)

    async with client(outgoing) as session:
        yield one


def client(outgoing: Outgoing) -> Any:
    """aiohttp's session for these requests."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0 if outgoing.rate else outgoing.concurrency),
        timeout=aiohttp.ClientTimeout(total=outgoing.timeout),
        cookie_jar=_jar(outgoing.session),
    )


def _jar(keeps: bool) -> Any:
    import aiohttp

    # hosts of a mesh are addresses, whose cookies aiohttp takes for unsafe
    return aiohttp.CookieJar(unsafe=True) if keeps else aiohttp.DummyCookieJar()


def url(outgoing: Outgoing, address: str) -> Any:
    """Where a request goes, as it was written."""
    from yarl import URL

    scheme = "http" if outgoing.tls is None else "https"
    return URL(f"{scheme}://{address}{outgoing.path}", encoded=True)

"""A door: sends a claim's requests, over HTTP/1.1 or gRPC, and notes what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from mesh_traffic import Headers
from mini_mesh.grpc_bootstrap import SCHEME
from mini_mesh.proving.observed import Sample

MAX_BODY = 64 * 1024  # characters of an answer that are kept for a claim about it

MAX_SENT = 1_000_000  # requests of one claim, however long things happen
MAX_OPEN = 1000  # requests of one claim that wait for an answer, where they are sent at a rate

Send = Callable[[], Awaitable[Sample]]


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """``begun`` is set with the first request; they go on, beyond their count, until ``over``."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send ``count`` times, ``concurrency`` at a time, to ``address``: ``ip:port``,
    or ``xds:///reviews`` in a process that has a bootstrap for it.

    With a ``rate``, each is sent when it is due, however many wait for their answers ("open loop").
    """

    address: str
    host: str
    method: str
    path: str
    headers: Headers
    body: bytes
    count: int
    concurrency: int
    timeout: float
    grpc: bool = False
    rate: float | None = None  # a second
    meanwhile: Meanwhile | None = None


async def send(outgoing: Outgoing) -> tuple[Sample, ...]:
    """Send all of it. A request that gets no answer is a sample too, with status -1."""
    return await (_send_grpc(outgoing) if outgoing.grpc else _send_http(outgoing))


async def _repeat(outgoing: Outgoing, one: Send) -> tuple[Sample, ...]:
    """``count`` calls of ``one``, and more until it may end."""
    samples: list[Sample] = []
    if outgoing.meanwhile:
        outgoing.meanwhile.begun.set()

    async def call() -> None:
        began = time.perf_counter()
        samples.append(replace(await one(), at=began))

    async with asyncio.TaskGroup() as group:
        if outgoing.rate is None:
            _by_workers(outgoing, call, group)
        else:
            await _when_due(outgoing, outgoing.rate, call, group)
    return tuple(samples)


def _by_workers(
    outgoing: Outgoing, call: Callable[[], Awaitable[None]], group: asyncio.TaskGroup
) -> None:
    """By ``concurrency`` workers, each of which waits for its answers."""
    turns = iter(_turns(outgoing))

    async def worker() -> None:
        for _ in turns:
            await call()

    most = outgoing.concurrency if outgoing.meanwhile else outgoing.count
    for _ in range(min(outgoing.concurrency, most)):
        group.create_task(worker())


async def _when_due(
    outgoing: Outgoing,
    rate: float,
    call: Callable[[], Awaitable[None]],
    group: asyncio.TaskGroup,
) -> None:
    start, room = time.perf_counter(), asyncio.Semaphore(MAX_OPEN)

    async def one() -> None:
        try:
            await call()
        finally:
            room.release()

    for turn in _turns(outgoing):
        await asyncio.sleep(max(0.0, start + turn / rate - time.perf_counter()))
        await room.acquire()
        group.create_task(one())


def _turns(outgoing: Outgoing) -> Iterator[int]:
    """A number for each request."""
    meanwhile = outgoing.meanwhile
    for turn in range(MAX_SENT):
        if turn >= outgoing.count and (meanwhile is None or meanwhile.over.is_set()):
            return
        yield turn


async def _send_http(outgoing: Outgoing) -> tuple[Sample, ...]:
    import aiohttp

    headers = [*outgoing.headers, ("Host", outgoing.host)]
    timeout = aiohttp.ClientTimeout(total=outgoing.timeout)
    connector = aiohttp.TCPConnector(limit=outgoing.concurrency if outgoing.rate is None else 0)
    # a path is sent as it was written: what Envoy makes of it is what is being tested
    url: Any = _url(outgoing.address, outgoing.path)

    async def one() -> Sample:
        start = time.perf_counter()
        try:
            async with session.request(
                outgoing.method, url, headers=headers, data=outgoing.body or None,
                allow_redirects=False,
            ) as response:  # fmt: skip
                text = (await response.text(errors="replace"))[:MAX_BODY]
                spent = time.perf_counter() - start
                answered = Headers.of(response.headers.items())
                return Sample(response.status, spent, answered, text)
        except (aiohttp.ClientError, TimeoutError) as error:
            spent = time.perf_counter() - start
            return Sample(-1, spent, error=str(error) or type(error).__name__)

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return await _repeat(outgoing, one)


def _url(address: str, path: str) -> Any:
    from yarl import URL

    return URL(f"http://{address}{path}", encoded=True)


async def _send_grpc(outgoing: Outgoing) -> tuple[Sample, ...]:
    """Unary calls of the method that ``path`` names, with the body as message."""
    metadata = [(name.lower(), value) for name, value in outgoing.headers]
    async with _channel(outgoing) as channel:
        call = channel.unary_unary(
            outgoing.path, request_serializer=bytes, response_deserializer=bytes
        )

        async def one() -> Sample:
            start = time.perf_counter()
            under_way = call(outgoing.body, timeout=outgoing.timeout, metadata=metadata)
            code = await under_way.code()
            details = await under_way.details()
            body = (await under_way).decode(errors="replace") if not code.value[0] else ""
            received = await under_way.initial_metadata() or ()
            answered = Headers.of((str(name), str(value)) for name, value in received)
            spent = time.perf_counter() - start
            return Sample(code.value[0], spent, answered, body[:MAX_BODY], details or "")

        return await _repeat(outgoing, one)


def _channel(outgoing: Outgoing) -> Any:
    """Of a target of xDS, everything is the control plane's affair: also whether it is TLS."""
    import grpc.aio
    import grpc.experimental

    if outgoing.address.startswith(SCHEME):
        plain = grpc.experimental.insecure_channel_credentials()
        credentials = grpc.xds_channel_credentials(plain)
        return grpc.aio.secure_channel(outgoing.address, credentials)
    options = [("grpc.default_authority", outgoing.host), ("grpc.enable_http_proxy", 0)]
    return grpc.aio.insecure_channel(outgoing.address, options=options)

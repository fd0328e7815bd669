"""What one client may cost: how fast it may ask, and how long it may be silent.

The streams of discovery keep their pace themselves; an interceptor stands between gRPC and those of
all other services. Connections that are dead without a word are found by gRPC's keepalive
(``Limits.options``); how many names a client may ask for is the subscription book's affair.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from xds_server.serving.auth import Continuation


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each stream. Seconds, and requests a second.

    ``rate`` and ``burst``: a stream that asks faster is read more slowly, not refused: a client
    that is refused connects again and asks for all once more. ``ping`` and ``pong``: a connection
    on which nothing was heard for ``ping`` is asked for a sign of life, and closed without one
    after ``pong``. ``unread``: a client for whom a response could not be written in that time,
    since it does not read, is refused, and of what waited for it only that response is left.
    """

    rate: float = 100.0
    burst: int = 1_000
    ping: float = 30.0
    pong: float = 10.0
    unread: float = 30.0

    def options(self) -> tuple[tuple[str, int], ...]:
        """What gRPC has to be told."""
        return (
            ("grpc.keepalive_time_ms", round(self.ping * 1000)),
            ("grpc.keepalive_timeout_ms", round(self.pong * 1000)),
            # gRPC waits for this one, a minute by default, even where the other is shorter
            ("grpc.http2.ping_timeout_ms", round(self.pong * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            # clients may ask us for a sign of life as often: Envoy's own keepalive is 10 s here
            ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
        )


class Pace:
    """A token bucket, without I/O: how long the next request has to wait. Times in seconds."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = float(burst), now

    def wait(self, now: float) -> float:
        """Takes one token; how long it is until that is there."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return max(0.0, -self._left / self._rate)


class Limiter(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpcio is untyped
    """Holds every stream of a server to ``limits``, but those ``of_its_own`` that do so themselves.

    ``of_its_own`` is asked with a method's full name.
    """

    def __init__(
        self,
        limits: Limits,
        of_its_own: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._of_its_own = of_its_own
        self._clock = clock

    async def intercept_service(self, continuation: Continuation, details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or handler.stream_stream is None or self._of_its_own(details.method):
            return handler
        return grpc.stream_stream_rpc_method_handler(
            self._limited(handler.stream_stream),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _limited(self, serve: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        async def stream(requests: AsyncIterator[Any], context: Any) -> None:
            await serve(self._paced(requests), context)

        return stream

    async def _paced(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        pace = Pace(self._limits.rate, self._limits.burst, self._clock())
        async for request in requests:
            wait = pace.wait(self._clock())
            if wait:
                await asyncio.sleep(wait)
            yield request

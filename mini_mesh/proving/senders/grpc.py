"""A door: unary calls by gRPC, also where xDS tells the client what to do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from typing import Any

from mesh_traffic import Headers
from mini_mesh.grpc_bootstrap import SCHEME
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import MAX_BODY, Outgoing, Send


@asynccontextmanager
async def sender(outgoing: Outgoing) -> AsyncIterator[Send]:
    """While inside, a call of the method that ``path`` names, with the body as message."""
    metadata = [(name.lower(), value) for name, value in outgoing.headers]
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(_channel(outgoing, address))
            for address in outgoing.addresses
        ]
        calls = cycle(
            channel.unary_unary(
                outgoing.path, request_serializer=bytes, response_deserializer=bytes
            )
            for channel in channels
        )

        async def one() -> Sample:
            start = time.perf_counter()
            under_way = next(calls)(outgoing.body, timeout=outgoing.timeout, metadata=metadata)
            code = await under_way.code()
            details = await under_way.details()
            body = (await under_way).decode(errors="replace") if not code.value[0] else ""
            headers = _headers(await under_way.initial_metadata())
            trailers = _headers(await under_way.trailing_metadata())
            spent = time.perf_counter() - start
            return Sample(
                *(code.value[0], spent, headers, body[:MAX_BODY], details or ""), trailers=trailers
            )

        yield one


def _headers(metadata: Any) -> Headers:
    return Headers.of((str(name), str(value)) for name, value in metadata or ())


def _channel(outgoing: Outgoing, address: str) -> Any:
    """Of a target of xDS, everything is the control plane's affair: also whether it is TLS."""
    import grpc.aio
    import grpc.experimental

    if address.startswith(SCHEME):
        plain = grpc.experimental.insecure_channel_credentials()
        credentials = grpc.xds_channel_credentials(plain)
        return grpc.aio.secure_channel(address, credentials)
    options = [("grpc.default_authority", outgoing.host), ("grpc.enable_http_proxy", 0)]
    return grpc.aio.insecure_channel(address, options=options)

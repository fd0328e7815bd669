"""The same door over HTTP, which some SDKs prefer: protobuf by POST, as it is or packed by gzip.

Source: OpenTelemetry Protocol, "OTLP/HTTP". Its JSON is not taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tap.coding import codings_of, undo
from tap.otlp.messages import OtlpError
from tap.sources.otlp import HOST, MAX_MESSAGE, SIGNALS, NotYet, Receiver

PROTOBUF = "application/x-protobuf"


@asynccontextmanager
async def otlp_over_http(receiver: Receiver, port: int) -> AsyncIterator[int]:
    """Take OTLP at a port of 127.0.0.1 while inside; 0 is any that is free. Gives the port.

    Raises OSError if nobody can listen there.
    """
    app = web.Application(client_max_size=MAX_MESSAGE)
    for signal, path in SIGNALS.items():
        app.router.add_post(path, _exporting(receiver, signal))
    # unpacked here, so that what does not unpack is the sender's fault
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _exporting(
    receiver: Receiver, signal: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def export(request: web.Request) -> web.StreamResponse:
        if request.content_type != PROTOBUF:
            text = f"expected {PROTOBUF}, got {request.content_type}"
            raise web.HTTPUnsupportedMediaType(text=text)
        codings = codings_of(request.headers.getall("content-encoding", ()))
        undone = undo(await request.read(), codings, MAX_MESSAGE)
        if undone.notes:
            too_large = len(undone.data) >= MAX_MESSAGE
            return web.Response(status=413 if too_large else 400, text=undone.notes[0])
        try:
            answer = await receiver.receive(signal, undone.data)
        except OtlpError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        except NotYet as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return web.Response(body=answer, content_type=PROTOBUF)

    return export

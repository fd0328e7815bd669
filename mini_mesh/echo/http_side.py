"""The echo over HTTP/1.1: the door to aiohttp, which serves instances and makes their calls."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from mini_mesh.echo.answer import (
    CALL_TIME,
    MAX_BODY,
    MAX_TEXT,
    SHUTDOWN_TIME,
    Caller,
    Outcome,
    Received,
    answer,
    forwarded,
    has_failed,
    response_headers,
)
from mini_mesh.echo.config import Call, Instance
from mini_mesh.echo.peak import Peak
from mini_mesh.echo.wishes import wishes
from mini_mesh.ports import LOOPBACK


class HttpListener:
    """One instance on its port. A new ``instance`` for the same port may be set at any time."""

    def __init__(self, instance: Instance, call: Caller) -> None:
        self.instance = instance
        self.peak = Peak()
        self._call = call
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_TIME)

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self.instance.port, reuse_address=True)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        with self.peak.one_more():
            return await self._answer(request)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        instance = self.instance
        try:
            got = await _received(request)
        except ConnectionError:  # the client hung up: nobody hears this
            return web.Response(status=400)
        if got is None:
            return web.Response(status=413, text=f"a body has at most {MAX_BODY} bytes\n")
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await _converse(instance, request)
        wished = wishes(instance, got.headers)
        await asyncio.sleep(wished.wait)
        outcomes = await self._call(instance, got)
        return web.json_response(
            answer(instance, got, outcomes),
            status=502 if has_failed(instance, outcomes) else wished.status or 200,
            headers=response_headers(instance),
        )


async def _converse(instance: Instance, request: web.BaseRequest) -> web.WebSocketResponse:
    """A WebSocket on which each text comes back, with the name of who got it in front."""
    socket = web.WebSocketResponse(max_msg_size=MAX_BODY)
    socket.headers.update(response_headers(instance))
    await socket.prepare(request)
    who = f"{instance.service} {instance.version}".strip()
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(f"{who}: {message.data}")
    return socket


async def _received(request: web.BaseRequest) -> Received | None:
    """The request with its body read; None where the body is too long."""
    length, start = 0, b""
    async for chunk in request.content.iter_any():
        length += len(chunk)
        start += chunk[: MAX_TEXT - len(start)]
        if length > MAX_BODY:
            return None
    fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.raw_headers]
    return Received(request.method, request.raw_path, fields, length, start)


class HttpClient:
    """Makes calls, and keeps the connections to the Envoys."""

    def __init__(self) -> None:
        timeout = aiohttp.ClientTimeout(total=CALL_TIME)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=timeout,
            skip_auto_headers=("user-agent", "accept", "accept-encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def call(self, call: Call, got: Received) -> Outcome:
        url = call.url if urlsplit(call.url).path else call.url + got.path
        headers = [("host", call.service), *forwarded(got.headers)]
        try:
            async with self._session.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False
            ) as response:
                return _outcome(call.service, response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return Outcome(call.service, error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        await self._session.close()


def _outcome(service: str, status: int, body: bytes) -> Outcome:
    """An answer where the body is one; the body's text is the error where the status is one."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    text = body[:MAX_TEXT].decode(errors="replace")
    return Outcome(
        service,
        status,
        answer=said if isinstance(said, dict) else None,
        error=None if status < 400 else (text if said is None else f"status {status}"),
    )

"""The door to an Envoy's admin interface: one streaming ``POST /tap``, again and again.

Envoy allows one such session in a process, whatever its config_id; a second one gets 400. The
session ends when its connection does. Source: Envoy, "Tap", and admin's ``/tap``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import aiohttp

from tap.sources.source import Attached, Chunk, Lost, Source, SourceEvent
from tap.traces.request import TapRequest

FIRST_PAUSE = 0.005  # seconds before the next try, doubled with each one that fails
LONGEST_PAUSE = 2.0
ANSWER_WITHIN = 5.0  # seconds for the admin interface to take the session
ERROR_BYTES = 500  # read of a refusal


class Refused(Exception):
    """Envoy did not take the session, or ended it."""


@dataclass(frozen=True, slots=True)
class TapTarget:
    """One Envoy to tap: its node id and the ``ip:port`` of its admin interface."""

    node: str
    admin: str


OpenSource = Callable[[TapTarget, TapRequest], Source]


def open_admin_tap(target: TapTarget, request: TapRequest) -> Source:
    return AdminTap(target.admin, request)


class AdminTap:
    """The tap session of the Envoy whose admin interface is ``admin``, an ``ip:port``."""

    def __init__(self, admin: str, request: TapRequest) -> None:
        self.admin = admin
        self.request = request
        self._nudge = asyncio.Event()

    async def events(self) -> AsyncGenerator[SourceEvent, None]:
        """Attach, yield what comes, and attach again after a loss. Ends only with its reader."""
        pause = FIRST_PAUSE
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    async with contextlib.aclosing(self._session(session)) as events:
                        async for event in events:
                            pause = FIRST_PAUSE
                            yield event
                except (aiohttp.ClientError, OSError, TimeoutError, Refused) as error:
                    yield Lost(_why(error, self.admin))
                await self._wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def nudge(self) -> None:
        self._nudge.set()

    async def _session(self, session: aiohttp.ClientSession) -> AsyncGenerator[SourceEvent, None]:
        url = f"http://{self.admin}/tap"
        async with asyncio.timeout(ANSWER_WITHIN):
            response = await session.post(url, json=self.request.body())
        async with response:
            if response.status != 200:
                async with asyncio.timeout(ANSWER_WITHIN):
                    refusal = await response.content.read(ERROR_BYTES)
                raise Refused(refusal.decode("utf-8", "replace").strip())
            yield Attached()
            async for data in response.content.iter_any():
                yield Chunk(data)
        raise Refused("the session was closed")

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudge.wait()
        self._nudge.clear()


def _why(error: Exception, admin: str) -> str:
    if isinstance(error, TimeoutError):
        return f"its admin interface at {admin} does not answer"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"nothing listens at its admin address {admin}"
    if isinstance(error, Refused):
        return _refusal(str(error))
    return "its connection was lost"


def _refusal(text: str) -> str:
    """Envoy's words for people; both texts are those of its admin handler."""
    if "admin stream already exists" in text:
        return "another tap session holds it, and Envoy allows one"
    if "Unknown config id" in text:
        return "none of its listeners has a tap filter"
    return text

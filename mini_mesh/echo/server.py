"""All echo instances of one process: those that are wanted listen, and they call each other.

A door. A change of instances touches only those that changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from mini_mesh.echo.answer import Caller, Outcome, Received, calls_of
from mini_mesh.echo.config import Call, Instance
from mini_mesh.echo.http_side import HttpClient, HttpListener
from mini_mesh.echo.peak import Peak
from mini_mesh.echo.streams import STREAMS, StreamListener, ask

if TYPE_CHECKING:
    from mini_mesh.echo.grpc_side import GrpcClient

GRPC_SCHEME = "grpc://"


class Listener(Protocol):
    """One instance on its port; ``instance`` may be replaced by one of the same port."""

    instance: Instance
    peak: Peak

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class ListenError(Exception):
    """An instance could not listen."""


class Echo:
    """The instances of one process."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[int, str], Listener] = {}
        self._http = HttpClient()
        self._grpc: GrpcClient | None = None

    async def serve(self, instances: Iterable[Instance]) -> None:
        """Serve ``instances`` and no others from now on.

        Raises ListenError for the first that cannot listen; the others do.
        """
        wanted = {(instance.port, instance.protocol): instance for instance in instances}
        gone = [self._listeners.pop(key) for key in self._listeners.keys() - wanted.keys()]
        await asyncio.gather(*(listener.stop() for listener in gone))
        tries = (self._serve(key, instance) for key, instance in wanted.items())
        errors = await asyncio.gather(*tries)
        if error := next((error for error in errors if error is not None), None):
            raise ListenError(error)

    def peaks(self) -> dict[str, int]:
        """How many were at each instance at the same time at most, since this was last asked."""
        return {each.instance.id: each.peak.taken() for each in self._listeners.values()}

    async def close(self) -> None:
        await self.serve([])
        await self._http.close()
        if self._grpc is not None:
            await self._grpc.close()

    async def _serve(self, key: tuple[int, str], instance: Instance) -> str | None:
        if known := self._listeners.get(key):
            known.instance = instance
            return None
        listener = _listener(instance, self._call)
        try:
            await listener.start()
        except OSError as error:
            return f"{instance.service} {instance.version}: port {instance.port}: {error}"
        self._listeners[key] = listener
        return None

    async def _call(self, instance: Instance, got: Received) -> list[Outcome]:
        calls, handed_on = calls_of(instance, got)
        return await asyncio.gather(*(self._one_call(call, handed_on) for call in calls))

    async def _one_call(self, call: Call, got: Received) -> Outcome:
        scheme = call.url.partition("://")[0]
        if scheme in STREAMS:
            return await ask(scheme, call, got)
        if not call.url.startswith(GRPC_SCHEME):
            return await self._http.call(call, got)
        if self._grpc is None:
            from mini_mesh.echo.grpc_side import GrpcClient

            self._grpc = GrpcClient()
        return await self._grpc.call(call, got)


def _listener(instance: Instance, call: Caller) -> Listener:
    if instance.protocol == "http":
        return HttpListener(instance, call)
    if instance.protocol in STREAMS:
        return StreamListener(instance)
    from mini_mesh.echo.grpc_side import GrpcListener

    return GrpcListener(instance, call)

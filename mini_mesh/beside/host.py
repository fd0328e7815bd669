"""A door: starts and ends the services beside a mesh's Envoys, as its patterns want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mesh_patterns.beside import socket
from mesh_patterns.draft import Placed
from mini_mesh.beside.services import SERVICES, Service

Wanted = Mapping[str, Sequence[Placed[Any]]]  # a draft's ``beside``


class Beside:
    """The services of one mesh, in its ``folder``."""

    def __init__(
        self, folder: Path, services: Mapping[str, Callable[[], Service]] = SERVICES
    ) -> None:
        self._folder = folder
        self._services = services
        self._running: dict[str, Service] = {}
        self._away: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that run, or would if nobody had stopped them."""
        return tuple(self._running)

    async def tell(self, wanted: Wanted) -> None:
        """Have these run, and do what ``wanted`` says; what else runs goes on as it is."""
        for name, parts in wanted.items():
            service = self._running.get(name) or self._services[name]()
            service.tell([part.value for part in parts])
            if name not in self._running:
                await service.start(socket(self._folder, name))
                self._running[name] = service

    async def keep(self, wanted: Wanted) -> None:
        """End all that nobody wants."""
        for name in [name for name in self._running if name not in wanted]:
            await self._end(name)

    async def stop(self, name: str) -> None:
        """Take one away, as if it had crashed, until :meth:`start`."""
        self._away.add(name)
        await self._running[name].stop()

    async def start(self, name: str) -> None:
        """Bring back one that :meth:`stop` took away; it knows what it was told."""
        await self._running[name].start(socket(self._folder, name))
        self._away.remove(name)

    async def close(self) -> None:
        """End all."""
        for name in list(self._running):
            await self._end(name)

    async def _end(self, name: str) -> None:
        service = self._running.pop(name)
        if name in self._away:
            self._away.remove(name)
        else:
            await service.stop()

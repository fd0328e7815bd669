"""A door: starts and ends the services beside a mesh's Envoys, as its patterns want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mesh_patterns.beside import socket
from mesh_patterns.draft import Placed
from mesh_yaml.place import DocumentError
from mini_mesh.beside.services import SERVICES, Make, Service
from mini_mesh.events import Event
from mini_mesh.processes.process import ProcessError

Wanted = Mapping[str, Sequence[Placed[Any]]]  # a draft's ``beside``


class Beside:
    """The services of one mesh, in its ``folder``; ``report`` hears of what happens to them."""

    def __init__(
        self,
        folder: Path,
        report: Callable[[Event], None],
        services: Mapping[str, Make] = SERVICES,
    ) -> None:
        self._folder, self._report = folder, report
        self._services = services
        self._running: dict[str, Service] = {}
        self._away: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that run, or would if nobody had stopped them."""
        return tuple(self._running)

    async def tell(self, wanted: Wanted) -> None:
        """Have these do what ``wanted`` says, and start those that do not run yet; what else runs
        goes on as it is.
        """
        for name, parts in wanted.items():
            service = self._running.get(name) or self._services[name](self._report)
            service.tell([part.value for part in parts])
            if name not in self._running:
                self._running[name] = service
                await service.start(socket(self._folder, name))

    async def ready(self, wanted: Wanted) -> None:
        """Until these do so.

        Raises:
            DocumentError: one does not; at the line that wants it.
        """
        for name, parts in wanted.items():
            try:
                await self._running[name].ready()
            except ProcessError as error:
                raise DocumentError.at(parts[0].place, str(error)) from error

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
        await self._running[name].ready()
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

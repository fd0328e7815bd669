"""A mesh as the commands run it: in a folder where others find it, with a tap that they can use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meshloom.state import CAPTURES_SOCKET, TAP_SOCKET, announce, mesh_folder
from mini_mesh.envoy_binary import EnvoyBinary, EnvoyNotFound, find
from mini_mesh.events import Event, Ready
from mini_mesh.mesh import MiniMesh, Options

if TYPE_CHECKING:
    from tap.hub import TapTarget


def find_envoy(named: Path | None) -> EnvoyBinary:
    """The Envoy to run; without one the command ends here, saying what to do."""
    try:
        return find(named)
    except EnvoyNotFound as error:
        typer.echo(f"meshloom: {error}", err=True)
        raise typer.Exit(2) from error


@asynccontextmanager
async def open_mesh(
    envoy: EnvoyBinary,
    report: Callable[[Event], None],
    first_port: int | None = None,
    workers: int = 1,
    rollback: bool = False,
    *,
    findable: bool = False,
) -> AsyncIterator[MiniMesh]:
    """A mesh that has not started, in a folder of its own that goes when it goes.

    A ``findable`` one is there for other commands from the moment that ``report`` hears it is
    ready, and its Envoys send their access logs to the tap that ``offer_tap`` opens.
    """
    with mesh_folder() as folder:

        def heard(event: Event) -> None:
            if findable and isinstance(event, Ready):
                announce(folder, event.state)
            report(event)

        captures = folder / CAPTURES_SOCKET if findable else None
        options = Options(envoy, folder, first_port, workers, rollback, captures)
        async with MiniMesh(options, heard) as mesh:
            yield mesh


class OfferedTap:
    """The tap of a started mesh, at the sockets in its folder."""

    def __init__(self, mesh: MiniMesh) -> None:
        from mini_mesh.plan import topology
        from tap.hub import Hub

        self._mesh = mesh
        self.hub = Hub(self._targets(), topology(mesh.plan), logged=True)

    def _targets(self) -> list[TapTarget]:
        from tap.hub import TapTarget

        return [TapTarget(node, admin) for node, admin in self._mesh.admins.items()]

    async def follow(self) -> None:
        """The mesh has changed; to be awaited after each change."""
        from mini_mesh.plan import topology

        await self.hub.update(self._targets(), topology(self._mesh.plan))
        announce(self._mesh.options.folder, self._mesh.state())


@asynccontextmanager
async def offer_tap(mesh: MiniMesh) -> AsyncIterator[OfferedTap]:
    """Let ``meshloom tap`` watch a started mesh.

    Imported late: a tap's HTTP client takes longer to import than a small mesh takes to start.
    """
    from tap.server import serve
    from tap.sources.access_log import access_logs

    offered = OfferedTap(mesh)
    folder = mesh.options.folder
    async with (
        serve(offered.hub, folder / TAP_SOCKET),
        access_logs(folder / CAPTURES_SOCKET, offered.hub.open_log),
    ):
        announce(folder, mesh.state())
        yield offered

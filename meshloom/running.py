"""A mesh as the commands run it: in a folder where others find it, with a tap that they can use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meshloom.state import CAPTURES_SOCKET, TAP_SOCKET, announce, mesh_folder
from mini_mesh.envoy_binary import EnvoyBinary, EnvoyNotFound, find
from mini_mesh.events import Event, Ready
from mini_mesh.mesh import MiniMesh, Options

if TYPE_CHECKING:
    from mesh_patterns.draft import Draft
    from tap.hub import TapTarget
    from tap.keeper import Keeper
    from tap.redact import RuleBook
    from tap.sources.access_log import HeldLogs


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
    sockets: bool = False,
) -> AsyncIterator[MiniMesh]:
    """A mesh that has not started, in a folder of its own that goes when it goes.

    A ``findable`` one is there for other commands from the moment that ``report`` hears it is
    ready, and its Envoys send their access logs to the tap that ``offer_tap`` opens. With
    ``sockets``, that tap is of the Envoys' transport sockets.
    """
    with mesh_folder() as folder:

        def heard(event: Event) -> None:
            if findable and isinstance(event, Ready):
                announce(folder, event.state)
            report(event)

        captures = folder / CAPTURES_SOCKET if findable else None
        options = Options(envoy, folder, first_port, workers, rollback, captures, sockets)
        async with MiniMesh(options, heard) as mesh:
            yield mesh


class OfferedTap:
    """The tap of a started mesh, at the sockets in its folder. ``keeper`` stores what it sees,
    without what ``rules`` say is secret; None: the usual ones."""

    def __init__(self, mesh: MiniMesh, keeper: Keeper | None, rules: RuleBook | None) -> None:
        from mini_mesh.plan import topology
        from tap.hub import Hub
        from tap.redact import Redactor

        self._mesh = mesh
        self.keeper = keeper
        keep = keeper.keep if keeper else None
        redact = Redactor(rules) if rules else None
        self.hub = Hub(
            self._targets(),
            topology(mesh.plan),
            logged=True,
            keep=keep,
            redact=redact,
            sockets=mesh.options.sockets,
        )

    def _targets(self) -> list[TapTarget]:
        from tap.hub import TapTarget

        return [TapTarget(node, admin) for node, admin in self._mesh.admins.items()]

    async def follow(self) -> None:
        """The mesh has changed; to be awaited after each change."""
        from mini_mesh.plan import topology

        await self.hub.update(self._targets(), topology(self._mesh.plan))
        announce(self._mesh.options.folder, self._mesh.state())


@asynccontextmanager
async def started(mesh: MiniMesh, draft: Draft) -> AsyncIterator[HeldLogs]:
    """Bring the mesh up. Its Envoys' access logs are taken from the first request on, and held for
    the tap that ``offer_tap`` gives them to.

    Raises DocumentError, as :meth:`MiniMesh.start`.
    """
    from tap.sources.access_log import HeldLogs, access_logs

    held = HeldLogs()
    socket = mesh.options.folder / CAPTURES_SOCKET
    async with AsyncExitStack() as stack:
        await mesh.start(draft, lambda: stack.enter_async_context(access_logs(socket, held.open)))
        yield held


@asynccontextmanager
async def offer_tap(
    mesh: MiniMesh,
    held: HeldLogs,
    store: Path | None = None,
    rules: RuleBook | None = None,
) -> AsyncIterator[OfferedTap]:
    """Let ``meshloom tap`` watch a mesh that has ``started``; what it sees is kept in ``store``,
    and redacted before anybody gets it.

    Imported late: a tap's HTTP client takes longer to import than a small mesh takes to start.
    Raises StoreError if the store can't be written.
    """
    from tap.server import serve

    folder = mesh.options.folder
    with _kept_in(store) as keeper:
        offered = OfferedTap(mesh, keeper, rules)
        async with serve(offered.hub, folder / TAP_SOCKET):
            if mesh.options.sockets:
                await offered.hub.attached()
            held.pass_on(offered.hub.open_log)
            offered.hub.lose(held.dropped)
            announce(folder, mesh.state())
            yield offered


@contextmanager
def _kept_in(store: Path | None) -> Iterator[Keeper | None]:
    from tap.keeper import Keeper
    from tap.store import Store

    if store is None:
        yield None
        return

    def say(text: str) -> None:
        typer.echo(f"meshloom: {text}", err=True)

    with Keeper(lambda: Store(store), say).running() as keeper:
        yield keeper

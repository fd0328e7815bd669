"""A mesh as the commands run it: in a folder where others find it, with a tap that they can use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meshloom.capture import SOURCES, Name
from meshloom.state import (
    CAPTURES_SOCKET,
    GATE_SOCKET,
    PROCESSOR_SOCKET,
    TAP_SOCKET,
    announce,
    mesh_folder,
)
from mini_mesh.bootstrap import DRAIN_SECONDS
from mini_mesh.envoy_binary import EnvoyBinary, EnvoyNotFound, find
from mini_mesh.events import Event, Ready
from mini_mesh.mesh import MiniMesh
from mini_mesh.options import Options

if TYPE_CHECKING:
    from mesh_patterns.draft import Draft
    from tap.live.hub import Hub, TapTarget
    from tap.live.keeper import Keeper
    from tap.redact import RuleBook
    from tap.sources.access_log import HeldLogs
    from tap.sources.ext_proc import Processor
    from tap.sources.otlp import Receiver


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
    captured: bool = False,
    otlp: Mapping[str, str] | None = None,
    capture: Name = "buffered",
    drain_seconds: int = DRAIN_SECONDS,
    authority: Path | None = None,
) -> AsyncIterator[MiniMesh]:
    """A mesh that has not started, in a folder of its own that goes when it goes. Its
    workloads are told to send spans to ``otlp``.

    Of one that is ``captured``, Envoys send their access logs to the socket in its folder. A
    ``findable`` one is there for other commands from the moment that ``report`` hears it is
    ready, and is captured; its Envoys send what ``capture`` tells, too, to the tap that
    ``offer_tap`` opens.
    """
    with mesh_folder() as folder:

        def heard(event: Event) -> None:
            if findable and isinstance(event, Ready):
                announce(folder, event.state)
            report(event)

        captures = folder / CAPTURES_SOCKET if findable or captured else None
        detailed = SOURCES[capture]
        processor = folder / PROCESSOR_SOCKET if detailed.processed else None
        options = Options(
            envoy,
            folder,
            first_port,
            workers,
            rollback,
            captures,
            detailed.sockets,
            otlp or {},
            processor,
            folder / GATE_SOCKET if findable else None,
            drain_seconds,
            authority,
        )
        async with MiniMesh(options, heard) as mesh:
            yield mesh


class OfferedTap:
    """The tap of a started mesh, at the sockets in its folder. ``keeper`` stores what it sees,
    without what ``rules`` say is secret; None: the usual ones. Headers and bodies come from the
    source ``capture``."""

    def __init__(
        self, mesh: MiniMesh, keeper: Keeper | None, rules: RuleBook | None, capture: Name
    ) -> None:
        from mini_mesh.plan import topology
        from tap.live.hub import Hub
        from tap.redact import Redactor

        self._mesh = mesh
        self.keeper = keeper
        keep = keeper.keep if keeper else None
        redact = Redactor(rules) if rules else None
        detailed = SOURCES[capture]
        self.hub = Hub(
            self._targets(),
            topology(mesh.plan),
            request=detailed.request(),
            redact=redact,
            open_source=detailed.open(mesh),
            keep=keep,
            not_kept=(lambda: keeper.kept().not_stored) if keeper else (lambda: 0),
            logged=True,
            sockets=detailed.sockets,
        )

    def _targets(self) -> list[TapTarget]:
        from tap.live.hub import TapTarget

        return [TapTarget(node, admin) for node, admin in self._mesh.admins.items()]

    async def follow(self) -> None:
        """The mesh has changed; to be awaited after each change."""
        from mini_mesh.plan import topology

        await self.hub.update(self._targets(), topology(self._mesh.plan))
        announce(self._mesh.options.folder, self._mesh.state())


@asynccontextmanager
async def otlp_doors(receiver: Receiver, port: int | None) -> AsyncIterator[dict[str, str]]:
    """Take spans and logs of programs for ``receiver``: by gRPC at ``port``, by HTTP at the next
    one, 0 for any two, None for nowhere. Gives the addresses by protocol.

    A port that is taken ends the command, saying so.
    """
    if port is None:
        yield {}
        return
    from tap.sources.otlp import HOST, otlp_over_grpc
    from tap.sources.otlp_http import otlp_over_http

    async with AsyncExitStack() as stack:
        try:
            grpc = await stack.enter_async_context(otlp_over_grpc(receiver, port))
            http = await stack.enter_async_context(otlp_over_http(receiver, port and port + 1))
        except OSError as error:
            typer.echo(f"meshloom: --otlp {port}: {error.strerror or error}", err=True)
            raise typer.Exit(2) from error
        yield {"grpc": f"http://{HOST}:{grpc}", "http": f"http://{HOST}:{http}"}


@dataclass(frozen=True, slots=True)
class Begun:
    """What a mesh that has started sends, until there is a tap for it."""

    logs: HeldLogs
    otlp: Receiver
    processor: Processor

    def pass_on(self, hub: Hub) -> None:
        """From now on, and with all that was held, to this hub."""
        self.logs.pass_on(hub.open_log)
        self.processor.opened = hub.open_stream
        hub.lose(self.logs.dropped)
        self.otlp.take, self.otlp.reader = hub.told, hub.otlp


@asynccontextmanager
async def started(
    mesh: MiniMesh, draft: Draft, otlp: Receiver | None = None
) -> AsyncIterator[Begun]:
    """Bring the mesh up. Its Envoys' access logs are taken from the first request on, and held for
    the tap that ``offer_tap`` gives them to. ``otlp`` takes the spans and logs that an Envoy sends
    to the same place.

    Raises DocumentError, as :meth:`MiniMesh.start`.
    """
    from tap.sources.access_log import HeldLogs, access_logs
    from tap.sources.ext_proc import Processor
    from tap.sources.otlp import Receiver, handlers

    begun = Begun(HeldLogs(), otlp or Receiver(), Processor())
    options = mesh.options
    async with AsyncExitStack() as stack:

        async def listen() -> None:
            if options.processor is not None:
                await stack.enter_async_context(begun.processor.listening(options.processor))
            socket = options.folder / CAPTURES_SOCKET
            door = access_logs(socket, begun.logs.open, handlers(begun.otlp))
            await stack.enter_async_context(door)

        await mesh.start(draft, listen)
        yield begun


@asynccontextmanager
async def offer_tap(
    mesh: MiniMesh,
    begun: Begun,
    store: Path | None = None,
    rules: RuleBook | None = None,
    capture: Name = "buffered",
) -> AsyncIterator[OfferedTap]:
    """Let ``meshloom tap`` watch a mesh that has ``started``; what it sees is kept in ``store``,
    and redacted before anybody gets it. ``capture`` is what the mesh was opened with.

    Imported late: a tap's HTTP client takes longer to import than a small mesh takes to start.
    Raises StoreError if the store can't be written.
    """
    from tap.live.server import serve

    folder = mesh.options.folder
    with _kept_in(store) as keeper:
        offered = OfferedTap(mesh, keeper, rules, capture)
        async with serve(offered.hub, folder / TAP_SOCKET):
            if mesh.options.sockets:
                await offered.hub.attached()
            begun.pass_on(offered.hub)
            announce(folder, mesh.state())
            yield offered


@contextmanager
def _kept_in(store: Path | None) -> Iterator[Keeper | None]:
    from tap.live.keeper import Keeper
    from tap.store import Store

    if store is None:
        yield None
        return

    def say(text: str) -> None:
        typer.echo(f"meshloom: {text}", err=True)

    with Keeper(lambda: Store(store), say).running() as keeper:
        yield keeper

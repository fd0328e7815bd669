"""``meshloom up --publish`` and ``--federate``: a mesh among others, by Hamlet's protocol.

What others publish is written to a pattern file in the mesh's folder, which it follows like its
own: what does not fit is refused with its line, and all is served within milliseconds.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mini_mesh.events import Federated

if TYPE_CHECKING:
    from meshloom.report import Report
    from mini_mesh.federation.catalogue import FederatedService
    from mini_mesh.federation.joined import Joined
    from mini_mesh.federation.owner import Owner
    from mini_mesh.federation.session import Refusal
    from mini_mesh.mesh import MiniMesh

Publish = Annotated[
    str | None,
    typer.Option(
        "--publish",
        metavar="HOST:PORT",
        help="Tell other meshes of our services there (Hamlet), on the loopback interface.",
    ),
]
Export = Annotated[
    list[str] | None,
    typer.Option(
        "--export", metavar="SERVICE", help="What --publish tells; else what has an ingress."
    ),
]
Federate = Annotated[
    list[str] | None,
    typer.Option(
        "--federate", metavar="HOST:PORT", help="Have the services that another mesh publishes."
    ),
]
FederationToken = Annotated[
    str | None,
    typer.Option(
        "--federation-token",
        envvar="MESHLOOM_FEDERATION_TOKEN",
        help="What --publish wants of others, and --federate has for them.",
    ),
]


@dataclass(slots=True)
class Federation:
    """Where this mesh publishes, and whom it listens to; nothing by default."""

    publish: str | None = None
    export: tuple[str, ...] = ()
    federate: tuple[str, ...] = ()
    token: str = ""
    _mesh: MiniMesh | None = field(default=None, init=False)
    _owner: Owner | None = field(default=None, init=False)

    @classmethod
    def of(
        cls, publish: Publish, export: Export, federate: Federate, token: FederationToken
    ) -> Federation:
        """Raises ``typer.BadParameter`` for an address that is none, or not of this machine."""
        if publish is not None:
            _check("--publish", publish)
        for address in federate or ():
            _check("--federate", address)
        if export and publish is None:
            raise typer.BadParameter("wanted --publish, too", param_hint="--export")
        return cls(publish, tuple(export or ()), tuple(federate or ()), token or "")

    @asynccontextmanager
    async def running(self, mesh: MiniMesh, report: Report) -> AsyncIterator[Path | None]:
        """For the time of a mesh that answers: the file that has what others publish, if there are
        others. A port that is taken ends the command."""
        if self.publish is None and not self.federate:
            yield None
            return
        async with AsyncExitStack() as stack:
            self._mesh = mesh
            if self.publish is not None:
                await self._publishing(stack, report)
            yield await self._listening(stack, report) if self.federate else None

    def follow(self) -> None:
        """The mesh has changed: others are told."""
        if self._owner is not None and self._mesh is not None:
            self._owner.publish(self._catalogue(self._mesh))

    def _catalogue(self, mesh: MiniMesh) -> dict[str, FederatedService]:
        from mini_mesh.federation.published import catalogue

        return catalogue(mesh.state(), self.export)

    async def _publishing(self, stack: AsyncExitStack, report: Report) -> None:
        from mini_mesh.federation.owner import Owner, serving
        from mini_mesh.federation.published import check

        assert self._mesh is not None
        assert self.publish is not None

        def refused(refusal: Refusal) -> None:
            text = f"{refusal.name} was not taken by another mesh: {refusal.why}"
            report.heard(Federated(text))

        self._owner = Owner(refused)
        try:
            check(self._mesh.state(), self.export)
            port = await stack.enter_async_context(serving(self._owner, self.publish, self.token))
        except (OSError, ValueError) as error:
            typer.echo(f"meshloom: --publish: {error}", err=True)
            raise typer.Exit(2) from error
        self.follow()
        at = f"{self.publish.rpartition(':')[0]}:{port}"
        report.heard(Federated(f"publishes at {at}"))

    async def _listening(self, stack: AsyncExitStack, report: Report) -> Path:
        from mini_mesh.federation.consumer import Consumer, NotFederated
        from mini_mesh.federation.joined import FILE, Joined

        assert self._mesh is not None
        mesh, joined = self._mesh, Joined()
        file = mesh.options.folder / FILE
        _write(file, joined)

        async def take(owner: str, name: str, service: FederatedService | None) -> str:
            own = mesh.draft.mesh.services.keys() - joined.services.keys()
            if why := joined.take(owner, name, service, own):
                return why
            _write(file, joined)
            return ""

        def say(text: str) -> None:
            report.heard(Federated(text))

        async def listen(consumer: Consumer) -> None:
            try:
                await consumer.follow()
            except NotFederated as error:
                say(str(error))

        for address in self.federate:
            consumer = Consumer(address, take, self.token, state=say)
            task = asyncio.ensure_future(listen(consumer))
            stack.push_async_callback(_ended, task)
        return file


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _write(file: Path, joined: Joined) -> None:
    """Whole, or not at all."""
    from mesh_yaml.yaml import dump

    part = file.with_suffix(".part")
    part.write_text(dump(joined.document()), encoding="utf-8")
    part.replace(file)


def _check(option: str, address: str) -> None:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise typer.BadParameter(f"expected HOST:PORT, got {address!r}", param_hint=option)
    try:
        here = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        here = False
    if not here:
        said = f"{host!r} is not of the loopback interface, and what is said there is not encrypted"
        raise typer.BadParameter(said, param_hint=option)

"""``meshloom serve``: the control plane alone, for Envoys that somebody else runs."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_yaml.place import DocumentError
from meshloom import http_side
from meshloom.arguments import (
    Files,
    Json,
    KeptAuthority,
    Rollback,
    Variables,
    check_pair,
    parse_variables,
)
from meshloom.report import JsonReport, TextReport, told
from meshloom.up import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_patterns.draft import Draft
    from mesh_patterns.model import Mesh
    from mesh_patterns.placement import Placement
    from mini_mesh.certificates.renewal import Renewal
    from mini_mesh.control.plane import ControlPlane
    from mini_mesh.events import Event
    from xds_server.snapshot import Snapshot

_STAYS = "          the last good config stays"
FIRST_PORT = 20000  # as ``meshloom render`` shows it


def serve(
    files: Files,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where; port 0: any free one.")
    ] = "127.0.0.1:18000",
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="Who signs the clients' certificates (mutual TLS), PEM.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="MESHLOOM_TOKEN", help="Wanted of each client, as a bearer token."),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            http_side.OPTION,
            metavar="HOST:PORT",
            help="Health, metrics, polling by JSON; '' for none.  [default: the next port]",
        ),
    ] = None,
    ports_from: Annotated[
        int, typer.Option(help="Ports that no file names are counted up from here.")
    ] = FIRST_PORT,
    authority: KeptAuthority = None,
    rollback: Rollback = False,
    json: Json = False,
    var: Variables = None,
) -> None:
    """Serve the files' config to Envoys of your own.

    Follows the files until Ctrl-C, and starts no Envoy. On an address that is not loopback it
    insists on mutual TLS or on a token.
    """
    door = Door.of(listen, tls_cert, tls_key, client_ca, token)
    beside = http_side.door_beside(door, http)
    report = ServeJson() if json else ServeText(returns=rollback)
    session = ServeSession(files, parse_variables(var), report)
    raise typer.Exit(asyncio.run(session.serve(door, beside, ports_from, rollback, authority)))


@dataclass(frozen=True, slots=True)
class Door:
    """Where to listen, and who may come in."""

    host: str
    port: int
    cert: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    token: str | None = None

    @classmethod
    def of(
        cls,
        listen: str,
        cert: Path | None,
        key: Path | None,
        client_ca: Path | None,
        token: str | None,
        option: str = "--listen",
    ) -> Door:
        """Raises ``typer.BadParameter`` for what does not go together."""
        host, _, port = listen.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise typer.BadParameter(f"got {listen!r}, wanted HOST:PORT", param_hint=option)
        check_pair(cert, key)
        if client_ca and not cert:
            raise typer.BadParameter("needs --tls-cert and --tls-key", param_hint="--client-ca")
        if token == "":
            raise typer.BadParameter("is empty", param_hint="--token")
        if not (_is_loopback(host) or client_ca or token):
            raise typer.BadParameter(
                f"{host} is open to others: wanted --client-ca (mutual TLS) or --token with it",
                param_hint=option,
            )
        return cls(host, int(port), cert, key, client_ca, token)

    @property
    def readable(self) -> bool:
        """Whether others can read what is served here."""
        return not self.cert and not _is_loopback(self.host)

    @property
    def warning(self) -> str | None:
        if self.token and self.readable:
            return "without --tls-cert the token crosses the network readable"
        return None

    def options(self) -> dict[str, Any]:
        """What ``XdsServer.start`` needs. Raises ``LocalXdsError`` for a file that is no PEM."""
        from xds_server.serving.auth import TokenRequired, tls

        secure = tls(self.cert, self.key, self.client_ca) if self.cert and self.key else None
        return {
            "credentials": secure,
            "interceptors": [TokenRequired(self.token)] if self.token else [],
        }


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class ServeJson(JsonReport):
    """One JSON object a line; ``"event": "serving"`` carries the address and the nodes."""

    def serving(self, address: str, http: str | None, snapshots: Mapping[str, Snapshot]) -> None:
        from meshloom.output import emit

        emit("serving", listen=address, http=http, nodes=sorted(snapshots))


class ServeText(TextReport):
    """Lines for people: where it listens and for whom, then what changes."""

    def serving(self, address: str, http: str | None, snapshots: Mapping[str, Snapshot]) -> None:
        for node in sorted(snapshots):
            typer.echo(f"  {node}")
        typer.echo(f"serving {len(snapshots)} nodes on {address}    stop: Ctrl-C")
        if http:
            typer.echo(f"health, metrics and polling over HTTP on {http}")

    def heard(self, event: Event) -> None:
        from mini_mesh.events import (
            Applied,
            NotRolledBack,
            Refused,
            Renewed,
            RolledBack,
            TurnedAway,
        )

        match event:
            case Applied(node, milliseconds):
                typer.echo(f"{node} accepted its config {milliseconds:.0f} ms after it changed")
            case Refused(text=text):
                typer.echo(text if self.returns else f"{text}\n{_STAYS}")
            case RolledBack() | NotRolledBack() | TurnedAway() | Renewed():
                typer.echo(told(event))

    def changed(self, files: Any, what: str) -> None:
        super().changed(files, what)
        typer.echo(self._change)


class Served:
    """What the files say, as the control plane serves it."""

    def __init__(
        self, control: ControlPlane, first_port: int, certificates: Renewal, readable: bool
    ) -> None:
        self.draft: Draft
        self._control, self._first_port = control, first_port
        self._certificates, self._readable = certificates, readable

    async def change(self, draft: Draft) -> None:
        """Raises ``DocumentError`` for patterns that can't be brought together."""
        self.take(draft)

    def take(self, draft: Draft) -> dict[str, Snapshot]:
        from mesh_patterns.compile import compile_mesh
        from mesh_patterns.placement import kinds

        identities = self._certificates.identities(draft)
        if identities and self._readable:
            raise DocumentError.at(
                next(iter(draft.mtls.values())).place,
                "mutual TLS: private keys would cross the network readable; serve with --tls-cert",
            )
        snapshots = compile_mesh(draft, fixed(draft.mesh, self._first_port), identities)
        self._control.serve(snapshots, kinds(draft.mesh))
        self._certificates.keep(self._control, draft)
        self.draft = draft
        return snapshots


def fixed(mesh: Mesh, first: int) -> Placement:
    """The ports that the files name, the others counted up from ``first`` around those.

    A function of the files alone: a control plane that starts anew serves the same.
    """
    from itertools import count

    from mesh_patterns.placement import Placement, needs

    wanted = list(needs(mesh))
    named = {need.port for need in wanted}
    free = (port for port in count(first) if port not in named)
    return Placement({need.key: need.port or next(free) for need in wanted})


class ServeSession(Session):
    """One run of ``meshloom serve``."""

    def __init__(
        self, files: Sequence[Path], variables: Mapping[str, str], report: ServeJson | ServeText
    ) -> None:
        super().__init__(files, variables, report)
        self._says = report

    async def serve(
        self,
        door: Door,
        beside: Door | None,
        first_port: int,
        rollback: bool = False,
        authority: Path | None = None,
    ) -> int:
        """Until Ctrl-C or SIGTERM; the exit code, 1 when what is served is not what files say."""
        from mesh_patterns.load import load
        from mini_mesh.control.plane import ControlPlane
        from mini_mesh.watch import FileWatch
        from xds_server.errors import XdsError

        self._end_at_signals()
        self._watch = FileWatch(self._files)
        draft = load(self._files, self._variables)
        self._watch.follow(draft.all_files())
        self._report.warned([*draft.mesh.warnings, *draft.warnings])
        control = ControlPlane(self._report.heard, rollback)
        certificates = self._renewal(authority)
        readable = any(each.readable for each in (door, beside) if each)
        served = Served(control, first_port, certificates, readable)
        snapshots = served.take(draft)
        try:
            port = await control.start(door.port, door.host, **door.options())
            async with http_side.serving(control, beside) as http:
                for warning in {each.warning for each in (door, beside) if each and each.warning}:
                    typer.echo(f"meshloom serve: {warning}", err=True)
                self._says.serving(f"{door.host}:{port}", http, snapshots)
                await self._serve(served, None)
        except XdsError as error:
            typer.echo(f"meshloom serve: {error}", err=True)
            return 2
        finally:
            certificates.stop()
            await control.stop()
        self._report.stopped()
        return 1 if control.behind or self._rejected else 0

    def _renewal(self, authority: Path | None) -> Renewal:
        from mini_mesh.certificates.issuer import Issuer
        from mini_mesh.certificates.renewal import Renewal

        return Renewal(self._report.heard, None, Issuer(authority=authority))

    async def _retell(self) -> None:
        """Nobody else has to know of a change."""

"""``meshloom ca``: the certificate authority alone, for Envoys that somebody else runs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.arguments import Json
from meshloom.output import emit

if TYPE_CHECKING:
    from mini_mesh.certificates.authority import Authority
    from mini_mesh.certificates.secrets import Secrets

SHORTEST = 10.0  # seconds of a certificate's life


def ca(
    node: Annotated[
        list[str],
        typer.Argument(metavar="NODE=ID...", help="An Envoy's node id, and who it is: web-1=web."),
    ],
    trust_domain: Annotated[str, typer.Option(help="Of all SPIFFE ids.")] = "mesh.local",
    lasts: Annotated[str, typer.Option(help="A certificate's life; renewed after 2/3.")] = "1h",
    socket: Annotated[
        Path, typer.Option(help="The Unix socket at which Envoys ask; its owner's alone.")
    ] = Path("meshloom-ca.sock"),
    authority: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the authority is kept; else it is a new one."),
    ] = None,
    json: Json = False,
) -> None:
    """Issue certificates to Envoys of your own, by SDS, until Ctrl-C.

    In an Envoy's TLS context, the secret 'default' is its certificate, 'ROOTCA' is whom to trust. A
    node that is not named gets nothing.
    """
    from xds_server.errors import XdsError

    made, secrets = _secrets(node, trust_domain, lasts, authority)
    try:
        asyncio.run(_serve(made, secrets, socket, json))
    except (OSError, XdsError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise typer.BadParameter(f"{socket}: {what}", param_hint="--socket") from error


def _secrets(
    nodes: list[str], domain: str, lasts: str, folder: Path | None
) -> tuple[Authority, Secrets]:
    from mesh_yaml.values import parse_duration
    from mini_mesh.certificates.authority import Authority
    from mini_mesh.certificates.issuer import utc_now
    from mini_mesh.certificates.secrets import Secrets

    try:
        life = parse_duration(lasts)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lasts") from error
    if life.total_seconds() < SHORTEST:
        message = f"a certificate lasts at least {SHORTEST:g}s, got {lasts}"
        raise typer.BadParameter(message, param_hint="--lasts")
    holders = _holders(nodes, domain)
    kept = Authority.kept(folder, domain, utc_now) if folder else Authority.new(domain, utc_now)
    return kept, Secrets(kept, domain, holders, life, utc_now)


def _holders(nodes: list[str], domain: str) -> dict[str, str]:
    from mini_mesh.certificates.secrets import spiffe_id

    found: dict[str, str] = {}
    for each in nodes:
        name, equals, path = each.partition("=")
        if not name or not equals or name in found:
            what = f"expected NODE=ID, each node once, got {each!r}"
            raise typer.BadParameter(what, param_hint="NODE=ID")
        try:
            found[name] = spiffe_id(domain, path)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="NODE=ID") from error
    return found


async def _serve(authority: Authority, secrets: Secrets, path: Path, json: bool) -> None:
    from mini_mesh.certificates import sds

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bundle = authority.bundle.decode()

    def ready() -> None:
        if json:
            emit("ready", socket=str(path), bundle=bundle)
        else:
            typer.echo(f"{bundle}secrets at {path}")

    def renewed() -> None:
        emit("renewed") if json else typer.echo("certificates are new")

    await sds.serve(secrets, path, stop, ready, renewed)

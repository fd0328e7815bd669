"""Services that answer Envoys of others: where they listen, until Ctrl-C."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.output import emit

if TYPE_CHECKING:
    from mini_mesh.beside.unary import Method

UNIX = "unix:"
Where = str | tuple[str, int]  # a socket's path, or an address of loopback
Listen = Annotated[
    str,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help="Where, on loopback; port 0: any free one. Or unix:PATH.",
    ),
]


def where(listen: str) -> Where:
    """What ``--listen`` says. Raises ``typer.BadParameter``."""
    if listen.startswith(UNIX):
        return listen.removeprefix(UNIX)
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise bad_listen(f"expected HOST:PORT or unix:PATH, got {listen!r}")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise bad_listen(f"{host!r} is not on loopback; nobody else shall ask")
    return host, int(port)


def bad_listen(message: str) -> typer.BadParameter:
    """The option's own error."""
    return typer.BadParameter(message, param_hint="--listen")


def serve(
    methods: Mapping[str, Method], at: Where, said: str, more: Mapping[str, Any], *, json: bool
) -> None:
    """Answer there. It is told as ``said`` and the address, or as an event with ``more``.

    Raises ``typer.BadParameter``: nobody can listen there.
    """
    try:
        asyncio.run(_serve(methods, at, said, more, json))
    except OSError as error:
        raise bad_listen(f"{_shown(at)}: {error.strerror}") from error


async def _serve(
    methods: Mapping[str, Method], at: Where, said: str, more: Mapping[str, Any], json: bool
) -> None:
    from mini_mesh.beside.unary import Unary

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _bound(at) as made:
        async with Unary(methods).listening(made):
            address = _shown(made.getsockname())
            if json:
                emit("ready", address=address, **more)
            else:
                typer.echo(f"{said} at {address}")
            await stop.wait()


@contextmanager
def _bound(at: Where) -> Iterator[socket.socket]:
    from tap.sources.private_socket import bound

    if isinstance(at, str):
        with bound(Path(at)) as made:
            yield made
        return
    family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
    with socket.create_server(at, family=family) as made:
        yield made


def _shown(at: Any) -> str:
    return f"{UNIX}{at}" if isinstance(at, str) else f"{at[0]}:{at[1]}"

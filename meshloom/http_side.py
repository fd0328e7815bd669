"""What ``meshloom serve`` offers over HTTP: health, metrics, and polling by JSON.

It stands beside the gRPC side, with the same certificates and the same token, on an address of its
own: the loopback interface unless said otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshloom.serve import Door
    from mini_mesh.control.plane import ControlPlane

OPTION = "--http"
OFF = ("", "none")


def door_beside(grpc: Door, listen: str | None) -> Door | None:
    """Where HTTP is served; ``None`` where it is turned off.

    ``listen`` is what ``--http`` says. Without it, it is the port after that of ``grpc``, and any
    free one where that is. Raises ``typer.BadParameter`` as ``Door.of`` does.
    """
    if listen in OFF:
        return None
    if listen is None:
        listen = f"127.0.0.1:{grpc.port + 1 if grpc.port else 0}"
    return type(grpc).of(listen, grpc.cert, grpc.key, grpc.client_ca, grpc.token, OPTION)


@asynccontextmanager
async def serving(control: ControlPlane, door: Door | None) -> AsyncIterator[str | None]:
    """Serves until the end of the block; the address, ``None`` where it is turned off.

    Raises ``XdsError`` when the port is taken or a file is no PEM.
    """
    from xds_server.serving import http

    if door is None:
        yield None
        return
    app = http.application(
        control.server,
        control.cache,
        control.metrics(),
        control.group_of,
        protection=http.Protection(door.token, door.client_ca is not None),
    )
    secure = http.tls(door.cert, door.key, door.client_ca) if door.cert and door.key else None
    async with http.listening(app, door.host, door.port, secure) as port:
        yield f"{door.host}:{port}"

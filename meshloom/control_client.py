"""The door to a control plane: our own questions to it, and its answers.

It is that of the running mesh, found as ``meshloom tap`` finds it, or the one at an address.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import grpc

TIMEOUT = 10.0  # seconds for an answer
MAX_ANSWER = 64 * 2**20  # bytes; gRPC's own default of 4 MiB holds some 5,000 nodes


class AskError(Exception):
    """Nobody answered, or not what was asked. ``status`` is gRPC's name for it."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """Which control plane is asked, and how one comes in there."""

    address: str
    token: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def of(
        cls,
        mesh: str | None,
        server: str | None,
        token: str | None = None,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
    ) -> Target:
        """Raises ``NoMesh`` where nothing runs, ``typer.BadParameter`` for what clashes."""
        from meshloom.state import find_mesh

        if server is not None and mesh is not None:
            raise typer.BadParameter("wanted one of the two", param_hint="--server, --mesh")
        if (cert is None) != (key is None):
            raise typer.BadParameter("each needs the other", param_hint="--tls-cert, --tls-key")
        if cert and not ca:
            raise typer.BadParameter("needs --tls-ca", param_hint="--tls-cert")
        address = server or str(find_mesh(mesh).state["control_plane"])
        return cls(address, token, ca, cert, key)

    def channel(self) -> grpc.Channel:
        """Raises ``AskError`` for a file that can't be read."""
        import grpc

        options = [("grpc.max_receive_message_length", MAX_ANSWER)]
        if self.ca is None:
            return grpc.insecure_channel(self.address, options)
        try:
            ca, key, cert = (f and f.read_bytes() for f in (self.ca, self.key, self.cert))
        except OSError as error:
            raise AskError(str(error), "INVALID_ARGUMENT") from error
        return grpc.secure_channel(
            self.address, grpc.ssl_channel_credentials(ca, key, cert), options
        )

    def call(self, method: str, data: bytes) -> bytes:
        """One call of any unary method: ``/package.Service/Method``. Raises ``AskError``."""
        import grpc

        bearer = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        with self.channel() as channel:
            try:
                called = channel.unary_unary(method)(data, metadata=bearer, timeout=TIMEOUT)
            except grpc.RpcError as error:
                raise AskError(f"{self.address}: {error.details()}", error.code().name) from error
        return bytes(called)

    def ask(self, method: str, **question: Any) -> dict[str, Any]:
        """One of our own commands. Raises ``AskError``."""
        from mini_mesh.control.commands import SERVICE

        answer = self.call(f"/{SERVICE}/{method}", json.dumps(question).encode())
        found: dict[str, Any] = json.loads(answer)
        return found


def answered(command: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``ask`` gives; where it fails, the command ends here.

    With 1 where the answer is no (there is nothing to go back to), else with 2.
    """
    try:
        return ask()
    except AskError as error:
        typer.echo(f"meshloom {command}: {error}", err=True)
        raise typer.Exit(1 if error.status == "FAILED_PRECONDITION" else 2) from error

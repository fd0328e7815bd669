"""The door to a control plane: our own questions to it, and its answers.

It is that of the running mesh, found as ``meshloom tap`` finds it, or the one at an address.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from meshloom.arguments import (
    MeshName,
    Server,
    TlsCa,
    TlsCert,
    TlsKey,
    Token,
    check_pair,
)

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
        mesh: MeshName = None,
        server: Server = None,
        token: Token = None,
        tls_ca: TlsCa = None,
        tls_cert: TlsCert = None,
        tls_key: TlsKey = None,
    ) -> Target:
        """Raises ``NoMesh`` where nothing runs, ``typer.BadParameter`` for what clashes."""
        from meshloom.state import find_mesh

        if server is not None and mesh is not None:
            raise typer.BadParameter("wanted one of the two", param_hint="--server, --mesh")
        check_pair(tls_cert, tls_key)
        if tls_cert and not tls_ca:
            raise typer.BadParameter("needs --tls-ca", param_hint="--tls-cert")
        address = server or str(find_mesh(mesh).state["control_plane"])
        return cls(address, token, tls_ca, tls_cert, tls_key)

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


def targeted(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first argument is a ``Target``, with the options of ``Target.of`` instead."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    options = inspect.signature(Target.of, eval_str=True).parameters

    @functools.wraps(command)
    def run(**given: Any) -> None:
        target = Target.of(**{name: given.pop(name) for name in options})
        command(target, **given)

    run.__signature__ = inspect.Signature([*own, *options.values()])  # type: ignore[attr-defined] # what typer reads
    return run


def answered(command: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``ask`` gives; where it fails, the command ends here.

    With 1 where the answer is no (there is nothing to go back to), else with 2.
    """
    try:
        return ask()
    except AskError as error:
        typer.echo(f"meshloom {command}: {error}", err=True)
        raise typer.Exit(1 if error.status == "FAILED_PRECONDITION" else 2) from error

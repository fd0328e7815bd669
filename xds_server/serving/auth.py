"""Who may come in: TLS with or without client certificates, and a token in each call's metadata."""

from __future__ import annotations

import hmac
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from xds_server.errors import LocalXdsError

Continuation = Callable[[Any], Awaitable[Any]]
REFUSED = "wanted the metadata 'authorization: Bearer TOKEN' with this server's token"


def tls(cert: Path, key: Path, client_ca: Path | None = None) -> Any:
    """What ``XdsServer.start`` takes as ``credentials``, from PEM files.

    With ``client_ca``, a client has to have a certificate that it signed (mutual TLS). Raises
    ``LocalXdsError`` for a file that can't be read or is no certificate or key, or not of the pair.
    """
    context(cert, key, client_ca)
    return grpc.ssl_server_credentials(
        [(key.read_bytes(), cert.read_bytes())],
        client_ca.read_bytes() if client_ca else None,
        require_client_auth=client_ca is not None,
    )


def context(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """The same files for Python's own TLS. Raises as ``tls`` does."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        made.load_cert_chain(cert, key)
    except OSError as error:  # SSLError is one
        raise LocalXdsError(f"{cert}, {key}: no certificate and its key: {error}") from error
    try:
        if client_ca:
            made.load_verify_locations(client_ca)
            made.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise LocalXdsError(f"{client_ca}: no certificate authority: {error}") from error
    return made


class TokenRequired(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpcio is untyped
    """Refuses each call, of whatever service, that does not carry ``token``: UNAUTHENTICATED."""

    def __init__(self, token: str) -> None:
        if not token:
            raise LocalXdsError("got an empty token, wanted one")
        self._wanted = f"Bearer {token}".encode()

    async def intercept_service(self, continuation: Continuation, details: Any) -> Any:
        handler = await continuation(details)
        given = dict(details.invocation_metadata).get("authorization", "")
        if handler is None or hmac.compare_digest(_bytes(given), self._wanted):
            return handler
        return _REFUSING


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


async def _refuse(requests: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, REFUSED)


# a stream's handler may answer a call of any shape with a status: nothing is read or written
_REFUSING = grpc.stream_stream_rpc_method_handler(_refuse)

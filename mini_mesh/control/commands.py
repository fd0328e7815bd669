"""The door for our own commands: questions and answers as JSON, on the control plane's gRPC port.

One service beside the discovery services, behind the same TLS and the same token. Its messages are
UTF-8 JSON: they are read by ``meshloom`` of the same version, and by whoever likes to.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

from xds_server.errors import RemoteXdsError

SERVICE = "meshloom.control.v1.Control"
MAX_QUESTION = 64 * 2**10  # bytes
MAX_ANSWER = 32 * 2**20

_Answerer = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


def handler(table: Mapping[str, _Answerer]) -> Any:
    """One of the ``handlers`` of ``XdsServer.start``; ``table`` has the methods."""
    methods = {
        name: grpc.unary_unary_rpc_method_handler(_method(answer)) for name, answer in table.items()
    }
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def _method(answer: _Answerer) -> Any:
    async def method(data: bytes, context: Any) -> bytes:
        try:
            told = json.dumps(await answer(_question(data)), default=str).encode()
            if len(told) > MAX_ANSWER:
                raise RemoteXdsError(
                    f"the answer has {len(told)} bytes, wanted at most {MAX_ANSWER}: ask for "
                    "single nodes",
                    "RESOURCE_EXHAUSTED",
                )
            return told
        except RemoteXdsError as error:
            await context.abort(grpc.StatusCode[error.status], str(error))
            raise

    return method


def _question(data: bytes) -> Mapping[str, Any]:
    """Raises ``RemoteXdsError`` for what is no JSON object."""
    if len(data) > MAX_QUESTION:
        raise RemoteXdsError(f"{len(data)} bytes, wanted at most {MAX_QUESTION}")
    try:
        asked = json.loads(data or b"{}")
    except ValueError as error:
        raise RemoteXdsError(f"the question is no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise RemoteXdsError(f"got a question of type {type(asked).__name__}, wanted an object")
    return asked

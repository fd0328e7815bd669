"""Questions and answers over gRPC, and bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from mini_mesh.control import commands
from xds_server.cache import Cache
from xds_server.serving.auth import TokenRequired
from xds_server.serving.server import XdsServer


async def _echo(question: Mapping[str, Any]) -> dict[str, Any]:
    return {"got": question, "more": "x" * question.get("size", 0)}


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [
        (b"{", "INVALID_ARGUMENT", "the question is no JSON: "),
        (b"\xff", "INVALID_ARGUMENT", "the question is no JSON: "),
        (b"[]", "INVALID_ARGUMENT", "got a question of type list, wanted an object"),
        (b" " * (commands.MAX_QUESTION + 1), "INVALID_ARGUMENT", "65537 bytes, wanted at most"),
        (b'{"size": 34000000}', "RESOURCE_EXHAUSTED", "wanted at most 33554432: ask for single"),
    ],
)
async def test_what_is_no_question_or_has_no_end_is_refused(
    data: bytes, code: str, told: str
) -> None:
    server = XdsServer(Cache())
    port = await server.start(handlers=[commands.handler({"Echo": _echo})])
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = channel.unary_unary(f"/{commands.SERVICE}/Echo")
        assert await ask(b"") == b'{"got": {}, "more": ""}'
        with pytest.raises(grpc.aio.AioRpcError, match=told) as refused:
            await ask(data)
        assert refused.value.code().name == code
    await server.stop()


async def test_the_token_of_the_server_is_wanted_here_too() -> None:
    server = XdsServer(Cache())
    port = await server.start(
        handlers=[commands.handler({"Echo": _echo})], interceptors=[TokenRequired("s3cret")]
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = channel.unary_unary(f"/{commands.SERVICE}/Echo")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(b"{}")
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert await ask(b"{}", metadata=(("authorization", "Bearer s3cret"),))
    await server.stop()

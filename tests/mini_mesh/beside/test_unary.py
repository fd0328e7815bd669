"""Calls of gRPC's own client, over a Unix socket and over TCP."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import grpc
import pytest

from mini_mesh.beside.unary import Refused, Unary
from tap.sources.private_socket import bound

pytestmark = pytest.mark.asyncio


def refuse(message: bytes) -> bytes:
    raise Refused(8, "enough")


async def later(message: bytes) -> bytes:
    await asyncio.sleep(0)
    if not message:
        raise Refused(14, "away")
    return message * 2


METHODS = {"/s.S/Say": lambda message: message[::-1], "/s.S/No": refuse, "/s.S/Later": later}


async def check(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        say, no, later, other = (
            channel.unary_unary(f"/s.S/{n}") for n in ("Say", "No", "Later", "X")
        )
        assert await say(b"abc") == b"cba"
        assert await asyncio.gather(*(say(bytes([i])) for i in range(200))) == [
            bytes([i]) for i in range(200)
        ]
        assert await later(b"ab") == b"abab"
        for call, message, code, words in (
            (no, b"x", grpc.StatusCode.RESOURCE_EXHAUSTED, "enough"),
            (later, b"", grpc.StatusCode.UNAVAILABLE, "away"),
            (other, b"x", grpc.StatusCode.UNIMPLEMENTED, "no method /s.S/X"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await call(message)
            assert (error.value.code(), error.value.details()) == (code, words)


async def test_a_client_of_grpc_is_answered_at_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with bound(path) as made:
        async with Unary(METHODS).listening(made):
            await check(f"unix:{path}")
    assert not path.exists()


async def test_a_client_of_grpc_is_answered_over_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        async with Unary(METHODS).listening(made):
            await check(f"127.0.0.1:{made.getsockname()[1]}")


async def test_who_speaks_no_http2_is_left(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with bound(path) as made:
        async with Unary(METHODS).listening(made):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(5):
                assert b"GET" not in await reader.read()
            writer.close()
            await writer.wait_closed()

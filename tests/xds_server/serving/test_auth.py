"""Who may come in, asked by real gRPC clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.certificates import Authority
from tests.xds_server.playbook import a_cluster, snapshot
from tests.xds_server.serving.test_server import NODE, first_answer, open_stream, request
from xds_server.cache import Cache
from xds_server.errors import LocalXdsError
from xds_server.serving.auth import REFUSED, TokenRequired, tls
from xds_server.serving.server import ADS, XdsServer

FIRST = request(node=NODE)


@asynccontextmanager
async def server(**options: Any) -> AsyncIterator[str]:
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    it = XdsServer(cache)
    port = await it.start(**options)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await it.stop()


async def test_a_client_with_the_token_is_served() -> None:
    async with (
        server(interceptors=[TokenRequired("s3cret")]) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")
        stream = call(metadata=(("authorization", "Bearer s3cret"),))
        assert (await first_answer(stream, FIRST)).nonce == "1"


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer s3cre"),),
        (("authorization", "Bearer s3cret "),),
        (("authorization", "s3cret"),),
        (("authorization", "Basic s3cret"),),
        (("authorization", ""),),
    ],
)
async def test_a_client_without_it_is_told_what_is_wanted(metadata: Any) -> None:
    async with (
        server(interceptors=[TokenRequired("s3cret")]) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        stream = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")(metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert caught.value.details() == REFUSED


async def test_other_services_of_the_port_want_the_token_too() -> None:
    async def echo(data: bytes, context: Any) -> bytes:
        return data

    handler = grpc.method_handlers_generic_handler(
        "test.Echo", {"Say": grpc.unary_unary_rpc_method_handler(echo)}
    )
    async with (
        server(handlers=[handler], interceptors=[TokenRequired("s3cret")]) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        say = channel.unary_unary("/test.Echo/Say")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await say(b"hi")
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert await say(b"hi", metadata=(("authorization", "Bearer s3cret"),)) == b"hi"


def test_an_empty_token_would_let_everybody_in() -> None:
    with pytest.raises(LocalXdsError, match="^got an empty token, wanted one$"):
        TokenRequired("")


async def test_mutual_tls_lets_in_who_has_a_certificate_and_nobody_else(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.sign("client")
    root = authority.ca.read_bytes()
    known = grpc.ssl_channel_credentials(root, key.read_bytes(), cert.read_bytes())
    unknown = grpc.ssl_channel_credentials(root)
    credentials = tls(*authority.sign("server"), authority.ca)
    async with server(credentials=credentials) as address:
        async with grpc.aio.secure_channel(address, known) as channel:
            assert (await first_answer(open_stream(channel), FIRST)).nonce == "1"
        async with grpc.aio.secure_channel(address, unknown) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await open_stream(channel).read()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await open_stream(channel).read()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_a_client_authority_every_client_is_let_in_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusted = grpc.ssl_channel_credentials(authority.ca.read_bytes())
    async with (
        server(credentials=tls(*authority.sign("server"))) as address,
        grpc.aio.secure_channel(address, trusted) as channel,
    ):
        assert (await first_answer(open_stream(channel), FIRST)).nonce == "1"


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (cert, key), (other, _) = authority.sign("a"), authority.sign("b")
    junk = tmp_path / "junk"
    junk.write_text("junk")
    for wrong in ((junk, key), (other, key), (tmp_path / "missing", key)):
        with pytest.raises(LocalXdsError, match=f"^{wrong[0]}, {key}: no certificate and its key"):
            tls(*wrong)
    with pytest.raises(LocalXdsError, match=f"^{junk}: no certificate authority"):
        tls(cert, key, junk)

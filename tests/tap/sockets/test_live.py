"""The taps in the transport sockets of a real Envoy: what was inside the TLS, as exchanges."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import h2.config
import h2.connection
import h2.events
import pytest

from mesh_traffic import Exchange
from tap.sockets.traces import SocketTrace
from tap.sources.admin_tap import AdminTap
from tap.sources.source import Attached, Chunk
from tap.traces.decode import BufferedTrace, Decoder
from tap.traces.request import SOCKETS_REQUEST, HeaderIs, TapRequest
from tests.tap.conftest import Envoy
from tests.tap.sockets.secured import Secured, echo, said, several, watched
from tests.tap.watched import attached, shown

BOTH = ("socket tap", "access log")
GET = b"GET %s HTTP/1.1\r\nhost: reviews\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nhost: reviews\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def secured(envoy: Envoy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with echo() as port:
        running = Secured(envoy, tmp_path_factory.mktemp("secured"), port)
        running.start()
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def fresh(envoy: Envoy, tmp_path: Path) -> Iterator[Secured]:
    """Another one, whose connections all begin in the test."""
    running = Secured(envoy, tmp_path, 1)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def by(listener: str, exchanges: list[Exchange]) -> list[Exchange]:
    return [one for one in exchanges if one.service == listener]


async def test_one_session_has_requests_and_sockets_and_its_match_decides(fresh: Secured) -> None:
    """The reason of one config_id for all. No connection has headers that a match could want."""

    def talk() -> None:
        with fresh.connect(fresh.front) as client:
            said(client, GET % b"/x", b"x-envoy-expected")

    async def kinds(request: TapRequest) -> set[type]:
        decoder, found = Decoder(), set[type]()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                async for event in AdminTap(f"127.0.0.1:{fresh.admin}", request).events():
                    if isinstance(event, Attached):
                        await asyncio.to_thread(talk)
                    elif isinstance(event, Chunk):
                        found.update(map(type, decoder.feed(event.data)))
        return found

    assert await kinds(TapRequest(match=HeaderIs(":path", "/x"))) == {BufferedTrace}
    assert await kinds(TapRequest()) == {BufferedTrace, SocketTrace}
    assert await kinds(SOCKETS_REQUEST) == {SocketTrace}


async def test_keep_alive_requests_are_told_apart_and_joined_with_the_log(fresh: Secured) -> None:
    def talk() -> None:
        with fresh.connect(fresh.front, "http/1.1") as client:
            said(client, GET % b"/one", b"x-envoy-expected")
            body = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
            said(client, CHUNKED + body, b"hello world")
            said(client, GET % b"/err", b"x-envoy-expected")

    async with watched(fresh) as (hub, viewer):
        await asyncio.to_thread(talk)
        found = await several(viewer, 6)  # three requests, each over two listeners
        await asyncio.sleep(1.2)
        assert viewer.coverage().lost == 0
        assert hub.waiting == 0
    for name in ("front", "hop"):
        one, chunked, failed = sorted(by(name, found), key=lambda each: each.started)
        assert [each.sources for each in (one, chunked, failed)] == [BOTH] * 3
        assert (one.request.path, one.status, one.cluster) == ("/one", 200, one.cluster)
        assert (chunked.request.body.data, chunked.request.body.size) == (b"hello world", 11)
        assert chunked.response is not None
        assert b"hello world" in chunked.response.body.data
        assert (failed.status, failed.duration is not None) == (503, True)
    first, second = by("front", found)[0], by("hop", found)[0]
    assert first.request_id == second.request_id != ""
    assert second.source.address == first.upstream_local


async def test_interleaved_streams_of_http2_are_told_apart(secured: Secured) -> None:
    def talk() -> None:
        with secured.connect(secured.front, "h2") as client:
            assert client.selected_alpn_protocol() == "h2"
            http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
            http.initiate_connection()
            head = [(":method", "POST"), (":authority", "reviews"), (":scheme", "https")]
            for number in (1, 3):
                http.send_headers(number, [*head, (":path", f"/{number}")])
            for number, part in ((1, b"one "), (3, b"three "), (1, b"two"), (3, b"four")):
                http.send_data(number, part, end_stream=part in (b"two", b"four"))
            finish(client, http, {1, 3})

    async with watched(secured) as (_, viewer):
        await asyncio.to_thread(talk)
        found = by("front", await several(viewer, 4))
    assert sorted((one.request.path, one.request.body.data) for one in found) == [
        ("/1", b"one two"),
        ("/3", b"three four"),
    ]
    assert [(one.status, one.sources) for one in found] == [(200, BOTH)] * 2


def finish(client: ssl.SSLSocket, http: h2.connection.H2Connection, open_: set[int]) -> None:
    client.sendall(http.data_to_send())
    while open_:
        for event in http.receive_data(client.recv(1 << 16)):
            if isinstance(event, h2.events.StreamEnded):
                open_.discard(event.stream_id)
        client.sendall(http.data_to_send())


async def test_a_client_that_hangs_up_is_seen_with_what_it_asked(secured: Secured) -> None:
    def talk() -> None:
        with secured.connect(secured.front, "http/1.1") as client:
            client.sendall(GET % b"/hold")

    async with watched(secured) as (_, viewer):
        await asyncio.to_thread(talk)
        found = await several(viewer, 2)
    (front,) = by("front", found)
    assert (front.request.path, front.response, front.flags) == ("/hold", None, ("DC",))


async def test_broken_http_is_shown_as_its_bytes_with_envoys_verdict(secured: Secured) -> None:
    def talk() -> None:
        with secured.connect(secured.front, "http/1.1") as client:
            said(client, b"NONSENSE password=hunter2-pw\r\n\r\n", b"Bad Request")

    async with watched(secured) as (_, viewer):
        await asyncio.to_thread(talk)
        broken = await shown(viewer)
    assert broken.request.method == ""
    assert broken.request.body.data.startswith(b"NONSENSE password=[redacted")
    assert (broken.status, broken.flags) == (400, ("DPE",))
    assert broken.response is not None
    assert broken.response.body.data.startswith(b"HTTP/1.1 400 Bad Request")


async def test_tcp_behind_tls_is_one_exchange_of_bytes(secured: Secured) -> None:
    def talk() -> None:
        with secured.connect(secured.raw) as client:
            said(client, b"\0hello", b"hello")
            said(client, b" again", b"again")

    async with watched(secured) as (_, viewer):
        await asyncio.to_thread(talk)
        one = await shown(viewer)
    assert (one.request.method, one.service, one.sources) == ("", "raw", ("socket tap",))
    assert one.request.body.data == b"\0hello again"
    assert one.response is not None
    assert one.response.body.data == b"echo:\0helloecho: again"
    assert one.duration is not None


async def test_a_large_body_is_kept_up_to_the_bound_and_its_size_is_known(secured: Secured) -> None:
    size = 1 << 20

    def talk() -> None:
        with secured.connect(secured.front, "http/1.1") as client:
            head = b"POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size
            said(client, head + b"x" * size, b"x" * size)

    async with watched(secured) as (_, viewer):
        await asyncio.to_thread(talk)
        found = await several(viewer, 2)
    for one in found:
        body = one.request.body
        assert (len(body.data), body.truncated, body.size) == (8192, True, size)


async def test_events_that_envoy_cut_are_no_harm_to_bodies_of_known_length(
    secured: Secured,
) -> None:
    def talk() -> None:
        with secured.connect(secured.front, "http/1.1") as client:
            head = b"POST /cut HTTP/1.1\r\nhost: a\r\ncontent-length: 50000\r\n\r\n"
            said(client, head + b"x" * 50_000, b"x" * 1000)
            said(client, GET % b"/after", b"x-envoy-expected")

    small = TapRequest(
        request_body=2000, response_body=2000, streamed=True, match=SOCKETS_REQUEST.match
    )
    async with watched(secured, request=small) as (_, viewer):
        await asyncio.to_thread(talk)
        found = by("front", await several(viewer, 4))
    cut, after = sorted(found, key=lambda one: one.started)
    assert (cut.request.body.truncated, cut.request.body.size) == (True, 50_000)
    assert (after.request.path, after.status, after.sources) == ("/after", 200, BOTH)


async def test_a_connection_that_was_there_before_the_tap_is_never_seen(secured: Secured) -> None:
    def talk(client: ssl.SSLSocket, data: bytes) -> None:
        with client:
            said(client, data, data)

    early = await asyncio.to_thread(secured.connect, secured.raw)
    async with watched(secured) as (_, viewer):
        await asyncio.to_thread(talk, early, b"early")
        late = await asyncio.to_thread(secured.connect, secured.raw)
        await asyncio.to_thread(talk, late, b"late")
        one = await shown(viewer)
    assert one.request.body.data == b"late"


async def test_a_connection_outlives_the_session_that_saw_it_begin(secured: Secured) -> None:
    """Another session gets the rest of it, with the next request; that it is the rest is told."""
    async with watched(secured) as (_, viewer):
        client = await asyncio.to_thread(secured.connect, secured.front, "http/1.1")
        await asyncio.to_thread(said, client, GET % b"/begun", b"x-envoy-expected")
        await several(viewer, 2)
    with client:
        async with watched(secured) as (_, viewer):
            await asyncio.to_thread(said, client, GET % b"/again", b"x-envoy-expected")
            (front,) = by("front", await several(viewer, 2))
            assert (front.request.path, front.sources) == ("/again", BOTH)
            assert front.request.headers.get("x-request-id") is None  # it is the client's own
            assert viewer.coverage().lost > 0


@pytest.fixture
async def greeter() -> AsyncIterator[int]:
    """A gRPC server that says what it heard, message by message."""

    async def chat(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield b"hello " + request

    handler = grpc.method_handlers_generic_handler(
        "shop.Greeter", {"Chat": grpc.stream_stream_rpc_method_handler(chat)}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(None)


async def test_grpc_has_its_messages_and_its_trailers(
    envoy: Envoy, tmp_path: Path, greeter: int
) -> None:
    secured = Secured(envoy, tmp_path, 1, greeter)
    secured.start()
    try:
        async with watched(secured) as (_, viewer):
            trusted = grpc.ssl_channel_credentials(secured.chain.encode())
            async with grpc.aio.secure_channel(f"localhost:{secured.rpc}", trusted) as channel:
                chat = channel.stream_stream("/shop.Greeter/Chat")
                answers = [each async for each in chat(iter((b"ann", b"bob")))]
            one = await shown(viewer)
    finally:
        secured.kill()
    assert answers == [b"hello ann", b"hello bob"]
    assert (one.request.path, one.status, one.sources) == ("/shop.Greeter/Chat", 200, BOTH)
    assert one.request.body.data == b"\0\0\0\0\x03ann\0\0\0\0\x03bob"
    assert one.response is not None
    assert one.response.body.data.count(b"hello ") == 2
    assert one.response.trailers.get("grpc-status") == "0"


async def test_an_envoy_that_is_killed_leaves_what_was_under_way(
    envoy: Envoy, tmp_path: Path
) -> None:
    with echo() as port:
        secured = Secured(envoy, tmp_path, port)
        secured.start()
        async with watched(secured) as (_, viewer):
            client = await asyncio.to_thread(secured.connect, secured.raw)
            with client:
                await asyncio.to_thread(said, client, b"hello", b"echo:hello")
                await asyncio.sleep(0.1)
                secured.kill()
                one = await shown(viewer)
                await attached(viewer, 0)
    assert one.request.body.data == b"hello"

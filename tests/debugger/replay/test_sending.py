"""Requests on the wire, as a server gets them, and what becomes of its answers."""

from __future__ import annotations

import zlib

import pytest

from debugger.replay.sending import MAX_BODY, Answer, Sender
from debugger.replay.target import Target
from mesh_traffic import Body, Headers, Request, Response
from tests.debugger.replay.servers import grpc_echo, raw


async def send(request: Request, port: int, patience: float = 5.0) -> Answer:
    async with Sender(patience) as sender:
        return await sender.send(request, Target(f"127.0.0.1:{port}", "here"))


def response(answer: Answer) -> Response:
    assert answer.response is not None, answer.error
    return answer.response


async def test_a_request_goes_out_as_it_is_and_nothing_is_added() -> None:
    fields = (("x-a", "1"), ("x-a", "ü"), ("cookie", "a=b"), ("accept-encoding", "gzip"))
    headers = Headers(fields)
    request = Request(
        "PATCH", "/a/../b%2f?x=%zz&y=[]", "shop:80", headers=headers, body=Body(b"{}")
    )
    async with raw() as server:
        answer = response(await send(request, server.port))
    assert server.came == [
        b"PATCH /a/../b%2f?x=%zz&y=[] HTTP/1.1\r\n"
        b"host: shop:80\r\n"
        b"x-a: 1\r\nx-a: \xc3\xbc\r\ncookie: a=b\r\naccept-encoding: gzip\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    ]
    assert answer == Response(
        200,
        Headers((("content-length", "2"), ("x-a", "1"), ("x-a", "\udcff"))),
        Body(b"ok", size=2),
    )


async def test_a_get_has_no_body_of_its_own_and_cookies_are_not_kept() -> None:
    cookie = b"HTTP/1.1 302 Found\r\nset-cookie: a=b\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"
    async with raw(cookie) as server, Sender() as sender:
        target = Target(f"127.0.0.1:{server.port}", "here")
        for _ in range(2):
            answer = await sender.send(Request("GET", "/", "a"), target)
            assert response(answer).status == 302
    assert server.came == [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"] * 2


async def test_packed_bytes_stay_packed() -> None:
    packed = zlib.compress(b"x" * 100)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: {len(packed)}\r\n\r\n"
    async with raw(head.encode() + packed) as server:
        assert response(await send(Request(), server.port)).body.data == packed


async def test_a_long_answer_is_kept_to_its_bound() -> None:
    size = MAX_BODY + 10
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode()
    async with raw(head + bytes(size)) as server:
        body = response(await send(Request(), server.port)).body
    assert (len(body.data), body.truncated, body.size) == (MAX_BODY, True, size)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the connection was closed before an answer; does the listener want TLS?"),
        (b"\x15\x03\x03\0\x02\x02\x28", ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", ""),
        (b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", ""),
    ],
)
async def test_what_is_no_answer_is_an_error_in_words(answer: bytes, said: str) -> None:
    async with raw(answer) as server:
        found = await send(Request(), server.port)
    assert found.response is None
    assert said in found.error
    assert found.error


async def test_nobody_there_and_nobody_who_answers() -> None:
    async with raw() as server:
        pass
    found = await send(Request(), server.port)
    assert "connect" in found.error
    async with grpc_echo() as calls:
        headers = Headers.of({"content-type": "application/grpc"})
        found = await send(Request("POST", "/a.B/Wait", "a", headers=headers), calls.port, 0.3)
    assert found.error == "no whole answer within 0.3 s"


def framed(*messages: bytes, flag: int = 0) -> bytes:
    return b"".join(bytes((flag,)) + len(one).to_bytes(4, "big") + one for one in messages)


def call(body: bytes, method: str = "Echo", **headers: str) -> Request:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"content-type": "application/grpc", "te": "trailers", **fields}
    return Request("POST", f"/a.B/{method}", "greeter", headers=Headers.of(fields), body=Body(body))


async def test_grpc_messages_and_metadata_go_through() -> None:
    body = framed(b"one", b"", b"three")
    request = call(body, x_plan="free", x_raw_bin="AP8", user_agent="shop/1 grpc-go/1.70")
    async with grpc_echo() as calls:
        answer = response(await send(request, calls.port))
    ((method, metadata, messages),) = calls.came
    assert (method, messages) == ("/a.B/Echo", [b"one", b"", b"three"])
    assert metadata["x-plan"] == "free"
    assert metadata["x-raw-bin"] == b"\0\xff"
    assert metadata["user-agent"].startswith("shop/1 grpc-python-asyncio/")
    assert "grpc-go" not in metadata["user-agent"]
    assert (answer.status, answer.body) == (200, Body(body, size=len(body)))
    assert list(answer.headers) == [
        ("content-type", "application/grpc"), ("x-seen", "yes"), ("x-bin", "AP8=")
    ]  # fmt: skip
    assert list(answer.trailers) == [("grpc-status", "0"), ("x-end", "1")]


async def test_packed_messages_are_sent_plain() -> None:
    packed = framed(zlib.compress(b"hello"), flag=1)
    async with grpc_echo() as calls:
        answer = response(await send(call(packed, grpc_encoding="deflate"), calls.port))
    assert answer.body.data == framed(b"hello")


async def test_a_grpc_status_is_an_answer() -> None:
    async with grpc_echo() as calls:
        answer = response(await send(call(framed(b"x"), "Fail"), calls.port))
        assert answer.trailers.get("grpc-status") == "5"
        assert answer.trailers.get("grpc-message") == "no %25 such thing"
        late = response(await send(call(framed(b"x"), "Wait", grpc_timeout="100m"), calls.port))
    assert late.trailers.get("grpc-status") == "4"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (call(b"\0\0\0\0\x09ab"), "its messages can't be sent: 7 bytes of the last one"),
        (call(b"no grpc"), "its messages can't be sent: no gRPC"),
        (call(framed(b"\xff", flag=1)), "one is compressed, and can't be expanded"),
        (call(framed(b"a"), x_bin="a"), "header x-bin is no base64"),
    ],
)
async def test_what_is_no_grpc_is_not_sent(request_: Request, said: str) -> None:
    async with grpc_echo() as calls:
        found = await send(request_, calls.port)
    assert (found.response, calls.came) == (None, [])
    assert said in found.error

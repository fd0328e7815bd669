"""What it takes to show one body, for usual bodies and for the worst ones known.

    .venv/bin/python bench/tap/content.py

A view is made when somebody looks at a body: it is not on the way from Envoy to the store. Usual
bodies: microseconds, the median of five rounds. Hostile ones: seconds, once, and how many bytes
they have, are said to have, and are shown as.
"""

from __future__ import annotations

import base64
import gzip
import json
import statistics
import time
import zlib
from collections.abc import Callable, Iterator

import brotli
from backports import zstd

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.content import View, decoded, view
from tap.content.protobuf import varint

MIB = 1024 * 1024
ROUNDS = 5

RECORD = {"id": 17, "name": "reviews", "stars": [5, 4, None], "text": "A comedy of errors. " * 4}
LIST = json.dumps([RECORD] * 100).encode()


def exchange(data: bytes, type: str = "", coding: str = "", cut: bool = False) -> Exchange:
    fields = {"content-type": type, "content-encoding": coding}
    headers = Headers.of((name, value) for name, value in fields.items() if value)
    return Exchange("1", "", Request("POST", "/a.B/C", "", "http", headers, Body(data, cut)))


def usual() -> Iterator[tuple[str, Exchange]]:
    small = json.dumps(RECORD).encode()
    grpc = b"\x00" + (len(small) + 3).to_bytes(4, "big") + b"\x0a" + varint(len(small)) + small
    yield f"json, {len(small)} bytes", exchange(small, "application/json")
    yield f"json, {len(LIST):,} bytes", exchange(LIST, "application/json")
    yield "json, cut off at 8 KiB", exchange(LIST[: 8 * 1024], "application/json", "", True)
    for name, compress in (
        ("gzip", gzip.compress),
        ("br", brotli.compress),
        ("zstd", zstd.compress),
    ):
        yield (
            f"json, {len(LIST):,} bytes, {name}",
            exchange(compress(LIST), "application/json", name),
        )
    yield "form, 3 fields", exchange(b"a=1&b=two&c=three", "application/x-www-form-urlencoded")
    yield f"gRPC by numbers, {len(grpc)} bytes", exchange(grpc, "application/grpc")
    yield "binary, 8 KiB", exchange(bytes(range(256)) * 32, "application/octet-stream")


def hostile() -> Iterator[tuple[str, Exchange]]:
    zeros = b"\0" * (256 * MIB)
    yield "gzip bomb", exchange(gzip.compress(zeros), "text/plain", "gzip")
    yield "brotli bomb", exchange(brotli.compress(zeros, quality=5), "text/plain", "br")
    yield "zstd bomb", exchange(zstd.compress(zeros), "text/plain", "zstd")
    twice = gzip.compress(gzip.compress(zeros))
    yield "gzip bomb in gzip", exchange(twice, "text/plain", "gzip, gzip")
    yield "empty gzip members", exchange(gzip.compress(b"") * 50_000, "text/plain", "gzip")
    for name, unit in (
        ("brackets", b"["),
        ("objects", b'{"a":'),
        ("empty lists", b"[],"),
        ("quotes", b'"'),
        ("escapes", b'"\\'),
        ("digits", b"1"),
        ("blanks", b" "),
        ("numbers in a list", b"1,"),
    ):
        data = (b"[" + unit * MIB)[:MIB]
        yield f"json: {name}", exchange(data, "application/json")
        yield f"json: {name}, cut off", exchange(data, "application/json", "", True)
    whole = b"[" + b"[]," * (MIB // 3 - 2) + b"1]"
    yield "json: many lists", exchange(whole, "application/json")
    yield "json: many documents", exchange(b"1 " * (MIB // 2), "application/x-ndjson")
    yield "form: many fields", exchange(b"a=1&" * (MIB // 4), "application/x-www-form-urlencoded")
    yield "form: one long name", exchange(b"%41" * (MIB // 3), "application/x-www-form-urlencoded")
    yield "multipart: many parts", exchange(b"\r\n--b\r\n" * 100_000, "multipart/mixed; boundary=b")
    yield "sse: many events", exchange(b"data:1\n\n" * 100_000, "text/event-stream")
    yield "sse: many lines", exchange(b"data:1\n" * 140_000, "text/event-stream")
    yield from _hostile_messages()
    for type in ("text/html", "text/css", "text/javascript", "image/png", "application/msgpack"):
        for unit in (
            b" ",
            b"\n",
            b"{",
            b"}",
            b";",
            b":",
            b'"',
            b"<a>",
            b"<!-- >",
            b"for(",
            b"/*",
            b"\x91",
        ):
            for size in (2 * 1024, 64 * 1024, MIB):
                data = (unit * size)[:size]
                yield f"{type}: {unit!r}", exchange(data, type)


def _hostile_messages() -> Iterator[tuple[str, Exchange]]:
    nested = b""
    while len(nested) < 64 * 1024:
        nested = b"\x0a" + varint(len(nested)) + nested
    for name, message in (
        ("nested", nested),
        ("many fields", b"\x08\x01" * (MIB // 2)),
        ("groups", b"\x0b" * MIB),
        ("many small messages", b"\x0a\x02\x08\x01" * (MIB // 4)),
        ("endless number", b"\xff" * MIB),
        ("bytes in bytes", b"\x0a\xfc\xff\x03" + b"\x0a\x02\x0a\x00" * (64 * 1024)),
    ):
        framed = b"\x00" + len(message).to_bytes(4, "big") + message
        yield f"gRPC: {name}", exchange(framed, "application/grpc")
        yield f"gRPC: {name}, cut off", exchange(framed[:-1], "application/grpc", "", True)
    yield "gRPC: empty messages", exchange(b"\0\0\0\0\0" * (MIB // 5), "application/grpc")
    yield "gRPC-web text", exchange(base64.b64encode(b"\0" * MIB), "application/grpc-web-text")
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(b"\0" * (256 * MIB)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    for name, data in (
        ("bomb", b"\xc2\x7f" + len(bomb).to_bytes(8, "big") + bomb),
        ("empty frames", b"\x82\x00" * (MIB // 2)),
        ("fragments", b"\x02\x01a" + b"\x00\x01a" * (MIB // 3)),
        ("pings", b"\x89\x00" * (MIB // 2)),
    ):
        yield f"WebSocket: {name}", upgraded(data)


def upgraded(data: bytes) -> Exchange:
    extensions = Headers.of({"sec-websocket-extensions": "permessage-deflate"})
    request = Request(headers=Headers.of({"upgrade": "websocket"}), body=Body(data))
    return Exchange("1", "", request, Response(101, extensions))


def seconds(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def main() -> None:
    for name, one in usual():
        taken = statistics.median(
            seconds(lambda one=one: view(one, "request"), 100) for _ in range(ROUNDS)
        )
        print(f"{name:34} {taken * 1e6:8,.0f} µs")
    view(exchange(b"<a>", "text/html"), "request")  # loads mitmproxy
    worst = sorted(
        (_worst(name, one) for name, one in hostile()), reverse=True, key=lambda it: it[0]
    )
    print(f"\n{len(worst)} hostile bodies, the ten slowest:")
    for taken, name, size, shown in worst[:10]:
        became = f"{size:>9,} bytes → {shown.size:>9,}, text {len(shown.text):,}"
        print(f"{name:34} {taken:8.3f} s   {became}")


def _worst(name: str, one: Exchange) -> tuple[float, str, int, View]:
    start = time.perf_counter()
    shown = view(one, "request")
    json.dumps(decoded(one))
    return time.perf_counter() - start, name, len(one.request.body.data), shown


if __name__ == "__main__":
    main()

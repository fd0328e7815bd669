"""Secrets to plant, places to plant them in, and what must not come out again."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import brotli

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.redact.websocket import written

KEPT = 6  # characters: what is left of a secret must be shorter


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# what is a secret by its looks: what stands there, and the part that must be gone
LOOKS: dict[str, tuple[str, str]] = {
    "jwt": (
        one := ".".join((b64('{"alg":"HS256"}'), b64('{"sub":"jason","n":1}'), "c2lnbmF0dXJl-x_1")),
        one,
    ),
    "bearer": ("Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"),
    "basic": ("Basic amFzb246aHVudGVyMg==", "amFzb246aHVudGVyMg"),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    "github": (one := "ghp_16C7e42F292c6912E7710c838347Ae178B4a", one),
    "gitlab": (one := "glpat-xYz1-2AbC3dEf4GhI5jK", one),
    "card": ("4111 1111 1111 1111", "4111 1111 1111 1111"),
    "card without spaces": ("5555555555554444", "5555555555554444"),
    "url": ("postgres://app:hunter2-pw@db:5432/x", "hunter2-pw"),
    "private key": (
        one := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASC=\n"
        "-----END PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0B",
    ),
}


def protobuf(*fields: bytes) -> bytes:
    """A message of strings, numbered from 1."""
    out = bytearray()
    for number, data in enumerate(fields, 1):
        size = len(data)
        length = bytes((size,)) if size < 128 else bytes((size & 0x7F | 0x80, size >> 7))
        out += bytes((number << 3 | 2,)) + length + data
    return bytes(out)


def grpc(message: bytes, flag: int = 0) -> bytes:
    return bytes((flag,)) + len(message).to_bytes(4, "big") + message


def multipart(name: str, value: str) -> bytes:
    head = '--xyz\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return "".join((head % ("plan", "team"), head % (name, value), "--xyz--\r\n")).encode()


def masked(data: bytes, key: bytes = b"\x11\x22\x33\x44") -> bytes:
    """A client's text frame."""
    frame = written(1, data)
    head = len(frame) - len(data)
    hidden = bytes(byte ^ key[at % 4] for at, byte in enumerate(data))
    return frame[:1] + bytes((frame[1] | 0x80,)) + frame[2:head] + key + hidden


def deflated(data: bytes) -> bytes:
    """A server's text frame with permessage-deflate."""
    it = zlib.compressobj(wbits=-15)
    packed = (it.compress(data) + it.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
    frame = written(1, packed)
    return bytes((frame[0] | 0x40,)) + frame[1:]


def answer(body: bytes, media_type: str = "", cut: bool = False, **fields: str) -> Exchange:
    headers = {**({"content-type": media_type} if media_type else {}), **fields}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange("1", "n", Request(), Response(200, Headers.of(named), Body(body, cut)))


def field(text: str) -> Exchange:
    return replace(answer(b""), request=Request(headers=Headers.of({"x-note": f"see {text}."})))


def path(text: str) -> Exchange:
    return replace(answer(b""), request=Request(path=f"/a?next={quote(text)}&page=2"))


def websocket(request: bytes, response: bytes) -> Exchange:
    asked = Request(headers=Headers.of({"upgrade": "websocket"}), body=Body(request))
    agreed = Headers.of({"sec-websocket-extensions": "permessage-deflate"})
    return Exchange("1", "n", asked, Response(101, agreed, Body(response)))


def opaque(asked: bytes, answered: bytes = b"") -> Exchange:
    """What a transport socket has of bytes that are no HTTP."""
    response = Response(0, body=Body(answered)) if answered else None
    request = Request("", "", scheme="", body=Body(asked))
    return Exchange("1", "n", request, response, sources=("socket tap",))


JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def in_json(text: str) -> bytes:
    return json.dumps({"a": [1, {"note": f"see {text} there"}], "z": "end"}).encode()


# a text that holds a secret somewhere → an exchange that holds the text
PLACES: dict[str, Callable[[str], Exchange]] = {
    "header": field,
    "path": path,
    "text": lambda text: answer(f"see {text} there".encode(), "text/plain"),
    "no type": lambda text: answer(f"see {text} there".encode()),
    "json": lambda text: answer(in_json(text), JSON),
    "json in json": lambda text: answer(json.dumps({"raw": in_json(text).decode()}).encode(), JSON),
    "json of php": lambda text: answer(in_json(text).replace(b"/", b"\\/"), JSON),
    "html": lambda text: answer(f"<p>see {text} there</p>".encode(), "text/html"),
    "form": lambda text: answer(f"a=1&note={quote_plus(text)}&z=2".encode(), FORM),
    "form of json": lambda text: answer(b"payload=" + quote_plus(in_json(text)).encode(), FORM),
    "multipart": lambda text: answer(
        multipart("note", text), 'multipart/form-data; boundary="xyz"'
    ),
    "sse": lambda text: answer(b"event: x\ndata: " + in_json(text) + b"\n\n", "text/event-stream"),
    "gzip": lambda text: answer(gzip.compress(in_json(text)), JSON, content_encoding="gzip"),
    "br": lambda text: answer(brotli.compress(in_json(text)), JSON, content_encoding="br"),
    "deflate": lambda text: answer(zlib.compress(in_json(text)), JSON, content_encoding="deflate"),
    "gzip of gzip": lambda text: answer(
        gzip.compress(gzip.compress(in_json(text))), JSON, content_encoding="gzip, gzip"
    ),
    "utf-16": lambda text: answer(f"see {text}".encode("utf-16"), "text/plain"),
    "utf-16 by name": lambda text: answer(text.encode("utf-16-le"), "text/plain; charset=utf-16le"),
    "binary": lambda text: answer(b"\0\1\2 " + text.encode() + b"\0\xff\xfe", "image/png"),
    "protobuf": lambda text: answer(
        protobuf(b"a", text.encode(), b"b" * 50), "application/protobuf"
    ),
    "grpc": lambda text: answer(
        grpc(protobuf(b"x", protobuf(text.encode(), b"2"), b"y" * 48)), "application/grpc+proto"
    ),
    "grpc in gzip": lambda text: answer(
        grpc(gzip.compress(protobuf(text.encode())), 1), "application/grpc", grpc_encoding="gzip"
    ),
    "grpc-web-text": lambda text: answer(
        base64.b64encode(grpc(protobuf(text.encode(), b"after"))), "application/grpc-web-text"
    ),
    "bytes of a socket": lambda text: opaque(
        b"\0\1\2 " + text.encode() + b"\0\xff\xfe", b"\0\5hello"
    ),
    "broken http": lambda text: opaque(
        b"GET / HTTP/9\r\nx-note: see " + text.encode() + b".\r\nhost: a\r\n\r\n", b"HTTP/1.1 400 x"
    ),
    "websocket, masked": lambda text: websocket(masked(text.encode()), b""),
    "websocket, deflated": lambda text: websocket(b"", deflated(text.encode())),
}

"""CONTENT: which media type is decoded by what, and what a body without one looks like.

``decode`` is what decoders call for contents within theirs. It never raises: what is not what it
was said to be is shown as text or as a hexadecimal dump, with a note that says what was expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tap.content import laid_out
from tap.content.events import event_stream
from tap.content.form import form, multipart
from tap.content.grpc import grpc, grpc_web, grpc_web_text, message
from tap.content.json_text import json_lines, json_view
from tap.content.nouns import MAX_NESTING, Content, Decode, Decoder, MediaType, Undecodable, View
from tap.content.text import binary, is_text, plain, text_or_binary

MAX_LOOKED_AT = 4_096  # bytes that a guess is made from


def guessed(content: Content, decode: Decode) -> View:
    """By what it begins with. Raises Undecodable, with what it looked like."""
    return _looks(content)(content, decode)


def json_or_text(content: Content, decode: Decode) -> View:
    """Many send JSON as ``text/plain``."""
    if _begins(content, b"{", b"["):
        try:
            return json_view(content, decode)
        except Undecodable:
            return plain(content, decode)
    return plain(content, decode)


# Looked up by the whole name, by what is before a "+" (with it), after it (with it), and "type/*".
CONTENT: Mapping[str, Decoder] = {
    "application/grpc": grpc,
    "application/grpc+": grpc,
    "application/grpc-web": grpc_web,
    "application/grpc-web+": grpc_web,
    "application/grpc-web-text": grpc_web_text,
    "application/grpc-web-text+": grpc_web_text,
    "application/protobuf": message,
    "application/x-protobuf": message,
    "application/vnd.google.protobuf": message,
    "application/proto": message,  # Connect's unary calls
    "application/json": json_view,
    "text/json": json_view,
    "+json": json_view,
    "application/x-ndjson": json_lines,
    "application/ndjson": json_lines,
    "application/jsonl": json_lines,
    "application/jsonlines": json_lines,
    "+json-seq": json_lines,
    "application/json-seq": json_lines,
    "application/x-www-form-urlencoded": form,
    "multipart/*": multipart,
    "text/event-stream": event_stream,
    "text/html": laid_out.html,
    "application/xhtml+xml": laid_out.html,
    "text/xml": laid_out.xml,
    "application/xml": laid_out.xml,
    "image/svg+xml": laid_out.xml,
    "+xml": laid_out.xml,
    "text/css": laid_out.css,
    "text/javascript": laid_out.javascript,
    "application/javascript": laid_out.javascript,
    "application/x-javascript": laid_out.javascript,
    "image/*": laid_out.image,
    "application/msgpack": laid_out.msgpack,
    "application/x-msgpack": laid_out.msgpack,
    "application/vnd.msgpack": laid_out.msgpack,
    "text/*": json_or_text,
    "application/octet-stream": guessed,
    "": guessed,
}

_MAGIC: tuple[tuple[bytes, Decoder], ...] = (
    (b"\x89PNG\r\n\x1a\n", laid_out.image),
    (b"GIF8", laid_out.image),
    (b"\xff\xd8\xff", laid_out.image),
)


def decode(content: Content) -> View:
    """The view of a content. Never raises."""
    if content.depth > MAX_NESTING:
        return text_or_binary(content, decode).noted("nested too deep to be decoded")
    decoder = decoder_of(content.type)
    try:
        if decoder is None:
            return guessed(content, decode)
        return decoder(content, decode)
    except Undecodable as error:
        return text_or_binary(content, decode).noted(str(error))


def decoder_of(type: MediaType) -> Decoder | None:
    return next((CONTENT[key] for key in _keys(type.name) if key in CONTENT), None)


def _keys(name: str) -> Iterator[str]:
    yield name
    before, plus, after = name.partition("+")
    if plus:
        yield f"{before}+"
        yield f"+{after}"
    if "/" in name:
        yield f"{name.partition('/')[0]}/*"


def _looks(content: Content) -> Decoder:
    head = content.data[:MAX_LOOKED_AT]
    for magic, decoder in _MAGIC:
        if head.startswith(magic):
            return decoder
    if not is_text(head, content.cut or len(content.data) > len(head)):
        return binary
    begin = head.lstrip()[:32].lower()
    if begin.startswith((b"<!doctype html", b"<html")):
        return laid_out.html
    if begin.startswith(b"<?xml"):
        return laid_out.xml
    return json_or_text


def _begins(content: Content, *with_: bytes) -> bool:
    return content.data[:MAX_LOOKED_AT].lstrip().startswith(with_)

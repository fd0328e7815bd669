"""Exchanges ↔ rows of the schema. Pure: no SQL, no I/O, nothing lost on the way and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, Timing, Trace
from mesh_traffic.headers import Field
from tap.tree.trace_context import NONE as NO_TRACE
from tap.tree.trace_context import context

Text = str | bytes  # bytes: text that is no UTF-8, which SQLite's TEXT can't hold
Place = tuple[Text, ...]
Row = tuple[Any, ...]

_CODEC = ("utf-8", "surrogateescape")
_LARGEST = 2**63 - 1  # of SQLite's integers
_NONE = Headers()
_NO_TIMES = Timing()


def place_of(exchange: Exchange) -> tuple[str, ...]:
    """Where it was seen: few and repeated, so the schema has them in a table of their own."""
    source, destination = exchange.source, exchange.destination
    return (
        exchange.node,
        exchange.direction,
        source.service,
        source.version,
        destination.service,
        destination.version,
        exchange.route,
        exchange.cluster,
    )


def exchange_row(exchange: Exchange, seq: int, place: int) -> Row:
    """The row of ``exchanges``."""
    request, response = exchange.request, exchange.response
    return (
        seq,
        place,
        exchange.started,
        exchange.duration,
        None if response is None else min(response.status, _LARGEST),
        to_column(",".join(exchange.flags)) if exchange.flags else "",
        to_column(exchange.id),
        to_column(exchange.request_id),
        to_column(request.method),
        to_column(request.scheme),
        to_column(request.authority),
        to_column(request.path),
        trace_column(context(exchange).trace_id),
    )


def trace_column(trace_id: str) -> bytes | None:
    """A trace's id in half of the bytes; None: it is none."""
    try:
        return bytes.fromhex(trace_id) or None
    except ValueError:
        return None


def pack(exchange: Exchange) -> bytes:
    """``details.rest``: what has no column.

    A line of numbers, then the texts, each ended by a zero byte. A text that has one itself makes
    it JSON.
    """
    request, response = exchange.request, exchange.response or _NOTHING
    head = _HEAD % (
        len(request.headers.fields),
        len(request.trailers.fields),
        len(response.headers.fields),
        len(response.trailers.fields),
        exchange.attempts,
        request.body.truncated,
        _number(request.body.size),
        response.body.truncated,
        _number(response.body.size),
    )
    texts = [
        head,
        exchange.source.address,
        exchange.destination.address,
        exchange.upstream_local,
        exchange.details,
        ",".join(exchange.sources),
        _times(exchange.timing),
        _traced(exchange.trace),
        *chain.from_iterable(request.headers.fields),
        *chain.from_iterable(request.trailers.fields),
        *chain.from_iterable(response.headers.fields),
        *chain.from_iterable(response.trailers.fields),
    ]
    packed = "\0".join(texts)
    if packed.count("\0") != len(texts) - 1:
        return json.dumps(texts).encode()
    try:
        return packed.encode()
    except UnicodeEncodeError:
        return _encode_odd(packed, texts)


def _encode_odd(packed: str, texts: list[str]) -> bytes:
    try:
        return packed.encode(*_CODEC)
    except UnicodeEncodeError:  # half a surrogate pair that stands for no byte
        return json.dumps(texts).encode()


def unpack(
    row: Sequence[Any], place: Sequence[Text], rest: bytes, bodies: tuple[bytes, bytes]
) -> Exchange:
    """The exchange of a row of ``exchanges``, its place, its ``details.rest`` and its bodies."""
    _, _, started, duration, status, flags, *texts, _ = row
    texts = [from_column(text) for text in texts]
    node, direction, source, source_version, service, version, route, cluster = map(
        from_column, place
    )
    numbers, source_address, destination_address, local, *more = _texts(rest)
    details, sources, times, traced, *fields = more
    head = [int(number) for number in numbers.split(" ")]
    headers = _headers(head[:4], fields)
    request = Request(
        *(texts[2], texts[5], texts[4], texts[3]),
        headers[0],
        Body(bodies[0], bool(head[5]), _size(head[6])),
        headers[1],
    )
    response = None
    if status is not None:
        body = Body(bodies[1], bool(head[7]), _size(head[8]))
        response = Response(status, headers[2], body, headers[3])
    return Exchange(
        id=texts[0],
        node=node,
        request=request,
        response=response,
        request_id=texts[1],
        direction=direction,
        source=Endpoint(source, source_version, source_address),
        destination=Endpoint(service, version, destination_address),
        started=started or 0.0,
        duration=duration,
        route=route,
        cluster=cluster,
        flags=tuple(from_column(flags).split(",")) if flags else (),
        attempts=head[4],
        details=details,
        upstream_local=local,
        timing=_timing(times),
        sources=tuple(sources.split(",")) if sources else (),
        trace=Trace(*traced.split(" ")) if traced else NO_TRACE,
    )


def _traced(trace: Trace) -> str:
    if trace == NO_TRACE:
        return ""
    ids = (trace.trace_id, trace.span_id, trace.parent_span_id, trace.kind)
    return " ".join(each.replace(" ", "") for each in ids)


def _times(timing: Timing) -> str:
    if timing == _NO_TIMES:
        return ""
    told = f"{timing.asked!r} {timing.sent!r} {timing.answered!r} {timing.ended!r}"
    return told.replace("None", "-")


def _timing(times: str) -> Timing:
    if not times:
        return _NO_TIMES
    return Timing(*(None if each == "-" else float(each) for each in times.split(" ")))


def bodies_of(exchange: Exchange) -> tuple[bytes, bytes]:
    """The bytes of its request and of its response."""
    response = exchange.response
    return exchange.request.body.data, b"" if response is None else response.body.data


def hash_of(data: bytes) -> bytes:
    """16 bytes: two bodies that differ have the same one by chance in no store of any size."""
    return blake2b(data, digest_size=16).digest()


def to_column(text: str) -> Text:
    """``text`` as SQLite takes it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_column(value: Text) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


_NOTHING = Response(0)
_HEAD = " ".join(["%d"] * 9)


def _texts(rest: bytes) -> list[str]:
    if rest.startswith(b"["):
        texts: list[str] = json.loads(rest)
        return texts
    return rest.decode(*_CODEC).split("\0")


def _headers(counts: Sequence[int], fields: list[str]) -> list[Headers]:
    if len(fields) != 2 * sum(counts):
        raise ValueError(f"expected {sum(counts)} headers, found {len(fields) / 2:g}")
    found, at = [], 0
    for count in counts:
        part = fields[at : at + 2 * count]
        pairs: tuple[Field, ...] = tuple(zip(part[::2], part[1::2], strict=True))
        found.append(Headers(pairs) if pairs else _NONE)
        at += 2 * count
    return found


def _number(size: int | None) -> int:
    return -1 if size is None else size


def _size(number: int) -> int | None:
    return None if number < 0 else number

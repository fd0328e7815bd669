"""Parquet, a row for each exchange (a door to pyarrow, which is 40 MB and so an extra)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from mesh_traffic import Body, Exchange, Headers
from tap.export.words import ExportError, to_text

ROWS = 1_000  # in a row group, and so in memory
MISSING = "parquet needs pyarrow, which is not installed: pip install 'meshloom[parquet]'"

Read = Callable[[Exchange], Any]
_NONE, _EMPTY = Headers(), Body()


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """Raises ExportError when pyarrow is missing."""
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise ExportError(MISSING) from error
    schema = pyarrow.schema([(name, _type(pyarrow, kind)) for name, (kind, _) in COLUMNS.items()])
    return _written(iter(exchanges), schema, pyarrow, ParquetWriter)


def _written(
    exchanges: Iterator[Exchange], schema: Any, pyarrow: Any, writer: Any
) -> Iterator[bytes]:
    sink = _Sink()
    with writer(sink, schema, compression="zstd") as file:
        while rows := list(islice(exchanges, ROWS)):
            table = [
                pyarrow.array([read(one) for one in rows], schema.field(name).type)
                for name, (_, read) in COLUMNS.items()
            ]
            file.write_table(pyarrow.Table.from_arrays(table, schema=schema))
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What was written and not taken yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _type(pyarrow: Any, kind: str) -> Any:
    text = pyarrow.string()
    other = {
        "time": lambda: pyarrow.timestamp("us", tz="UTC"),
        "headers": lambda: pyarrow.list_(pyarrow.struct([("name", text), ("value", text)])),
        "texts": lambda: pyarrow.list_(text),
    }
    return other[kind]() if kind in other else getattr(pyarrow, kind)()


def _text(read: Callable[[Exchange], str]) -> tuple[str, Read]:
    return "string", lambda exchange: to_text(read(exchange))


def _headers(read: Callable[[Exchange], Headers]) -> tuple[str, Read]:
    return "headers", lambda exchange: [
        {"name": to_text(name), "value": to_text(value)} for name, value in read(exchange)
    ]


def _body(name: str, read: Callable[[Exchange], Body]) -> dict[str, tuple[str, Read]]:
    return {
        name: ("binary", lambda exchange: read(exchange).data),
        f"{name}_truncated": ("bool_", lambda exchange: read(exchange).truncated),
        f"{name}_size": ("int64", lambda exchange: read(exchange).size),
    }


def _time(name: str) -> tuple[str, Read]:
    return "float64", lambda exchange: getattr(exchange.timing, name)


def _trace(name: str) -> tuple[str, Read]:
    return _text(lambda exchange: getattr(exchange.trace, name))


def _microseconds(exchange: Exchange) -> int:
    return int(min(max(exchange.started, 0.0), 1e11) * 1_000_000)


COLUMNS: dict[str, tuple[str, Read]] = {
    "id": _text(lambda e: e.id),
    "request_id": _text(lambda e: e.request_id),
    "started": ("time", _microseconds),
    "duration": ("float64", lambda e: e.duration),
    "node": _text(lambda e: e.node),
    "direction": _text(lambda e: e.direction),
    "source": _text(lambda e: e.source.service),
    "source_version": _text(lambda e: e.source.version),
    "source_address": _text(lambda e: e.source.address),
    "service": _text(lambda e: e.destination.service),
    "version": _text(lambda e: e.destination.version),
    "address": _text(lambda e: e.destination.address),
    "route": _text(lambda e: e.route),
    "cluster": _text(lambda e: e.cluster),
    "flags": ("texts", lambda e: [to_text(flag) for flag in e.flags]),
    "attempts": ("int32", lambda e: e.attempts),
    "details": _text(lambda e: e.details),
    "sources": ("texts", lambda e: list(e.sources)),
    **{name: _trace(name) for name in ("trace_id", "span_id", "parent_span_id")},
    **{f"timing_{name}": _time(name) for name in ("asked", "sent", "answered", "ended")},
    "method": _text(lambda e: e.request.method),
    "scheme": _text(lambda e: e.request.scheme),
    "authority": _text(lambda e: e.request.authority),
    "path": _text(lambda e: e.request.path),
    "status": ("int32", lambda e: min(e.response.status, 2**31 - 1) if e.response else None),
    "request_headers": _headers(lambda e: e.request.headers),
    "request_trailers": _headers(lambda e: e.request.trailers),
    **_body("request_body", lambda e: e.request.body),
    "response_headers": _headers(lambda e: e.response.headers if e.response else _NONE),
    "response_trailers": _headers(lambda e: e.response.trailers if e.response else _NONE),
    **_body("response_body", lambda e: e.response.body if e.response else _EMPTY),
}

"""Exchanges and coverage as JSON: what goes over the hub's socket, and what ``--json`` prints."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
from msgspec.structs import asdict

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, Timing, Trace
from tap.live.coverage import Coverage

MAX_LINE = 24 * 1024 * 1024  # one exchange with two bodies of request.MAX_BODY_BYTES, escaped

MAX_KNOWN, MAX_KNOWN_LINE = 256, 64 * 1024  # lines, and bytes of one, that viewers share


class WireError(ValueError):
    """A line that is none of ours."""


def encode(event: Exchange | Coverage) -> bytes:
    """One line, with its line feed. Names of fields are those of the nouns."""
    if isinstance(event, Coverage):
        return _dumps({"event": "coverage", **coverage_to_json(event)}) + b"\n"
    return _dumps({"event": "exchange", **exchange_to_json(event)}) + b"\n"


class Lines:
    """``encode`` for several viewers: what more than one of them gets is encoded once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Exchange, bytes]] = {}  # by identity, the oldest first

    def of(self, event: Exchange | Coverage) -> bytes:
        if isinstance(event, Coverage):
            return encode(event)
        known = self._known.get(id(event))
        if known is not None:
            return known[1]
        line = encode(event)
        if len(line) <= MAX_KNOWN_LINE:
            self._known[id(event)] = event, line
            if len(self._known) > MAX_KNOWN:
                del self._known[next(iter(self._known))]
        return line


def decode(line: bytes) -> Exchange | Coverage:
    """The inverse of :func:`encode`. Raises WireError, also with an error that the hub sent."""
    try:
        values = _loads(line)
        kind = values.pop("event")
        if kind == "coverage":
            return msgspec.convert(values, Coverage)
        if kind == "exchange":
            return exchange_from_json(values)
        message = str(values["message"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WireError(f"the hub sent what is no event: {line[:80]!r}") from error
    raise WireError(message)


def encode_error(message: str) -> bytes:
    return json.dumps({"event": "error", "message": message}).encode() + b"\n"


def _dumps(values: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(values)
    except UnicodeEncodeError:  # a field of bytes that are no text (``Headers.of_bytes``)
        return json.dumps(values).encode()


def _loads(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return json.loads(line)


def coverage_to_json(coverage: Coverage) -> dict[str, Any]:
    """Plain values, under the names of the fields."""
    values: dict[str, Any] = msgspec.to_builtins(coverage)
    return values


def exchange_to_json(exchange: Exchange) -> dict[str, Any]:
    """Plain values. A body that is UTF-8 is ``text``, any other one is ``base64``."""
    response = exchange.response
    return {
        **{name: getattr(exchange, name) for name in _PLAIN},
        "source": asdict(exchange.source),
        "destination": asdict(exchange.destination),
        "flags": list(exchange.flags),
        "timing": asdict(exchange.timing),
        "sources": list(exchange.sources),
        "trace": asdict(exchange.trace),
        "request": _message(exchange.request, ("method", "path", "authority", "scheme")),
        "response": None if response is None else _message(response, ("status",)),
    }


_NO_TRACE = Trace()
_PLAIN = (
    "id",
    "node",
    "request_id",
    "direction",
    "started",
    "duration",
    "route",
    "cluster",
    "attempts",
    "details",
    "upstream_local",
)


def _message(message: Request | Response, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        **{name: getattr(message, name) for name in names},
        "headers": [list(one) for one in message.headers],
        "trailers": [list(one) for one in message.trailers],
        "body": _body(message.body),
    }


def _body(body: Body) -> dict[str, Any]:
    known = {"truncated": body.truncated, "size": body.size}
    try:
        return {"text": body.data.decode(), **known}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body.data).decode(), **known}


def exchange_from_json(values: dict[str, Any]) -> Exchange:
    """The inverse of :func:`exchange_to_json`; KeyError, TypeError or ValueError if it is none."""
    response = values["response"]
    return Exchange(
        **{name: values[name] for name in _PLAIN},
        source=Endpoint(**values["source"]),
        destination=Endpoint(**values["destination"]),
        flags=tuple(values["flags"]),
        timing=Timing(**values["timing"]),
        sources=tuple(values["sources"]),
        trace=_trace(values.get("trace", {})),  # files of before have none
        request=Request(**_parts(values["request"])),
        response=None if response is None else Response(**_parts(response)),
    )


def _trace(values: dict[str, Any]) -> Trace:
    trace = Trace(**values)
    return _NO_TRACE if trace == _NO_TRACE else trace  # most have none, and are many


def _parts(message: dict[str, Any]) -> dict[str, Any]:
    body = message["body"]
    data = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
    return {
        **message,
        "headers": Headers.of((name, value) for name, value in message["headers"]),
        "trailers": Headers.of((name, value) for name, value in message["trailers"]),
        "body": Body(data, body["truncated"], body["size"]),
    }

"""Config that Envoy does not refuse but dies of: looked for in what is about to be served.

A tap with the sink ``streaming_grpc``, in the HTTP filter or in the transport socket, aborts Envoy
when it loads the config (its source: "NOT_IMPLEMENTED"; seen with 1.39.3). Every other sink and
format in a static config either works or is refused, and a refusal is a NACK.

A resource without a tap in it costs one search of its bytes: whatever holds a tap's config is an
``Any``, and its type URL stands in the bytes, however deep. One with taps that only wait for
``/tap``, as each of our listeners has, costs a second search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from xds_server import mirror
from xds_server.errors import ResourceError, WireError

MAX_DEPTH = 100  # messages within one another, and configs in ``Any``

_TAP = b".tap.v3.Tap"  # envoy.extensions.filters.http.tap.v3.Tap, and …transport_sockets…
_LENGTH = rb"([\x00-\x7f])"
_WAITING = re.compile(
    re.escape(_TAP) + rb"\x12" + _LENGTH + rb"\x0a" + _LENGTH + rb"\x0a" + _LENGTH
)  # in an Any: a value, in it common_config, in it admin_config; the first field each
_SWITCHES = re.compile(rb"(?:[\x10\x18\x20]\x01)*")  # the tap's record_…
_SINK, _GRPC = "envoy.config.tap.v3.OutputSink", "streaming_grpc"
_ANY, _PREFIX = "google.protobuf.Any", "type.googleapis.com/"


def check_not_deadly(type_url: str, name: str, body: bytes) -> None:
    """Raises ``ResourceError`` with the path of the field that would abort Envoy."""
    if _TAP not in body or _only_wait(body):
        return
    title = type_url.rpartition(".")[2]
    for path, why in _in_any(type_url, body, "", 0):
        raise ResourceError(f"{title} {name!r}: {path.removeprefix('.')}: {why}")


def _only_wait(body: bytes) -> bool:
    """Whether each tap is an admin_config and switches, and nothing else: its lengths say so."""
    found = list(_WAITING.finditer(body))
    return len(found) == body.count(_TAP) and all(map(_is_nothing_else, found))


def _is_nothing_else(waiting: re.Match[bytes]) -> bool:
    value, common, admin = (waiting[at][0] for at in (1, 2, 3))
    end = waiting.end(1) + value
    if common != admin + 2 or waiting.end() + admin > end:
        return False
    body = waiting.string
    switches = body[waiting.end() + admin : end]
    return _SWITCHES.fullmatch(switches) is not None and body[end : end + 1] != b"\x12"


def _in_any(type_url: str, body: bytes, path: str, depth: int) -> Iterator[tuple[str, str]]:
    is_tap = type_url.encode().endswith(_TAP)
    if not is_tap and _TAP not in body:
        return
    known = mirror.class_of(_PREFIX + type_url.rpartition("/")[2])  # Envoy minds no prefix either
    if known is None:
        yield path, f"a tap in a {type_url} can't be checked, expected its own message"
        return
    try:
        message = mirror.parse(known, body)
    except WireError as error:
        yield path, f"a tap that can't be checked: {error}"
        return
    yield from _in_message(message, path, depth, is_tap)


def _in_message(message: Any, path: str, depth: int, in_tap: bool) -> Iterator[tuple[str, str]]:
    kind = message.DESCRIPTOR.full_name
    if depth > MAX_DEPTH:
        yield path, f"more than {MAX_DEPTH} levels"
    elif kind == _ANY:
        yield from _in_any(message.type_url, message.value, path, depth + 1)
    elif kind == _SINK and message.HasField(_GRPC):
        yield f"{path}.{_GRPC}", "aborts Envoy, which has no such sink; expected file_per_tap"
    elif in_tap or _TAP in message.SerializePartialToString():  # else, thousands of routes
        for part, each in _parts(message):
            yield from _in_message(each, f"{path}.{part}", depth + 1, in_tap)


def _parts(message: Any) -> Iterator[tuple[str, Any]]:
    """The messages in a message, each with its place."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                yield from ((f'{field.name}["{key}"]', value[key]) for key in sorted(value))
        elif field.is_repeated:
            yield from ((f"{field.name}[{at}]", each) for at, each in enumerate(value))
        else:
            yield field.name, value

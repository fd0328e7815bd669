"""Events that were plain data for a while, as they were before: for showing them as text."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from wasm_filters.hostcalls import HOSTCALLS, WASI, Hostcall
from wasm_filters.hostcalls.hostcall import Kind
from wasm_filters.tracing import callbacks, decode
from wasm_filters.tracing.event import Event
from wasm_filters.tracing.values import Cut, Unreadable

_AS_THEY_ARE = (Kind.METRIC, Kind.PATH)  # texts for people


def revived(
    name: str, inside: str, arguments: Mapping[str, Any], results: Mapping[str, Any]
) -> Event:
    """The event of these names and values, without anything else that it had."""
    call = (HOSTCALLS.get(name) or WASI.get(name)) if inside else None
    bare = call is not None and decode.plan_of(call).bare
    return Event(
        name,
        {label: _value(call, label, value) for label, value in arguments.items()},
        inside,
        results={label: _value(call, label, value) for label, value in results.items()},
        bare=bare,
    )


def _value(call: Hostcall | None, label: str, value: Any) -> object:
    parameters = call.parameters if call is not None else ()
    parameter = next((one for one in parameters if one.name == label), None)
    choices = parameter.choices if parameter is not None else callbacks.choices(label)
    if isinstance(value, str) and choices is not None:
        return _member(choices, value)
    if parameter is not None and parameter.kind in _AS_THEY_ARE:
        return value
    return _plain(value)


def _member(choices: type[IntEnum], name: str) -> object:
    return next((member for member in choices if member.name.lower() == name), name)


def _plain(value: Any) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict):
        return _of_object(value)
    if isinstance(value, list):
        return [(_bytes(key), _bytes(item)) for key, item in value]
    return value


def _of_object(value: dict[str, Any]) -> object:
    if "cut" in value:
        return Cut(_bytes(value["cut"]), int(value["size"]))
    if "unreadable" in value:
        return Unreadable(str(value["unreadable"]))
    return _bytes(value)


def _bytes(value: Any) -> bytes:
    return b64decode(value["base64"]) if isinstance(value, dict) else str(value).encode()

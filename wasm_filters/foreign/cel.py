"""The door to CEL's runtime: Google's own in C++, the one that is in Envoy.

Values go in as Python's where CEL has the same, and as protobuf's wrappers where Python has no such
type. Duration and time come out of the runtime as Python's, to the microsecond; a result that is
one is asked for again as text, which has its nanoseconds.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cel_expr_python import cel

from wasm_filters.foreign.syntax import NotCompiled, NotSupported, Use, analyse
from wasm_filters.messages import known, pool
from wasm_filters.properties.values import (
    NULL,
    Blob,
    Duration,
    Fields,
    Special,
    Timestamp,
    Uint,
    Value,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000  # nanoseconds
_DURATION = re.compile(r"(-?)(\d+)(?:\.(\d+))?s")
_TIMESTAMP = re.compile(r"([^.]+?)(?:\.(\d+))?Z")


class EvaluationError(Exception):
    """The expression has no value: INTERNAL_FAILURE in Envoy."""


@functools.cache
def _environment() -> Any:
    return cel.NewEnv(descriptor_pool=pool(), variables={})


class Expression:
    """A compiled expression. ``uses`` are the attributes that it needs; ``path`` is the one that it
    is, if it is nothing else.

    SyntaxError: it can't be parsed. NotCompiled: Envoy would not compile it. NotSupported: it
    would, and this host can't.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._compiled = _compiled(source)
        self.uses, self.path = analyse(self._compiled.serialize())

    @functools.cached_property
    def _as_text(self) -> Any:
        return _compiled(f"string({self._source}\n)")

    def evaluate(self, variables: Mapping[str, Any]) -> tuple[Value, bool]:
        """The value, and whether a time inside it lost its nanoseconds. EvaluationError."""
        result = self._run(self._compiled, variables)
        kind = _kind(result)
        if kind in _EXACT:
            return _EXACT[kind](self._run(self._as_text, variables).value()), False
        rounded: list[str] = []
        return _from_cel(result, rounded), bool(rounded)

    def _run(self, compiled: Any, variables: Mapping[str, Any]) -> Any:
        try:
            result = compiled.eval(data=variables)
        except RuntimeError as error:
            raise EvaluationError(str(error)) from error
        if _kind(result) in ("ERROR", "UNKNOWN"):
            raise EvaluationError(str(result.value()))
        return result


def _compiled(source: str) -> Any:
    try:
        return _environment().compile(source, disable_check=True)
    except RuntimeError as error:
        raise SyntaxError(str(error)) from error


def _kind(result: Any) -> str:
    name: str = result.type().name()
    return name.partition("<")[0]


def _from_cel(result: Any, rounded: list[str]) -> Value:
    kind = _kind(result)
    if kind == "LIST":
        return [_from_cel(each, rounded) for each in result.value()]
    if kind == "MAP":
        return {key: _from_cel(each, rounded) for key, each in result.value().items()}
    if kind in _EXACT:
        rounded.append(kind)
    plain = _PLAIN.get(kind)
    return plain(result.value()) if plain is not None else result.value()


def _duration_of(value: timedelta) -> Value:
    return Duration(value // timedelta(microseconds=1) * 1000)


def _timestamp_of(value: datetime) -> Value:
    return Timestamp((value - _EPOCH) // timedelta(microseconds=1) * 1000)


def _null(value: object) -> Value:
    return NULL


_PLAIN: Mapping[str, Callable[[Any], Value]] = {
    "STRING": str,
    "BYTES": Blob,
    "INT": int,
    "UINT": Uint,
    "DOUBLE": float,
    "BOOL": bool,
    "NULL": _null,
    "TYPE": _null,
    "DURATION": _duration_of,
    "TIMESTAMP": _timestamp_of,
}


def _exact_duration(text: str) -> Value:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise EvaluationError(f"{text!r} is no duration")
    sign, seconds, fraction = match.groups()
    value = int(seconds) * _SECOND + _nanoseconds(fraction)
    return Duration(-value if sign else value)


def _exact_timestamp(text: str) -> Value:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise EvaluationError(f"{text!r} is no timestamp")
    moment = datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC) - _EPOCH
    return Timestamp(moment // timedelta(seconds=1) * _SECOND + _nanoseconds(match.group(2)))


def _nanoseconds(fraction: str | None) -> int:
    return int((fraction or "").ljust(9, "0"))


_EXACT: Mapping[str, Callable[[str], Value]] = {
    "DURATION": _exact_duration,
    "TIMESTAMP": _exact_timestamp,
}


def to_cel(value: Value) -> Any:
    """The value as CEL's runtime takes it. NotSupported: a text that is not UTF-8."""
    convert = _TO_CEL.get(type(value))
    return convert(value) if convert is not None else value


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise NotSupported(f"{value!r} is used as a text and is not UTF-8") from error


def _time(kind: str) -> Callable[[int], Any]:
    def convert(value: int) -> Any:
        made = known(f"google.protobuf.{kind}")()
        made.seconds, made.nanos = divmod(int(value), _SECOND)
        return made

    return convert


def _uint(value: int) -> Any:
    return known("google.protobuf.UInt64Value")(value=int(value))


def _map(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: to_cel(each) for key, each in value.items()}


def _special(value: Special) -> None:
    return None


_TO_CEL: Mapping[type, Callable[[Any], Any]] = {
    bytes: _text_of,
    Blob: bytes,
    Uint: _uint,
    Duration: _time("Duration"),
    Timestamp: _time("Timestamp"),
    Fields: lambda value: {_text_of(n): _text_of(v) for n, v in value.joined().items()},
    dict: _map,
    list: lambda value: [to_cel(each) for each in value],
    Special: _special,
}

__all__ = ["EvaluationError", "Expression", "NotCompiled", "NotSupported", "Use", "to_cel"]

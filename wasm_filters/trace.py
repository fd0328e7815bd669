"""A trace: every callback and hostcall of a filter, decoded, as text and as data.

The text is meant to be read and to be compared: one ``==>`` line per call, one ``<==`` line per
answer, hostcalls indented under the callback that made them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from wasm_filters.abi import DataAction, HeadersAction, LogLevel, Status, TrailersAction
from wasm_filters.errors import BadPointer
from wasm_filters.host import Host
from wasm_filters.hostcalls import HOSTCALLS, Hostcall
from wasm_filters.hostcalls.hostcall import Kind, Parameter
from wasm_filters.pairs import PairsError, decode_pairs

MAX_EVENTS = 100_000  # per trace; beyond it events are counted and not kept
MAX_SHOWN = 200  # bytes of one value in the text
_INDENT = "      "

_HEADERS = ("context", "headers", "end_of_stream")
_BODY = ("context", "size", "end_of_stream")
_TRAILERS = ("context", "trailers")
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "proxy_on_context_create": ("context", "parent"),
    "proxy_on_vm_start": ("context", "configuration_size"),
    "proxy_on_configure": ("context", "configuration_size"),
    "proxy_on_request_headers": _HEADERS,
    "proxy_on_request_body": _BODY,
    "proxy_on_request_trailers": _TRAILERS,
    "proxy_on_response_headers": _HEADERS,
    "proxy_on_response_body": _BODY,
    "proxy_on_response_trailers": _TRAILERS,
    "proxy_on_queue_ready": ("context", "queue"),
    "proxy_on_done": ("context",),
    "proxy_on_log": ("context",),
    "proxy_on_delete": ("context",),
}
_ANSWERS: Mapping[str, type[IntEnum]] = {
    "headers": HeadersAction,
    "body": DataAction,
    "trailers": TrailersAction,
}
_NO_ANSWER = ("proxy_on_context_create", "proxy_on_log", "proxy_on_delete", "proxy_on_queue_ready")


@dataclass(slots=True)
class Event:
    """One call across the border. ``inside`` is the callback of a hostcall, ``""`` for a callback.

    ``answer`` is in words; None if the call did not return.
    """

    name: str
    arguments: dict[str, object]
    inside: str = ""
    answer: str | None = None
    results: dict[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The event as plain data; bytes as text where they are text."""
        return {
            "call": self.name,
            "inside": self.inside,
            "arguments": _plain(self.arguments),
            "answer": self.answer,
            "results": _plain(self.results),
        }


class Trace:
    """A Listener that keeps what it hears. ``str(trace)`` is the whole text."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost = 0
        self._lines: list[str] = []
        self._running: list[Event] = []

    def __str__(self) -> str:
        return "\n".join(self._lines)

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        names = ARGUMENTS.get(name, ())
        decoded: dict[str, object] = {}
        for index, value in enumerate(arguments):
            label = names[index] if index < len(names) else f"p{index}"
            decoded[label] = bool(value) if label == "end_of_stream" else value
        self._begin(Event(name, decoded), f"==> {name}({_listed(decoded)})")

    def returned(self, name: str, result: int | None, host: Host) -> None:
        answer = _callback_answer(name, result or 0)
        self._end(answer, {}, f"<== {answer}")

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        given = _decoded(call, arguments, host, results=False)
        shown = _listed(given, bare=_is_plain(call))
        event = Event(call.name, given, inside=host.calling)
        self._begin(event, f"{_INDENT}==> {call.name}({shown})")

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        proxy = call.name in HOSTCALLS and call.answers
        answer = Status(status).name.lower().replace("_", " ") if proxy else str(status)
        results = _decoded(call, arguments, host, results=True) if status == 0 else {}
        shown = " ".join(_shown(value) for value in results.values())
        self._end(answer, results, f"{_INDENT}<== {answer} {shown}".rstrip())

    def _begin(self, event: Event, line: str) -> None:
        self._running.append(event)
        if len(self.events) >= MAX_EVENTS:
            self.lost += 1
            return
        self.events.append(event)
        self._lines.append(line)

    def _end(self, answer: str, results: dict[str, object], line: str) -> None:
        event = self._running.pop()
        event.answer, event.results = answer, results
        if not self.lost:
            self._lines.append(line)


def _callback_answer(name: str, result: int) -> str:
    if name in _NO_ANSWER:
        return "return"
    actions = _ANSWERS.get(name.rpartition("_")[2])
    if actions is not None and name.startswith(("proxy_on_request", "proxy_on_response")):
        known = result in actions._value2member_map_
        return actions(result).name.lower().replace("_", " ") if known else str(result)
    return str(bool(result)).lower() if name.startswith("proxy_on_") else str(result)


def _is_plain(call: Hostcall) -> bool:
    """Calls that read best without the names of their arguments."""
    return (
        len([p for p in call.parameters if not p.kind.is_result]) <= 3 and call.name != "proxy_log"
    )


def _decoded(
    call: Hostcall, arguments: tuple[int, ...], host: Host, results: bool
) -> dict[str, object]:
    values: dict[str, object] = {}
    at = 0
    for parameter in call.parameters:
        width = len(parameter.kind.words)
        if parameter.kind.is_result == results:
            values[parameter.name] = _value(parameter, arguments[at : at + width], host)
        at += width
    return values


def _value(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    try:
        return _DECODERS[parameter.kind](parameter, words, host)
    except (BadPointer, PairsError) as error:
        return f"<{error}>"


def _number(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    choices = parameter.choices
    if choices is not None and words[0] in choices._value2member_map_:
        return choices(words[0])
    return words[0]


def _text(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    return host.memory.read(*words)


def _pairs(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    return decode_pairs(host.memory.read(*words))


def _there(words: tuple[int, ...], host: Host) -> tuple[int, ...]:
    return tuple(host.memory.read_u32(word) for word in words)


def _out_number(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    return _number(parameter, _there(words, host), host)


def _out_long(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    return int.from_bytes(host.memory.read(words[0], 8), "little")


def _out_text(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    return host.memory.read(*_there(words, host))


def _out_pairs(parameter: Parameter, words: tuple[int, ...], host: Host) -> object:
    return decode_pairs(host.memory.read(*_there(words, host)))


_DECODERS: Mapping[Kind, Callable[[Parameter, tuple[int, ...], Host], object]] = {
    Kind.NUMBER: _number,
    Kind.SIGNED: _number,
    Kind.TEXT: _text,
    Kind.BODY: _text,
    Kind.PAIRS: _pairs,
    Kind.OUT_NUMBER: _out_number,
    Kind.OUT_LONG: _out_long,
    Kind.OUT_TEXT: _out_text,
    Kind.OUT_BODY: _out_text,
    Kind.OUT_PAIRS: _out_pairs,
}


def _listed(values: Mapping[str, object], bare: bool = False) -> str:
    if bare:
        return ", ".join(_shown(value) for value in values.values())
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: object) -> str:
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        text = repr(value[:MAX_SHOWN].decode("utf-8", "backslashreplace"))
        return text if len(value) <= MAX_SHOWN else f"{text}… ({len(value)} bytes)"
    if isinstance(value, list):
        return "{" + ", ".join(f"{_shown(k)}: {_shown(v)}" for k, v in value) + "}"
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [[_plain(item) for item in pair] for pair in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.name.lower() if isinstance(value, (LogLevel, IntEnum)) else value

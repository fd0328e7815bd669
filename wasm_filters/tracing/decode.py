"""Arguments and results of hostcalls, read where the filter put them and named.

Each hostcall is looked at once: what is left per call is one small function per parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wasm_filters.abi import Status
from wasm_filters.errors import BadPointer
from wasm_filters.hostcalls import WASI, Hostcall
from wasm_filters.hostcalls.hostcall import Kind, Parameter
from wasm_filters.hostcalls.wasi import ERRNO, MAX_IOVECS
from wasm_filters.pairs import PairsError, decode_pairs
from wasm_filters.state.host import Host
from wasm_filters.tracing.values import MAX_KEPT, Cut, Unreadable

Words = tuple[int, ...]
_Reader = Callable[[Host, Words, int], object]
_Step = tuple[str, _Reader, int]  # a parameter's name, how to read it, its first word
_BARE = 3  # a hostcall with so few arguments reads best without their names
_SIGN = 1 << 31


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read one hostcall. ``bare``: its arguments are shown without their names."""

    given: tuple[_Step, ...]
    results: tuple[_Step, ...]
    bare: bool


_plans: dict[str, Plan] = {}


def plan_of(call: Hostcall) -> Plan:
    found = _plans.get(call.name)
    if found is None:
        found = _plans[call.name] = _plan(call)
    return found


def _plan(call: Hostcall) -> Plan:
    given: list[_Step] = []
    results: list[_Step] = []
    at = 0
    for parameter in call.parameters:
        if parameter.kind is not Kind.PLACE:
            step = (parameter.name, _reader(parameter), at)
            (results if parameter.kind.is_result else given).append(step)
        at += len(parameter.kind.words)
    return Plan(tuple(given), tuple(results), len(given) <= _BARE and call.name != "proxy_log")


def arguments(call: Hostcall, words: Words, host: Host) -> dict[str, object]:
    """What the filter gave, by name."""
    return _read(plan_of(call).given, words, host)


def results(call: Hostcall, words: Words, status: int, host: Host) -> dict[str, object]:
    """What the host wrote, by name; nothing if it refused."""
    return {} if status else _read(plan_of(call).results, words, host)


def answer(call: Hostcall, status: int) -> str:
    """The status in words: the ABI's, or WASI's errno."""
    if call.name in WASI:
        return ERRNO.get(status, str(status)) if call.answers else "return"
    if not call.answers:
        return "return"
    if not call.name.startswith("proxy_"):
        return str(status)
    known = status in Status._value2member_map_
    return Status(status).name.lower().replace("_", " ") if known else str(status)


def _read(steps: tuple[_Step, ...], words: Words, host: Host) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, read, at in steps:
        try:
            values[name] = read(host, words, at)
        except (BadPointer, PairsError) as error:
            values[name] = Unreadable(str(error))
    return values


def _reader(parameter: Parameter) -> _Reader:
    if parameter.choices is not None:
        return _of_choices(parameter)
    return _READERS[parameter.kind]


def _of_choices(parameter: Parameter) -> _Reader:
    assert parameter.choices is not None
    members = parameter.choices._value2member_map_
    number = _READERS[parameter.kind]

    def read(host: Host, words: Words, at: int) -> object:
        value = number(host, words, at)
        return members.get(value, value)

    return read


def _kept(host: Host, address: int, size: int) -> bytes | Cut:
    if size <= MAX_KEPT:
        return host.memory.peek(address, size)
    host.memory.peek(address + size, 0)  # BadPointer if its end is outside
    return Cut(host.memory.peek(address, MAX_KEPT), size)


def _number(host: Host, words: Words, at: int) -> object:
    return words[at]


def _integer(host: Host, words: Words, at: int) -> object:
    return words[at] - ((words[at] & _SIGN) << 1)


def _flag(host: Host, words: Words, at: int) -> object:
    return words[at] != 0


def _metric(host: Host, words: Words, at: int) -> object:
    metric = host.metrics.get(words[at])
    return words[at] if metric is None else metric.name


def _text(host: Host, words: Words, at: int) -> object:
    return _kept(host, words[at], words[at + 1])


def _path(host: Host, words: Words, at: int) -> object:
    raw = _kept(host, words[at], words[at + 1])
    return dotted(raw) if isinstance(raw, bytes) else raw


def dotted(path: bytes) -> str:
    """A property's path as people write it: ``request.headers['x.y']``."""
    first, *others = path.decode("utf-8", "backslashreplace").removesuffix("\0").split("\0")
    return first + "".join(f"[{one!r}]" if "." in one or not one else f".{one}" for one in others)


def _pairs(host: Host, words: Words, at: int) -> object:
    return decode_pairs(host.memory.peek(words[at], words[at + 1]))


def _iovecs(host: Host, words: Words, at: int) -> object:
    memory, data, size = host.memory, b"", 0
    for place in range(words[at], words[at] + 8 * min(words[at + 1], MAX_IOVECS), 8):
        address, length = memory.read_u32(place), memory.read_u32(place + 4)
        memory.peek(address + length, 0)
        data += memory.peek(address, min(length, MAX_KEPT - len(data)))
        size += length
    return data if len(data) == size else Cut(data, size)


def _out_fill(host: Host, words: Words, at: int) -> object:
    return _kept(host, words[at], words[at + 1])


def _out_number(host: Host, words: Words, at: int) -> object:
    return host.memory.read_u32(words[at])


def _out_long(host: Host, words: Words, at: int) -> object:
    return int.from_bytes(host.memory.peek(words[at], 8), "little")


def _out_text(host: Host, words: Words, at: int) -> object:
    memory = host.memory
    return _kept(host, memory.read_u32(words[at]), memory.read_u32(words[at + 1]))


def _out_pairs(host: Host, words: Words, at: int) -> object:
    memory = host.memory
    return decode_pairs(memory.peek(memory.read_u32(words[at]), memory.read_u32(words[at + 1])))


_READERS: Mapping[Kind, _Reader] = {
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.SIGNED: _number,
    Kind.FLAG: _flag,
    Kind.METRIC: _metric,
    Kind.TEXT: _text,
    Kind.BODY: _text,
    Kind.PATH: _path,
    Kind.PAIRS: _pairs,
    Kind.IOVECS: _iovecs,
    Kind.OUT_FILL: _out_fill,
    Kind.OUT_NUMBER: _out_number,
    Kind.OUT_LONG: _out_long,
    Kind.OUT_TEXT: _out_text,
    Kind.OUT_BODY: _out_text,
    Kind.OUT_PAIRS: _out_pairs,
}

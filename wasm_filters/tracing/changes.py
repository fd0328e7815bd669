"""What a callback has changed: fields, bodies, properties, shared data and metrics.

A hostcall that may change something is met before it is carried out: what it would change is
remembered then, once per callback, and again when the callback is over; the two are compared when
somebody asks. A callback that changes nothing costs nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from zlib import crc32

from wasm_filters.abi import BufferType, MapType
from wasm_filters.errors import BadPointer
from wasm_filters.properties.filter_state import WASM_PREFIX, WasmState
from wasm_filters.properties.stream import StreamProperties
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context
from wasm_filters.state.header_map import HeaderMap, Pair
from wasm_filters.state.host import Host
from wasm_filters.tracing.decode import Words, dotted
from wasm_filters.tracing.values import MAX_SHOWN, plain, shown, shown_bytes

MAX_WATCHED = 1000  # things of one callback; the changes of any further are not told


@dataclass(frozen=True, slots=True)
class BodyState:
    """A body: how long it is and how it begins; ``mark`` tells two of one beginning apart."""

    size: int
    head: bytes
    mark: int

    @classmethod
    def of(cls, buffer: Buffer) -> BodyState:
        return cls(len(buffer), bytes(buffer.data[:MAX_SHOWN]), crc32(buffer.data))

    def __str__(self) -> str:
        return f"{self.size} bytes {shown_bytes(self.head, len(self.head))}"

    def as_json(self) -> dict[str, object]:
        return {"size": self.size, "head": plain(self.head)}


@dataclass(frozen=True, slots=True)
class Change:
    """``what`` changed (``request_headers``), in it ``name``, from ``before`` to ``after``; None
    stands for "not there"."""

    what: str
    name: str
    before: object
    after: object

    @property
    def sign(self) -> str:
        if self.before is None:
            return "+"
        return "-" if self.after is None else "~"

    def __str__(self) -> str:
        subject = f"{self.what}: {self.name} " if self.name else f"{self.what}: "
        if self.before is None or self.after is None:
            there = self.after if self.before is None else self.before
            return f"{self.sign} {subject}{shown(there)}"
        return f"{self.sign} {subject}{shown(self.before)} → {shown(self.after)}"

    def as_json(self) -> dict[str, object]:
        return {
            "sign": self.sign,
            "what": self.what,
            "name": self.name,
            "before": _plain(self.before),
            "after": _plain(self.after),
        }


def _plain(value: object) -> object:
    return value.as_json() if isinstance(value, BodyState) else plain(value)


Pending = Callable[[], Iterator[Change]]  # what has changed, worked out when somebody asks
_Capture = Callable[[], Pending | None]  # asked when the callback is over; None: nothing changed


class Changes:
    """What one running callback has touched so far."""

    __slots__ = ("_calling", "_watched")

    def __init__(self, calling: int) -> None:
        self._calling = calling  # the context whose callback it is
        self._watched: dict[object, _Capture] = {}

    def touch(self, name: str, words: Words, host: Host) -> None:
        """The hostcall ``name``, one of LOOKS, is about to be carried out."""
        if len(self._watched) >= MAX_WATCHED:
            return
        try:
            LOOKS[name](self, words, host)
        except BadPointer:
            return  # the hostcall fails of it, too

    def found(self) -> tuple[Pending, ...]:
        """All that is different now."""
        captured = (capture() for capture in self._watched.values())
        return tuple(pending for pending in captured if pending is not None)

    def _label(self, name: str, context: Context) -> str:
        return name if context.id == self._calling else f"{name} of context {context.id}"

    def fields(self, words: Words, host: Host) -> None:
        context, kind = host.current, words[0]
        key = (context, "fields", kind)
        if key not in self._watched and kind <= MapType.RESPONSE_TRAILERS:
            label = self._label(MapType(kind).name.lower(), context)
            found = context.readable(kind)
            before = list(found.pairs) if found is not None else []
            self._watched[key] = partial(_fields, label, context, kind, found, before)

    def body(self, words: Words, host: Host) -> None:
        context, kind = host.current, words[0]
        buffer = context.buffers.get(kind)
        key = (context, "body", kind)
        if buffer is not None and key not in self._watched:
            label = self._label(BufferType(kind).name.lower(), context)
            self._watched[key] = partial(_body, label, buffer, BodyState.of(buffer))

    def property(self, words: Words, host: Host) -> None:
        context, path = host.current, host.memory.peek(words[0], words[1])
        key = (context, "property", path)
        if key not in self._watched:
            label = self._label("property", context)
            read = partial(_own_property, context, path)
            self._watched[key] = partial(_value, label, dotted(path), read, read())

    def shared(self, words: Words, host: Host) -> None:
        key, vm_id = host.memory.peek(words[0], words[1]), host.config.vm_id

        def read() -> bytes | None:
            found = host.worker.shared.get(vm_id, key)
            return found[0] if found is not None else None

        if ("shared", key) not in self._watched:
            name = key.decode("utf-8", "backslashreplace")
            self._watched["shared", key] = partial(_value, "shared_data", name, read, read())

    def metric(self, words: Words, host: Host) -> None:
        metric = host.metrics.get(words[0])
        if metric is None or ("metric", metric.name) in self._watched:
            return

        def read() -> int:
            return metric.value if not metric.samples else metric.samples[-1]

        label = metric.type.name.lower()
        self._watched["metric", metric.name] = partial(_value, label, metric.name, read, read())


LOOKS: Mapping[str, Callable[[Changes, Words, Host], None]] = {
    "proxy_add_header_map_value": Changes.fields,
    "proxy_replace_header_map_value": Changes.fields,
    "proxy_remove_header_map_value": Changes.fields,
    "proxy_set_header_map_pairs": Changes.fields,
    "proxy_set_buffer_bytes": Changes.body,
    "proxy_set_property": Changes.property,
    "proxy_set_shared_data": Changes.shared,
    "proxy_increment_metric": Changes.metric,
    "proxy_record_metric": Changes.metric,
}


def _value(what: str, name: str, read: Callable[[], object], before: object) -> Pending | None:
    after = read()
    return None if after == before else partial(_one, Change(what, name, before, after))


def _body(what: str, buffer: Buffer, before: BodyState) -> Pending | None:
    after = BodyState.of(buffer)
    return None if after == before else partial(_one, Change(what, "", before, after))


def _one(change: Change) -> Iterator[Change]:
    yield change


def _own_property(context: Context, path: bytes) -> bytes | None:
    """What a filter has set under this name."""
    properties = context.properties
    if not isinstance(properties, StreamProperties):
        return None
    stored = properties.filter_state.get(WASM_PREFIX + path)
    return stored.data if isinstance(stored, WasmState) else None


def _fields(
    what: str, context: Context, kind: int, found: HeaderMap | None, before: list[Pair]
) -> Pending | None:
    now = found if found is not None else context.maps.get(kind)  # trailers that were made
    after = list(now.pairs) if now is not None else []
    return None if after == before else partial(compared, what, before, after)


def compared(what: str, before: Sequence[Pair], after: Sequence[Pair]) -> Iterator[Change]:
    """How the fields of one map, called ``what``, differ: by name, whatever their order."""
    old, new = _by_name(before), _by_name(after)
    for name in {**old, **new}:
        yield from _of_one_name(what, name, old.get(name, []), new.get(name, []))


def _by_name(pairs: Sequence[Pair]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _of_one_name(what: str, raw: bytes, old: list[bytes], new: list[bytes]) -> Iterator[Change]:
    name = raw.decode("utf-8", "backslashreplace")
    if len(old) == len(new) == 1:
        if old != new:
            yield Change(what, name, old[0], new[0])
        return
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    for value in gone.elements():
        yield Change(what, name, value, None)
    for value in come.elements():
        yield Change(what, name, None, value)

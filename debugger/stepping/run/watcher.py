"""The listener that notes stops while a recording is run again.

What a hostcall may have changed is looked at when it was answered; all of a context's fields and
bodies when a callback begins and ends, because between callbacks the host changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from debugger.stepping.run.state import (
    BODIES,
    EVERYBODY,
    FIELDS,
    PROPERTY,
    SHARED_DATA,
    Assigned,
    Body,
    Owner,
    Slot,
    State,
)
from debugger.stepping.run.stop import Kind, Stop
from wasm_filters.abi import MetricType
from wasm_filters.errors import Frame, GuestStopped
from wasm_filters.hostcalls import Hostcall
from wasm_filters.machine import Machine
from wasm_filters.state.context import Context
from wasm_filters.state.header_map import Pair
from wasm_filters.state.host import Host, Log
from wasm_filters.tracing.event import Event
from wasm_filters.tracing.trace import Trace
from wasm_filters.tracing.values import MAX_KEPT, Cut

MAX_STATE = 128 << 20  # bytes of all values that stops keep; beyond it nothing is noted but calls
_PER_FIELD = 100  # bytes that a field takes besides its own

Words = tuple[int, ...]
_Look = Callable[["Watcher", Event, Words, Host], None]


class Owners:
    """Gives VMs their numbers, in the order in which they are first heard of: the same in every
    run of one recording."""

    def __init__(self) -> None:
        self._hosts: dict[int, tuple[int, Host]] = {}  # the host is kept, so that its id is its own

    def vm(self, host: Host) -> int:
        return self._hosts.setdefault(id(host), (len(self._hosts) + 1, host))[0]

    def modules(self) -> dict[int, str]:
        """The hash of each VM's module."""
        machines = {number: host.caller for number, host in self._hosts.values()}
        return {
            number: machine.module.sha256
            for number, machine in machines.items()
            if isinstance(machine, Machine)
        }

    def owner(self, host: Host, context: Context) -> Owner:
        return Owner(self.vm(host), context.id)


class _Open(NamedTuple):
    """A call that has not returned; its ``event`` is None where the trace keeps no more."""

    event: Event | None
    frames: tuple[Frame, ...] = ()
    is_hostcall: bool = False


class Watcher(Trace):
    """A trace that also keeps ``stops``, whose VMs are those of ``owners``. ``blind_from`` is the
    first stop whose changes were too much to be kept, None if all are."""

    def __init__(self) -> None:
        super().__init__()
        self.stops: list[Stop] = []
        self.action = 0
        self.blind_from: int | None = None
        self.owners = Owners()
        self._state = State()
        self._lists: dict[Slot, list[Pair]] = {}  # to compare with: quicker than tuples are made
        self._pending: list[Assigned] = []
        self._open: list[_Open] = []
        self._size = 0
        self._logged = 0

    def next_action(self) -> None:
        """What is done next in the recording begins; its logs do, too."""
        self.action += 1
        self._logged = 0

    def called(self, name: str, arguments: Words, host: Host) -> None:
        event = self._began(lambda: super(Watcher, self).called(name, arguments, host))
        self._open.append(_Open(event))
        self._look_at_context(host)
        self._stop(Kind.CALLBACK, event, (), host)

    def returned(self, name: str, result: int | None, host: Host) -> None:
        super().returned(name, result, host)
        call = self._open.pop()
        self._look_at_context(host)
        self._stop(Kind.RETURN, call.event, (), host)

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        super().stopped(name, failure, host)
        call = self._open.pop()
        while call.is_hostcall:  # ended by the failure, too
            self._stop(Kind.HOSTCALL, call.event, call.frames, host)
            call = self._open.pop()
        self._look_at_context(host)
        self._stop(Kind.TRAP, call.event, failure.frames, host)

    def hostcall(self, call: Hostcall, arguments: Words, host: Host) -> None:
        event = self._began(lambda: super(Watcher, self).hostcall(call, arguments, host))
        self._open.append(_Open(event, host.stack() if event is not None else (), True))

    def answered(self, call: Hostcall, arguments: Words, status: int, host: Host) -> None:
        super().answered(call, arguments, status, host)
        made = self._open.pop()
        look = _LOOKS.get(call.name)
        if look is not None and made.event is not None and not status:
            look(self, made.event, arguments, host)
        self._stop(Kind.HOSTCALL, made.event, made.frames, host)

    def _began(self, hear: Callable[[], None]) -> Event | None:
        """The event of what is heard; None where the trace keeps no more."""
        before = len(self.events)
        hear()
        return self.events[-1] if len(self.events) > before else None

    def _stop(self, kind: Kind, event: Event | None, frames: tuple[Frame, ...], host: Host) -> None:
        if event is None or self.lost:  # stops are counted without gaps, as memory.py does
            return
        context = host.current if kind is Kind.HOSTCALL else host.called
        owner = self.owners.owner(host, context)
        assigned, self._pending = tuple(self._pending), []
        logs = self._new_logs(host)
        number = len(self.stops) + 1
        stop = Stop(number, kind, event, owner, self.action, frames, assigned, logs)
        self.stops.append(stop)

    def _new_logs(self, host: Host) -> tuple[Log, ...]:
        journal = host.journal
        written = len(journal.logs) + journal.logs_lost
        new = min(written - self._logged, len(journal.logs))
        self._logged = written
        if new <= 0:
            return ()
        return tuple(islice(reversed(journal.logs), new))[::-1]

    def _assign(self, slot: Slot, value: object, size: int = 0) -> None:
        before = self._state.get(slot)
        if before == value or self.blind_from is not None:
            return
        self._size += size + _PER_FIELD
        if self._size > MAX_STATE:
            self.blind_from = len(self.stops) + 1
            return
        one = Assigned(slot, before, value)
        self._pending.append(one)
        self._state.forward((one,))

    def _look_at_context(self, host: Host) -> None:
        context = host.called
        owner = self.owners.owner(host, context)
        for kind in FIELDS:
            self._fields(context, owner, kind)
        for kind in BODIES:
            self._body(context, owner, kind)

    def _fields(self, context: Context, owner: Owner, kind: int) -> None:
        found = context.readable(kind)
        slot = Slot(FIELDS[kind], "", owner)
        if found is None:
            if self._lists.pop(slot, None) is not None:
                self._assign(slot, None)
            return
        pairs = found.pairs
        if self._lists.get(slot) != pairs:
            self._lists[slot] = list(pairs)
            self._assign(slot, tuple(pairs), found.byte_size + len(pairs) * _PER_FIELD)

    def _body(self, context: Context, owner: Owner, kind: int) -> None:
        found = context.buffers.get(kind)
        slot = Slot(BODIES[kind], "", owner)
        body = None if found is None else Body.of(bytes(found.data[:MAX_KEPT]), found.data)
        self._assign(slot, body, len(body.data) if body is not None else 0)

    def changed_fields(self, event: Event, words: Words, host: Host) -> None:
        if words[0] in FIELDS:
            self._fields(host.current, self.owners.owner(host, host.current), words[0])

    def changed_body(self, event: Event, words: Words, host: Host) -> None:
        if words[0] in BODIES:
            self._body(host.current, self.owners.owner(host, host.current), words[0])

    def property(self, event: Event, words: Words, host: Host) -> None:
        """One that was set, or asked for: then the state knows it from there on."""
        path = event.arguments.get("path")
        value = (event.results or event.arguments).get("value")
        if isinstance(path, str) and isinstance(value, (bytes, Cut)):
            owner = self.owners.owner(host, host.current)
            self._assign(Slot(PROPERTY, path, owner), value, _weight(value))

    def shared_data(self, event: Event, words: Words, host: Host) -> None:
        key, vm_id = host.memory.peek(words[0], words[1]), host.config.vm_id
        found = host.worker.shared.get(vm_id, key)
        if found is not None:
            self.shared(vm_id, key, found[0])

    def shared(self, vm_id: str, key: bytes, value: bytes) -> None:
        """Shared data has a value: one that a filter set or asked for, or that another set."""
        kept = value if len(value) <= MAX_KEPT else Cut(value[:MAX_KEPT], len(value))
        name = key.decode("utf-8", "backslashreplace")
        self._assign(Slot(SHARED_DATA, f"{vm_id}/{name}" if vm_id else name), kept, len(value))

    def metric(self, event: Event, words: Words, host: Host) -> None:
        self._metric(words[0], host)

    def defined(self, event: Event, words: Words, host: Host) -> None:
        self._metric(host.memory.read_u32(words[3]), host)

    def _metric(self, metric_id: int, host: Host) -> None:
        metric = host.metrics.get(metric_id)
        if metric is not None:
            samples = metric.type is MetricType.HISTOGRAM
            value = (metric.samples[-1] if metric.samples else None) if samples else metric.value
            self._assign(Slot(metric.type.name.lower(), metric.name, EVERYBODY), value)


_LOOKS: Mapping[str, _Look] = {
    "proxy_add_header_map_value": Watcher.changed_fields,
    "proxy_replace_header_map_value": Watcher.changed_fields,
    "proxy_remove_header_map_value": Watcher.changed_fields,
    "proxy_set_header_map_pairs": Watcher.changed_fields,
    "proxy_set_buffer_bytes": Watcher.changed_body,
    "proxy_get_property": Watcher.property,
    "proxy_set_property": Watcher.property,
    "proxy_get_shared_data": Watcher.shared_data,
    "proxy_set_shared_data": Watcher.shared_data,
    "proxy_define_metric": Watcher.defined,
    "proxy_increment_metric": Watcher.metric,
    "proxy_record_metric": Watcher.metric,
}


def _weight(value: bytes | Cut) -> int:
    return len(value) if isinstance(value, bytes) else len(value.data)

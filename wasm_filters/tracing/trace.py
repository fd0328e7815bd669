"""A trace: every callback and hostcall of the filters that it listens to."""

from __future__ import annotations

from wasm_filters.errors import GuestStopped
from wasm_filters.hostcalls import Hostcall
from wasm_filters.machine import Listener
from wasm_filters.state.host import Host
from wasm_filters.tracing import callbacks, decode
from wasm_filters.tracing.changes import LOOKS, Changes
from wasm_filters.tracing.event import Event
from wasm_filters.tracing.text import lines
from wasm_filters.tracing.values import weight

MAX_EVENTS = 100_000  # per trace; beyond it events are counted and not kept
MAX_BYTES = 64 << 20  # of all values in a trace; beyond it events are counted and not kept


class Trace(Listener):
    """A Listener that keeps what it hears; ``str(trace)`` is its text.

    ``events`` are in the order in which they began. ``lost`` counts those that were too many:
    more than ``max_events``, or after values of ``max_bytes``.
    """

    def __init__(self, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.events: list[Event] = []
        self.lost = 0
        self._bytes = 0
        self._running: list[Event] = []
        self._changes: list[Changes | None] = []
        self._moved: int | None = None

    def __str__(self) -> str:
        text = "\n".join(lines(self.events))
        return f"{text}\n… {self.lost} more calls were not kept" if self.lost else text

    def as_json(self) -> dict[str, object]:
        """The trace as plain data; docs/TRACES.md describes it."""
        return {"events": [event.as_json() for event in self.events], "lost": self.lost}

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        moved = host.worker.loop.moved
        later = 0 if self._moved is None else moved - self._moved
        self._moved = moved
        current = host.current
        config = current.config
        self._changes.append(None)
        self._begin(
            Event(
                name,
                callbacks.arguments(name, arguments),
                plugin=config.name or config.root_id,
                context=current.id,
                depth=len(self._running),
                later=later,
            )
        )

    def returned(self, name: str, result: int | None, host: Host) -> None:
        event = self._running.pop()
        event.answer = callbacks.answer(name, result or 0)
        changes = self._changes.pop()
        if changes is not None:
            event.pending = changes.found()

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        event = self._running.pop()
        while event.inside:  # hostcalls that the failure ended
            event = self._running.pop()
        event.failure = failure
        changes = self._changes.pop()
        if changes is not None:
            event.pending = changes.found()

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        running = self._running
        if call.name in LOOKS and self._changes:
            changes = self._changes[-1]
            if changes is None:
                changes = self._changes[-1] = Changes(running[-1].context)
            changes.touch(call.name, arguments, host)
        self._begin(
            Event(
                call.name,
                decode.arguments(call, arguments, host),
                inside=host.calling or "start section",
                plugin=running[-1].plugin if running else "",
                context=host.current.id,
                depth=len(running),
                bare=decode.plan_of(call).bare,
            )
        )

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        event = self._running.pop()
        event.answer = decode.answer(call, status)
        found = event.results = decode.results(call, arguments, status, host)
        self._bytes += weight(found)

    def _begin(self, event: Event) -> None:
        self._running.append(event)
        if len(self.events) >= self.max_events or self._bytes >= self.max_bytes:
            self.lost += 1
            return
        self._bytes += weight(event.arguments)
        self.events.append(event)

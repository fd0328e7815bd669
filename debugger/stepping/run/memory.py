"""A guest's memory, and properties nobody asked for: the recording run once more, up to a stop.

Memory is not kept while stops are noted: to compare a megabyte at each of 10,000 stops takes
seconds, and most of it is looked at by nobody. One more run, in which nothing is noted, takes tens
of milliseconds; of a range that is watched it brings every value that it ever had, so that all
steps after that cost nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from debugger.stepping.run.history import History, SteppingError, limits_of
from debugger.stepping.run.stop import Stop
from debugger.stepping.run.watcher import Owners
from wasm_filters.errors import BadPointer, GuestStopped
from wasm_filters.hostcalls import Hostcall
from wasm_filters.properties.filter_state import NotReadable
from wasm_filters.properties.lookup import find
from wasm_filters.properties.values import Unserialisable, encode
from wasm_filters.recording.again import Again
from wasm_filters.state.host import Host
from wasm_filters.tracing.trace import Trace

MAX_RANGE = 4096  # bytes of memory that are looked at or watched
MAX_KEPT = 64 << 20  # bytes of all values of a watched range; later ones are not known

Words = tuple[int, ...]


class Memory:
    """The memory of the VM that ``stop`` is in, at that stop."""

    def __init__(self, history: History) -> None:
        self._history = history

    def read(self, stop: Stop, address: int, size: int) -> bytes:
        """At most MAX_RANGE bytes; fewer at the memory's end. SteppingError: it is outside."""
        _check(address, size)
        found: list[bytes] = []
        self._visit(stop, lambda host: found.append(_range(host, address, size)))
        if not found or not found[0]:
            raise SteppingError(f"address {address:#x} is outside of the memory at this step")
        return found[0]

    def property(self, stop: Stop, path: str) -> bytes | None:
        """What ``proxy_get_property`` would have answered there, None for not found.

        SteppingError: it can't be put into bytes.
        """
        found: list[bytes | None] = []
        self._visit(stop, lambda host: found.append(_property(host, path)))
        return found[0] if found else None

    def watched(self, vm: int, address: int, size: int) -> Watched:
        """What was at ``address`` of a VM, at every stop. SteppingError: too large a range."""
        _check(address, size)
        values = Watched(vm, address, size)

        def look(number: int, host: Host) -> None:
            if owners.vm(host) == vm:
                values.note(number, _range(host, address, size))

        owners = Owners()
        self._run(_Visitor(look, len(self._history)))
        return values

    def _visit(self, stop: Stop, visit: Callable[[Host], None]) -> None:
        def look(number: int, host: Host) -> None:
            if number == stop.number:
                visit(host)

        self._run(_Visitor(look, stop.number))

    def _run(self, visitor: _Visitor) -> None:
        history = self._history
        recording = history.recording
        again = Again(recording, history.modules, visitor, limits_of(recording))
        try:
            for step in recording.steps:
                again.step(step)
                if not again.started:
                    break
        except _EnoughSeen:
            return
        finally:
            again.session.worker.close()


class Watched:
    """Every value that ``size`` bytes at ``address`` had. ``full_from``: from that stop on there
    were too many to be kept; None if all are."""

    def __init__(self, vm: int, address: int, size: int) -> None:
        self.vm = vm
        self.address = address
        self.size = size
        self.full_from: int | None = None
        self._since: list[int] = []
        self._values: list[bytes] = []
        self._kept = 0

    def note(self, number: int, value: bytes) -> None:
        if self.full_from is not None or (self._values and self._values[-1] == value):
            return
        self._kept += len(value)
        if self._kept > MAX_KEPT:
            self.full_from = number
            return
        self._since.append(number)
        self._values.append(value)

    def at(self, number: int) -> bytes:
        """The bytes at a stop; none where that memory was not there, or is not known."""
        if self.full_from is not None and number >= self.full_from:
            return b""
        at = bisect_right(self._since, number)
        return self._values[at - 1] if at else b""

    def changed(self, stop: Stop) -> bool:
        """Whether they are others than at the stop before."""
        at = bisect_right(self._since, stop.number)
        return at > 1 and self._since[at - 1] == stop.number


def _check(address: int, size: int) -> None:
    if not 0 < size <= MAX_RANGE:
        raise SteppingError(f"{size} bytes, expected 1 to {MAX_RANGE}")
    if not 0 <= address < 1 << 32:
        raise SteppingError(f"address {address:#x}, expected one of 32 bits")


def _range(host: Host, address: int, size: int) -> bytes:
    try:
        return host.memory.peek(address, size)
    except BadPointer:
        left = len(host.memory) - address
        return host.memory.peek(address, left) if 0 < left < size else b""


def _property(host: Host, path: str) -> bytes | None:
    try:
        value = find(host.current, path.replace(".", "\0").encode())
        return None if value is None else encode(value)
    except Unserialisable as error:
        raise SteppingError(
            f"property {path}: it has no bytes, as it names a whole family"
        ) from error
    except NotReadable as error:
        raise SteppingError(f"property {path}: {error}") from error


class _EnoughSeen(BaseException):
    """Ends a run; nothing between here and there takes it for a failure of its own."""


class _Visitor(Trace):
    """A trace that keeps nothing, and counts stops exactly as the Watcher does."""

    def __init__(self, look: Callable[[int, Host], None], last: int) -> None:
        super().__init__()
        self._look = look
        self._last = last
        self._number = 0
        self._open: list[bool] = []  # of calls that have not returned: whether it is a hostcall

    def called(self, name: str, arguments: Words, host: Host) -> None:
        self._open.append(False)
        self._stop(host)

    def returned(self, name: str, result: int | None, host: Host) -> None:
        self._open.pop()
        self._stop(host)

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        while self._open.pop():
            self._stop(host)
        self._stop(host)

    def hostcall(self, call: Hostcall, arguments: Words, host: Host) -> None:
        self._open.append(True)

    def answered(self, call: Hostcall, arguments: Words, status: int, host: Host) -> None:
        self._open.pop()
        self._stop(host)

    def _stop(self, host: Host) -> None:
        self._number += 1
        self._look(self._number, host)
        if self._number >= self._last:
            raise _EnoughSeen

"""What crosses the border of a VM here, as Envoy's trace would have it."""

from __future__ import annotations

from dataclasses import replace

from mini_mesh.filter_rig.log import CALLING_BACK, Crossing
from wasm_filters.abi import CALLBACKS
from wasm_filters.errors import BadPointer
from wasm_filters.hostcalls import Hostcall
from wasm_filters.machine import Listener
from wasm_filters.state.host import Host

TICK = "proxy_on_tick"
MAX_ASKED = 1000  # paths of properties that are remembered


class Ear(Listener):
    """A Listener that keeps every callback and hostcall as Envoy's trace has them.

    What a tick does is left out, calls and logs: how many of them fall into a request depends on
    nothing but the time that it takes. ``asked`` are the paths of all properties that were asked
    for.
    """

    def __init__(self) -> None:
        self.calls: list[Crossing] = []
        self._running: list[int] = []
        self.asked: set[bytes] = set()
        self._kept = (0, 0)  # calls and logs when a callback began

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        self._kept = len(self.calls), len(host.journal.logs)
        if not self._calls_back():
            self._running.clear()
        self._begin(Crossing(name, arguments))

    def returned(self, name: str, result: int | None, host: Host) -> None:
        signature = CALLBACKS[host.version].get(name)
        self._end(result if signature is None or signature.results else None)
        if name == TICK:
            calls, logs = self._kept
            del self.calls[calls:]
            while len(host.journal.logs) > logs:
                host.journal.logs.pop()

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        if call.name == "proxy_get_property" and len(self.asked) < MAX_ASKED:
            self._ask(arguments, host)
        self._begin(Crossing(call.name, arguments, host.calling))

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        self._end(status)

    def _calls_back(self) -> bool:
        """The filter is called inside of its own hostcall; else what is running has trapped."""
        return bool(self._running) and self.calls[self._running[-1]].name in CALLING_BACK

    def _begin(self, call: Crossing) -> None:
        self._running.append(len(self.calls))
        self.calls.append(call)

    def _end(self, result: int | None) -> None:
        at = self._running.pop()
        self.calls[at] = replace(self.calls[at], result=result, returned=True)

    def _ask(self, arguments: tuple[int, ...], host: Host) -> None:
        try:
            self.asked.add(host.memory.read(*arguments[:2]))
        except BadPointer:
            return  # the filter is told so

"""Listeners: who was called how often, and several listeners where one can be attached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from wasm_filters.errors import GuestStopped
from wasm_filters.hostcalls import Hostcall
from wasm_filters.machine import Listener, Machine
from wasm_filters.module import Module
from wasm_filters.state.host import Host


@dataclass(slots=True)
class Counts:
    """Of one module: callbacks by name, hostcalls by name, and their answers."""

    callbacks: Counter[str] = field(default_factory=Counter)
    hostcalls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        self.callbacks.update(other.callbacks)
        self.hostcalls.update(other.hostcalls)
        self.statuses.update(other.statuses)


class Calls(Listener):
    """A Listener that counts, for each module."""

    def __init__(self) -> None:
        self._hosts: dict[Host, Counts] = {}

    def of(self, host: Host) -> Counts:
        found = self._hosts.get(host)
        if found is None:
            found = self._hosts[host] = Counts()
        return found

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        self.of(host).callbacks[name] += 1

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        self.of(host).hostcalls[call.name] += 1

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        self.of(host).statuses[call.name, status] += 1

    def total(self) -> Counts:
        """Of all modules."""
        found = Counts()
        for counts in self._hosts.values():
            found.add(counts)
        return found

    def by_module(self) -> list[tuple[Module, Counts]]:
        pairs = ((host.caller, counts) for host, counts in self._hosts.items())
        return [(vm.module, counts) for vm, counts in pairs if isinstance(vm, Machine)]


class Several(Listener):
    """A Listener that passes everything on to several."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        for listener in self._listeners:
            listener.called(name, arguments, host)

    def returned(self, name: str, result: int | None, host: Host) -> None:
        for listener in self._listeners:
            listener.returned(name, result, host)

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        for listener in self._listeners:
            listener.stopped(name, failure, host)

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        for listener in self._listeners:
            listener.hostcall(call, arguments, host)

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        for listener in self._listeners:
            listener.answered(call, arguments, status, host)


def together(listeners: Sequence[Listener]) -> Listener | None:
    """One listener for all of them; None for none."""
    if len(listeners) < 2:
        return listeners[0] if listeners else None
    return Several(listeners)

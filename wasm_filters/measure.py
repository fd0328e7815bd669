"""Measuring: what requests through a filter cost on this machine, and where the time goes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter_ns

from mesh_traffic import Request
from wasm_filters.errors import GuestStopped
from wasm_filters.filter import Filter
from wasm_filters.hostcalls import Hostcall
from wasm_filters.http.outcome import Outcome
from wasm_filters.machine import Listener
from wasm_filters.state.host import Host

WARM_UP = 100  # requests that are not measured
LOOKED_INTO = 1000  # requests of which the callbacks are timed, at most
_PER_MICRO = 1000


@dataclass(frozen=True, slots=True)
class CallbackCost:
    """One callback: how often a request calls it, and how many µs a call takes, with all its
    hostcalls (``hostcalls`` per call)."""

    name: str
    calls: float
    microseconds: float
    hostcalls: float


@dataclass(frozen=True, slots=True)
class Measured:
    """``requests`` were measured, one after the other; times are µs of one. ``memory`` is the
    guest's, in bytes, before and after. ``hostcalls`` counts them per request, by name."""

    requests: int
    median: float
    best: float
    p99: float
    seconds: float
    callbacks: tuple[CallbackCost, ...]
    hostcalls: Mapping[str, float]
    memory: tuple[int, int]
    outcome: Outcome

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass(slots=True)
class _Times(Listener):
    """Times each callback; what hostcalls cost beside, it only counts."""

    spent: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    made: Counter[tuple[str, str]] = field(default_factory=Counter)
    _started: int = 0

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        self.calls[name] += 1
        self._started = perf_counter_ns()

    def returned(self, name: str, result: int | None, host: Host) -> None:
        self.spent[name] += perf_counter_ns() - self._started

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        """Nothing to time: whoever measures ends here."""

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        self.made[host.calling, call.name] += 1

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        """Its time is its callback's."""


def measure(
    filter_: Filter, request: Request, count: int, progress: Callable[[int], None] | None = None
) -> Measured:
    """Send ``request`` ``count`` times. It ends with the first request that kills the VM or is
    never answered: then ``outcome`` tells, and ``requests`` is less than ``count``."""
    window = filter_.plugin.machine.vm.window
    for _ in range(min(WARM_UP, count)):
        filter_.handle(request)
    before = len(window())
    times, outcome = _timed(filter_, request, count, progress)
    after = len(window())
    looked = min(LOOKED_INTO, len(times))
    listener = _looked_into(filter_, request, looked)
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return Measured(
        len(times),
        statistics.median(times) / _PER_MICRO,
        min(times) / _PER_MICRO,
        cuts[98] / _PER_MICRO,
        sum(times) / 1e9,
        _callbacks(listener, looked),
        _per_request(listener, looked),
        (before, after),
        outcome,
    )


def _timed(
    filter_: Filter, request: Request, count: int, progress: Callable[[int], None] | None
) -> tuple[list[int], Outcome]:
    """Nanoseconds of each request, and what became of the last."""
    times: list[int] = []
    handle, clock = filter_.handle, perf_counter_ns
    while True:
        started = clock()
        outcome = handle(request)
        times.append(clock() - started)
        ends = outcome.failure is not None or bool(outcome.paused) or len(times) >= count
        if ends:
            return times, outcome
        if progress is not None:
            progress(len(times))


def _looked_into(filter_: Filter, request: Request, count: int) -> _Times:
    listener, worker = _Times(), filter_.worker
    before = worker.listener
    worker.listen(listener)
    for _ in range(count):
        filter_.handle(request)
    worker.listen(before)
    return listener


def _callbacks(found: _Times, requests: int) -> tuple[CallbackCost, ...]:
    made: Counter[str] = Counter()
    for (callback, _), number in found.made.items():
        made[callback] += number
    return tuple(
        CallbackCost(
            name, calls / requests, found.spent[name] / calls / _PER_MICRO, made[name] / calls
        )
        for name, calls in found.calls.items()
    )


def _per_request(found: _Times, requests: int) -> dict[str, float]:
    totals: Counter[str] = Counter()
    for (_, hostcall), number in found.made.items():
        totals[hostcall] += number
    return {name: number / requests for name, number in totals.most_common()}

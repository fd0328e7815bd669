"""Several plugins as the HTTP filters of one listener, in the order in which requests pass them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mesh_traffic import Request
from wasm_filters.chunks import cutter
from wasm_filters.http.codec import NO_METADATA, Metadata
from wasm_filters.http.exchange import DEFAULT_LIMIT, Exchange
from wasm_filters.http.outcome import Outcome
from wasm_filters.machine import Machine
from wasm_filters.plugin import Plugin
from wasm_filters.properties.filter_state import Level
from wasm_filters.services.upstream import Upstream, empty_ok
from wasm_filters.worker import Worker

PATIENCE = 60.0  # seconds of the worker's time after which the client gives up


class HttpChain:
    """Plugins between a client and an upstream.

    ``limit`` is how many bytes may wait in one direction (per_connection_buffer_limit_bytes).
    """

    def __init__(
        self, worker: Worker, plugins: Sequence[Plugin], limit: int = DEFAULT_LIMIT
    ) -> None:
        self.worker = worker
        self.plugins = tuple(plugins)
        self._limit = limit
        self._connection: Level | None = None

    def connect(self) -> None:
        """Let the requests that follow come over one new connection, whose filter state they
        share. Until then each has a connection of its own."""
        self._connection = {}

    def send(
        self,
        request: Request,
        upstream: Upstream = empty_ok,
        chunk_size: int | Sequence[int] | None = None,
        metadata: Metadata = NO_METADATA,
    ) -> Exchange:
        """Send one request in; it goes as far as it can without time passing.

        ``chunk_size`` cuts both bodies into pieces: of that many bytes, or of these many each and
        the rest; None leaves each whole.
        """
        exchange = Exchange(
            self.plugins,
            request,
            upstream,
            self.worker.loop,
            cutter(chunk_size),
            self._limit,
            self._connection,
            metadata,
        )
        exchange.begin()
        return exchange

    def handle(
        self,
        request: Request,
        upstream: Upstream = empty_ok,
        chunk_size: int | Sequence[int] | None = None,
        patience: float = PATIENCE,
        metadata: Metadata = NO_METADATA,
    ) -> Outcome:
        """Send one request and wait for its end, at most ``patience`` seconds.

        Never raises for what a filter does: that is in the outcome.
        """
        mark = _Mark(self)
        exchange = self.send(request, upstream, chunk_size, metadata)
        loop = self.worker.loop
        if not exchange.done:
            loop.run(patience, lambda: exchange.done)
        paused = "" if exchange.done else exchange.paused
        exchange.give_up()
        loop.run(0)
        return mark.outcome(exchange, paused)

    def outcome(self, exchange: Exchange) -> Outcome:
        """What became of an exchange that was sent by :meth:`send`, with all logs since."""
        return _Mark(self, 0).outcome(exchange, "" if exchange.done else exchange.paused)


class _Mark:
    """Where the worker's records stood before a request."""

    __slots__ = ("_callouts", "_chain", "_hostcalls", "_leans", "_warned")

    def __init__(self, chain: HttpChain, hostcalls: int | None = None) -> None:
        self._chain = chain
        worker = chain.worker
        self._hostcalls = _hostcalls(self._machines()) if hostcalls is None else hostcalls
        self._warned = len(worker.journal.warnings)
        self._leans = len(worker.journal.leans)
        self._callouts = worker.callouts.count

    def _machines(self) -> Collection[Machine]:
        plugins = self._chain.plugins
        if len(plugins) == 1:
            return (plugins[0].machine,)
        return {plugin.machine for plugin in plugins}

    def outcome(self, exchange: Exchange, paused: str) -> Outcome:
        worker = self._chain.worker
        journal = worker.journal
        logs = tuple(journal.logs)
        journal.logs.clear()
        machines = self._machines()
        failures = [m.failure for m in machines if m.failure is not None]
        return Outcome(
            request=exchange.to_upstream.request() if exchange.to_upstream.is_there else None,
            response=exchange.received(),
            logs=logs,
            local_reply=exchange.replied is not None,
            details=exchange.details,
            paused=paused,
            reset=exchange.has_reset and not paused,
            failure=failures[0] if failures else None,
            warnings=tuple(journal.warnings[self._warned :]),
            leans=tuple(journal.leans)[self._leans :] if journal.leans else (),
            callouts=worker.callouts.since(self._callouts),
            hostcalls=_hostcalls(machines) - self._hostcalls,
        )


def _hostcalls(machines: Collection[Machine]) -> int:
    return sum([machine.vm.hostcalls for machine in machines])

"""A worker on which everything repeats, and what may be done with it, as steps of a recording."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from wasm_filters.engine.border import Limits
from wasm_filters.http.chain import HttpChain
from wasm_filters.http.outcome import Outcome
from wasm_filters.loop import FakeClock
from wasm_filters.module import Module
from wasm_filters.recording.data import RequestData, ResponseData
from wasm_filters.recording.lines import (
    Advance,
    Enqueue,
    EventData,
    Header,
    LogData,
    OutcomeData,
    Sent,
    SharedData,
)
from wasm_filters.services.upstream import Upstream
from wasm_filters.state.metrics import Metric
from wasm_filters.tracing.event import Event
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker


class Session:
    """The plugins of ``header`` in one chain, with ``modules`` in their order.

    ``trace`` hears their calls, a new one if none is given. ``limits`` of the VMs are the usual
    ones; who listens for long, or stops in between, gives more time.
    """

    def __init__(
        self,
        header: Header,
        modules: Sequence[Module],
        clusters: Mapping[str, Upstream],
        trace: Trace | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._header = header
        self._modules = modules
        self.trace = Trace() if trace is None else trace
        self.worker = Worker(
            mode=header.mode,
            clock=FakeClock(header.clock),
            random=random.Random(header.seed),
            clusters=clusters,
            log_level=header.log_level,
            limits=limits or Limits(),
            listener=self.trace,
        )
        self._chain: HttpChain | None = None
        self._told = 0

    def start(self) -> None:
        """Start the plugins; raises as :meth:`Worker.plugin` does."""
        plugins = [
            self.worker.plugin(module, data.config())
            for module, data in zip(self._modules, self._header.plugins, strict=True)
        ]
        self._chain = HttpChain(self.worker, plugins, self._header.buffer_limit)

    def send(self, sent: Sent, upstream: Upstream) -> Outcome:
        if self._chain is None:
            raise ValueError("the plugins have not started")
        request = sent.request.request()
        return self._chain.handle(request, upstream, sent.chunks, sent.patience)

    def do(self, action: Advance | SharedData | Enqueue) -> None:
        worker = self.worker
        if isinstance(action, Advance):
            worker.advance(action.seconds)
        elif isinstance(action, SharedData):
            worker.shared.set(action.vm_id, action.key, action.value, 0)
        else:
            queue = worker.shared.resolve(action.vm_id, action.name)
            if queue is not None:
                worker.shared.enqueue(queue, action.item)
            worker.loop.run(0)

    def events(self) -> list[EventData]:
        """What was called since this was asked last."""
        new = self.trace.events[self._told :]
        self._told = len(self.trace.events)
        return [event_data(event) for event in new]

    def outcome(self, outcome: Outcome | None = None) -> OutcomeData:
        """What a step led to; logs that no request has taken are taken now."""
        journal = self.worker.journal
        if outcome is None:
            logs = tuple(journal.logs)
            journal.logs.clear()
            outcome = Outcome(None, None, logs)
        failure = outcome.failure
        return OutcomeData(
            request=RequestData.of(outcome.request) if outcome.request else None,
            response=ResponseData.of(outcome.response) if outcome.response else None,
            local_reply=outcome.local_reply,
            details=outcome.details,
            paused=outcome.paused,
            reset=outcome.reset,
            failure=f"{failure.callback}: {failure.reason}" if failure is not None else None,
            logs=[
                LogData(level=log.level, message=log.message, plugin=log.plugin)
                for log in outcome.logs
            ],
            metrics={name: _metric(one) for name, one in self.worker.metrics().items()},
        )


def _metric(metric: Metric) -> int | list[int]:
    return list(metric.samples) if metric.samples else metric.value


def event_data(event: Event) -> EventData:
    """An event as a recording keeps it: without what follows from the rest."""
    found = event.as_json()
    found.pop("changes", None)
    failure = found.pop("failure", None)
    reason = failure["reason"] if isinstance(failure, dict) else None
    return EventData.model_validate({**found, "failure": reason})
